"""The one error door: every kind of error to its status, in the envelope, saying nothing of the inside."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django_ratelimit.exceptions import Ratelimited
from redis import RedisError
from rest_framework import exceptions as drf
from rest_framework.response import Response

from datalinx import errors
from datalinx.api.envelope import failure
from datalinx.api.renderers import to_json
from datalinx.api.request_id import current_request_id
from datalinx.errors import DatalinxError, FieldError
from datalinx.orm import BROKEN_OFF

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 1

STATUSES: dict[type[DatalinxError], int] = {
    errors.BadRequest: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.TooLarge: 413,
    errors.Invalid: 422,
    errors.Failed: 422,
    errors.Cancelled: 422,
    errors.RateLimited: 429,
    errors.Unavailable: 503,
    errors.Interrupted: 503,
}


def status_of(error: DatalinxError) -> int:
    """Return the HTTP status of a kind of error."""
    return next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)


@contextmanager
def outages_told() -> Iterator[None]:
    """Tell of a database or a cache that does not answer, in what comes before a call does anything.

    A 503 says that nothing was done, so that it may be repeated; of what breaks off later nobody knows that.
    """
    try:
        yield
    except BROKEN_OFF as error:
        raise _outage("DATABASE_UNAVAILABLE", "database", error) from error
    except RedisError as error:
        raise _outage("CACHE_UNAVAILABLE", "cache", error) from error


def _outage(code: str, part: str, error: Exception) -> errors.Unavailable:
    logger.warning("a call was refused, as the %s does not answer: %s", part, error)
    message = f"The {part} of the platform does not answer. Nothing was done: try again in a moment."
    return errors.Unavailable(code, message, details={"retry_after": RETRY_AFTER_SECONDS})


def handle_exception(exception: Exception, context: Mapping[str, Any]) -> Response:
    """Return the answer for anything that a view raised. DRF calls this."""
    error = to_datalinx_error(exception)
    if error is None:
        logger.error("unexpected error", exc_info=exception)
        return Response(_crash_body(), status=500)
    response = Response(_body(error), status=_status(exception, error))
    if isinstance(exception, drf.MethodNotAllowed):
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    if isinstance(error, errors.Unauthenticated):
        response["WWW-Authenticate"] = 'Bearer realm="api"'
    if "retry_after" in error.details:
        response["Retry-After"] = str(error.details["retry_after"])
    return response


def _status(exception: Exception, error: DatalinxError) -> int:
    forced = (drf.MethodNotAllowed, drf.NotAcceptable, drf.UnsupportedMediaType)
    return exception.status_code if isinstance(exception, forced) else status_of(error)


def to_datalinx_error(exception: Exception) -> DatalinxError | None:
    """Return the error as one of our kinds, or None for a crash."""
    match exception:
        case DatalinxError():
            return exception
        case drf.ValidationError():
            return validation_error(exception.detail)
        case drf.ParseError():
            return errors.BadRequest("INVALID_REQUEST", f"The request cannot be read: {exception.detail}")
        case Ratelimited():
            return errors.RateLimited("RATE_LIMITED", "Too many attempts. Wait a while and try again.")
        case RequestDataTooBig():
            return errors.TooLarge(
                "REQUEST_TOO_LARGE", "The request's body is larger than this endpoint takes."
            )
        case Http404() | drf.NotFound():
            return errors.NotFound("NOT_FOUND", "There is nothing here that you can see.")
        case DjangoPermissionDenied() | drf.PermissionDenied():
            return errors.Forbidden("PERMISSION_DENIED", "You may not do this.")
        case drf.NotAuthenticated() | drf.AuthenticationFailed():
            return errors.Unauthenticated("AUTHENTICATION_REQUIRED", "Send a bearer token or an X-API-Key.")
        case drf.MethodNotAllowed():
            return errors.BadRequest("METHOD_NOT_ALLOWED", str(exception.detail))
        case drf.NotAcceptable():
            return errors.BadRequest("NOT_ACCEPTABLE", "This API answers application/json.")
        case drf.UnsupportedMediaType():
            return errors.BadRequest("UNSUPPORTED_MEDIA_TYPE", str(exception.detail))
    return None


def validation_error(detail: Any) -> errors.Invalid:
    """Return DRF's nested validation messages as one error with a flat list of fields."""
    found = list(_flatten(detail, ""))
    unknown = any(error.code == "unknown_field" for error in found)
    first = (
        f"{found[0].field}: {found[0].message}"
        if found and found[0].field
        else (found[0].message if found else "")
    )
    code = "UNKNOWN_FIELD" if unknown else "VALIDATION_ERROR"
    return errors.Invalid(code, first or "The request breaks a rule.", errors=found)


def _flatten(detail: Any, path: str) -> Iterator[FieldError]:
    if isinstance(detail, Mapping):
        for key, value in detail.items():
            own = "" if key == "non_field_errors" else str(key)
            yield from _flatten(value, ".".join(part for part in (path, own) if part))
    elif isinstance(detail, list):
        for index, value in enumerate(detail):
            nested = isinstance(value, Mapping | list)
            yield from _flatten(value, f"{path}[{index}]" if nested else path)
    else:
        yield FieldError(path, getattr(detail, "code", "invalid"), str(detail))


def _body(error: DatalinxError) -> dict[str, Any]:
    details = {key: value for key, value in error.details.items() if key != "retry_after"}
    return failure(
        code=error.code,
        message=error.message,
        request_id=current_request_id(),
        details=details,
        errors=error.errors,
    )


def _crash_body() -> dict[str, Any]:
    message = "Something went wrong on our side. It was logged under the request id."
    return failure(code="INTERNAL_ERROR", message=message, request_id=current_request_id())


def _plain(status: HTTPStatus, code: str, message: str) -> HttpResponse:
    body = failure(code=code, message=message, request_id=current_request_id())
    return HttpResponse(to_json(body), status=status, content_type="application/json")


def page_not_found(request: HttpRequest) -> HttpResponse:
    """Answer a URL of the API that does not exist."""
    return _plain(
        HTTPStatus.NOT_FOUND, "NOT_FOUND", f"There is no {request.path} in this API; see /api/docs."
    )


def bad_request(request: HttpRequest) -> HttpResponse:
    """Answer a request of the API that Django itself refuses to read."""
    return _plain(HTTPStatus.BAD_REQUEST, "INVALID_REQUEST", "The request cannot be read.")


def crashed(request: HttpRequest) -> HttpResponse:
    """Answer a crash outside of a view of the API."""
    return HttpResponse(to_json(_crash_body()), status=500, content_type="application/json")
