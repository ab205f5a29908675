"""Signing in and out."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from datalinx.console.api import Refusal
from datalinx.console.pages import protected, refusal_page, refusal_sentence
from datalinx.console.session import sign_in, sign_out


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    """Ask for e-mail address and password, and go on to where the person wanted to be."""
    back = _inside(request, request.POST.get("next") or request.GET.get("next", ""))
    email = request.POST.get("email", "").strip()
    refusal = _try(request, email) if request.method == "POST" else None
    if request.method == "POST" and refusal is None:
        return HttpResponseRedirect(back or "/")
    sentence = ""
    if refusal is not None:
        # Only what is our fault needs an id to be found by.
        sentence = refusal_sentence(refusal) if refusal.status >= 500 else refusal.message
    values = {"next": back, "email": email, "sentence": sentence}
    status = refusal.status if refusal else 200
    response = render(request, "console/login.html", values, status=status)
    protected(response)
    return response


def _try(request: HttpRequest, email: str) -> Refusal | None:
    try:
        sign_in(request, email=email, password=request.POST.get("password", ""))
    except Refusal as refusal:
        return refusal
    return None


def _inside(request: HttpRequest, target: str) -> str:
    """Return a target within this instance, or an empty text for any other."""
    allowed = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if allowed else ""


@never_cache
@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session."""
    try:
        sign_out(request)
    except Refusal as refusal:
        return refusal_page(request, refusal, None)
    return HttpResponseRedirect("/login")
