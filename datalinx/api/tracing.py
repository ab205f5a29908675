"""Requests as parts of a trace: the caller's, or a new one where a collector is set."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from datalinx.trace import HEADER, parse_traceparent, span


class TraceMiddleware:
    """Carry the caller's trace on, and tell a collector of the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = parse_traceparent(request.headers.get(HEADER, ""))
        method = request.method or ""
        with span(method, parent=given, kind="server", attributes={"http.request.method": method}) as made:
            response = self.get_response(request)
            # A route, not a path: it holds no id.
            if request.resolver_match is not None:
                made.rename(f"{method} {request.resolver_match.route}")
                made.note(http__route=request.resolver_match.route)
            made.note(http__response__status_code=response.status_code)
            if response.status_code >= 500:
                made.fail(f"answered {response.status_code}")
        return response
