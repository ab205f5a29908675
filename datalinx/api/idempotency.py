"""`Idempotency-Key`: the same key and body on a POST answer with the first answer, for 24 hours.

The claim is a row of its own, committed first, so that a second call sees that the first is under way. The
effect and its stored answer then commit in one transaction, on condition that the claim is still held: a
process that dies in between leaves neither, and a claim that was lost undoes the effect. The process that answers
renews the claim, so that one that died does not keep the key.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from datalinx.api import claims
from datalinx.api.renderers import to_json
from datalinx.caller import Caller
from datalinx.errors import BadRequest, Interrupted, Invalid, Unavailable
from datalinx.failpoints import reach
from datalinx.registry import registered_model
from datalinx.sealed import seal, unseal

Answer = HttpResponseBase

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
# What a repeated answer brings back besides its body.
KEPT_HEADERS = ("ETag",)


def answer_once(
    request: Request, caller: Caller, act: Callable[[], Answer], *, is_long: bool = False
) -> Answer:
    """Return what `act` answers, or what it answered the first time this key came with this body.

    With `is_long` the effect does not share a transaction with its stored answer: an upload or a query must not
    keep every other writer waiting. A process that dies between the two leaves the effect and an open claim.
    """
    key = request.headers.get(HEADER, "").strip()
    if not key or request.method != "POST":
        return act()
    if len(key) > 255 or not key.isprintable():
        raise BadRequest("INVALID_IDEMPOTENCY_KEY", f"{HEADER} must be at most 255 printable characters.")
    return _claimed(_fingerprint(request), f"{caller.id}:{key}", caller, act, is_long=is_long)


def _claimed(
    fingerprint: str, key: str, caller: Caller, act: Callable[[], Answer], *, is_long: bool
) -> Answer:
    model = registered_model("idempotency_model")
    now = timezone.now()
    rows = model.objects.filter(organization_id=caller.organization_id, key=key)
    rows.filter(created_at__lte=now - KEPT).delete()
    holder = claims.new_holder()
    try:
        with transaction.atomic():
            model.objects.create(
                organization_id=caller.organization_id,
                key=key,
                fingerprint=fingerprint,
                holder=holder,
                claimed_at=Now(),
            )
    except IntegrityError:
        record = rows.first()
        if record is None:
            raise _in_progress() from None
        if not hmac.compare_digest(record.fingerprint, fingerprint):
            message = f"This {HEADER} was used with another request; choose a new key."
            raise Invalid("IDEMPOTENCY_KEY_REUSED", message) from None
        if record.answer:
            return _replay(record)
        if not rows.filter(claims.free()).update(claimed_at=Now(), holder=holder):
            raise _in_progress() from None
    with claims.renew(holder):
        return _act_and_store(rows.filter(holder=holder), key, act, is_long=is_long)


def _act_and_store(claim: Any, key: str, act: Callable[[], Answer], *, is_long: bool) -> Answer:
    stored = False
    try:
        with nullcontext() if is_long else transaction.atomic():
            response = act()
            reach("web.before_keeping")
            if response.status_code < 300:
                token = seal(_kept(response), context=f"idempotency:{key}")
                if not claim.update(answer=token) and not is_long:
                    raise Interrupted(
                        "IDEMPOTENCY_CLAIM_LOST", "This call took too long and was undone; repeat it."
                    )
                stored = True
        return response
    finally:
        if not stored:
            with suppress(Exception):
                claim.filter(answer="").delete()


def _kept(response: Answer) -> dict[str, Any]:
    """Return an answer as the JSON that is kept: its data, or the bytes of one that is no JSON."""
    kept: dict[str, Any] = {"status": response.status_code}
    kept["headers"] = {name: response[name] for name in KEPT_HEADERS if name in response}
    if isinstance(response, Response):
        # As the wire has it, so that a time reads the same the second time.
        return {**kept, "data": orjson.loads(to_json(response.data))}
    if not isinstance(response, HttpResponse):
        raise TypeError("an answer that is streamed cannot be kept; set `repeatable` to False on its view")
    content = base64.b64encode(response.content).decode()
    return {**kept, "content": content, "content_type": response["Content-Type"]}


def _replay(record: Any) -> Answer:
    kept = unseal(record.answer, context=f"idempotency:{record.key}")
    response: Answer
    if "content" in kept:
        content = base64.b64decode(kept["content"])
        response = HttpResponse(content, status=kept["status"], content_type=kept["content_type"])
    else:
        response = Response(kept["data"], status=kept["status"])
    for name, value in kept["headers"].items():
        response[name] = value
    response["Idempotency-Replayed"] = "true"
    return response


def _in_progress() -> Unavailable:
    message = "The first call with this key is still under way; try again in a second."
    return Unavailable("IDEMPOTENCY_IN_PROGRESS", message, details={"retry_after": 1})


def _fingerprint(request: Request) -> str:
    digest = hashlib.sha256(
        f"{request.method} {request.path} {request.headers.get('X-Workspace', '')}\n".encode()
    )
    if str(request.content_type).startswith("multipart/"):
        _digest_form(request, digest)
    else:
        digest.update(orjson.dumps(request.data, option=orjson.OPT_SORT_KEYS))
    digest.update(settings.SECRET_KEY.encode())
    return digest.hexdigest()


def _digest_form(request: Request, digest: Any) -> None:
    """Add a form's fields and the content of its files, whatever the boundary between them."""
    for name, values in sorted(request.POST.lists()):
        digest.update(orjson.dumps([name, values]))
    for name, files in sorted(request.FILES.lists()):
        for file in files:
            digest.update(orjson.dumps([name, file.name, file.size]))
            for chunk in file.chunks():
                digest.update(chunk)
            file.seek(0)
