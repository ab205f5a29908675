"""The one-time link of a first start, and the page behind it that makes the first organization."""

import hashlib
import hmac
import secrets
from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from datalinx.errors import DatalinxError
from datalinx.registry import registered

_KEY = "setup-token"
TOKEN_SECONDS = 24 * 3600


def make_token() -> str:
    """Return a new token for the link; an older one no longer works. Only its hash is kept, for a day."""
    token = secrets.token_urlsafe(32)
    cache.set(_KEY, _digest(token), timeout=TOKEN_SECONDS)
    return token


def is_valid(token: str) -> bool:
    """Return whether this is the token of the last link, and there is still something to set up."""
    stored = cache.get(_KEY, "")
    return bool(stored) and hmac.compare_digest(stored, _digest(token)) and not registered("is_set_up")()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class SetupForm(forms.Form):
    """The first organization and its administrator."""

    organization = forms.CharField(max_length=200, label="Organization")
    email = forms.EmailField(max_length=254, label="Your e-mail address")
    password = forms.CharField(
        max_length=1024,
        strip=False,
        label="Password",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters, and not one that others use.",
    )
    password_again = forms.CharField(
        max_length=1024,
        strip=False,
        label="The same password again",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password)
        return password

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if values.get("password", "") != values.get("password_again", "") and "password" in values:
            self.add_error("password_again", "The two passwords differ.")
        return values

    def create(self) -> bool:
        """Make the organization. Return False, with the reasons in `errors`, when that is not possible."""
        if not self.is_valid():
            return False
        values = {name: self.cleaned_data[name] for name in ("email", "password", "organization")}
        try:
            registered("create_first_organization")(**values)
        except DatalinxError as error:
            self.add_error(None, error.message)
            return False
        return True


@never_cache
@sensitive_post_parameters()
def setup_page(request: HttpRequest, token: str) -> HttpResponse:
    """Show the form, and make the organization from it; afterwards the link is used up."""
    if not is_valid(token):
        return render(request, "up/setup_over.html", status=404)
    form = SetupForm(request.POST or None)
    if request.method == "POST" and form.create():
        cache.delete(_KEY)
        return HttpResponseRedirect("/")
    # 422, as in the API: it could be read and breaks a rule.
    return render(request, "up/setup.html", {"form": form}, status=422 if form.errors else 200)
