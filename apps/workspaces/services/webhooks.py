"""Webhooks: made, changed, rotated."""

import base64
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.workspaces.models import Webhook, Workspace
from apps.workspaces.services.claiming import end_pending
from datalinx.caller import Caller
from datalinx.errors import FieldError, Invalid
from datalinx.events import EVENTS
from datalinx.outbound import check_literal_address
from datalinx.redaction import remember
from datalinx.sealed import seal, unseal

ROTATION_GRACE = timedelta(hours=24)
# So many secrets sign at most, the present one among them.
LIVE_SECRETS = 5


def make_secret() -> str:
    """Return a new secret: `whsec_` and 32 random bytes as padded base64 (Standard Webhooks)."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def create_webhook(
    *,
    workspace: Workspace,
    actor: Caller,
    url: str,
    events: Sequence[str],
    enabled: bool = True,
    description: str = "",
) -> tuple[Webhook, str]:
    """Make a webhook and return it with its secret, which is shown this one time. Raises Invalid."""
    check_webhook(url=url, events=events)
    secret = make_secret()
    webhook = Webhook(
        workspace=workspace,
        url=url,
        events=list(events),
        enabled=enabled,
        description=description,
        created_by=actor.id,
    )
    _set_secret(webhook, secret)
    webhook.save()
    return webhook, secret


@transaction.atomic
def update_webhook(*, webhook: Webhook, actor: Caller, **values: Any) -> Webhook:
    """Change a webhook. Enabling it again clears why it was disabled; disabling it ends what waits for it."""
    check_webhook(url=values.get("url", webhook.url), events=values.get("events", webhook.events))
    was_enabled = webhook.enabled
    for field, value in values.items():
        setattr(webhook, field, value)
    written = list(values)
    if values.get("enabled"):
        webhook.disabled_reason, webhook.disabled_at = "", None
        webhook.failing_since = webhook.failing_again_at = None
        written += ["disabled_reason", "disabled_at", "failing_since", "failing_again_at"]
    elif was_enabled and not webhook.enabled:
        webhook.disabled_reason, webhook.disabled_at = "", timezone.now()
        written += ["disabled_reason", "disabled_at"]
    # Only what was given: a worker may note a failure, or disable the webhook, in the same moment.
    webhook.save(update_fields=[*written, "updated_at"])
    if not webhook.enabled:
        end_pending(webhook.pk)
    return webhook


def check_webhook(*, url: str, events: Sequence[str]) -> None:
    """Refuse an address that is never reached and events that do not exist. Raises Invalid."""
    unknown = [event for event in events if event not in EVENTS]
    if unknown or not events:
        message = f"events: choose from {', '.join(EVENTS)}."
        raise Invalid("UNKNOWN_EVENT", message, errors=[FieldError("events", "invalid", message)])
    check_literal_address(url, allow=settings.OUTBOUND_ALLOW_CIDRS)


def _set_secret(webhook: Webhook, secret: str) -> None:
    webhook.sealed_secret = seal(secret, context=f"webhook:{webhook.pk}")
    webhook.secret_last_four = secret[-4:]


@transaction.atomic
def rotate_secret(*, webhook: Webhook, actor: Caller) -> str:
    """Make a new secret and return it; the old ones sign beside it, each for a day from its own rotation."""
    webhook.refresh_from_db(from_queryset=Webhook.objects.select_for_update(no_key=True))
    now = timezone.now()
    if webhook.previous_secret_until is not None:
        previous = {
            "sealed": webhook.sealed_previous_secret,
            "until": webhook.previous_secret_until.isoformat(),
        }
        older = [previous, *webhook.older_secrets]
        # Two of them are those kept in the row itself.
        webhook.older_secrets = [each for each in older if _lives(each, now)][: LIVE_SECRETS - 2]
    webhook.sealed_previous_secret = webhook.sealed_secret
    webhook.previous_secret_until = now + ROTATION_GRACE
    secret = make_secret()
    _set_secret(webhook, secret)
    webhook.save(
        update_fields=[
            "sealed_secret",
            "secret_last_four",
            "sealed_previous_secret",
            "previous_secret_until",
            "older_secrets",
            "updated_at",
        ]
    )
    return secret


def live_secrets(webhook: Webhook) -> list[str]:
    """Return the secrets that sign now: the present one first, then those before it while they live."""
    context, now = f"webhook:{webhook.pk}", timezone.now()
    sealed = [webhook.sealed_secret]
    if webhook.previous_secret_until is not None and webhook.previous_secret_until > now:
        sealed.append(webhook.sealed_previous_secret)
    sealed += [each["sealed"] for each in webhook.older_secrets if _lives(each, now)]
    secrets = [str(unseal(each, context=context)) for each in sealed]
    remember(secrets, scope=webhook.workspace_id)
    return secrets


def _lives(secret: dict[str, str], now: datetime) -> bool:
    return datetime.fromisoformat(secret["until"]) > now
