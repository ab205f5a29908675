"""When a receiver has failed for so long that its webhook is disabled, and who is told of it.

The clock begins with the first failure after a success, and a success ends it. A single failure long ago does not
count: at least one more must have come half a day or more after the first and within the five days; otherwise the
clock begins anew with the failure at hand.
"""

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.db import transaction

from apps.workspaces.models import Webhook
from apps.workspaces.services.claiming import end_pending
from datalinx.events import emit

logger = logging.getLogger(__name__)

FAILING_FOR = timedelta(days=5)
SPREAD_OVER = timedelta(hours=12)
GONE_REASON = "The receiver answered 410: it is gone."
FAILED_REASON = "Every delivery failed for five days."


def note_success(webhook_ids: Collection[str]) -> None:
    """Stop the clocks of webhooks that received something."""
    Webhook.objects.filter(pk__in=webhook_ids, failing_since__isnull=False).update(
        failing_since=None, failing_again_at=None
    )


def note_failures(webhook: Webhook, *, is_gone: bool, now: datetime) -> None:
    """Run the clock of a webhook on, whose row is locked, and disable it when it is time or the receiver is gone."""
    mine = Webhook.objects.filter(pk=webhook.pk)
    failing_for = now - (webhook.failing_since or now)
    if is_gone:
        disable_webhook(webhook, reason=GONE_REASON, now=now)
    elif webhook.failing_since is None:
        mine.update(failing_since=now)
    elif SPREAD_OVER <= failing_for < FAILING_FOR:
        mine.update(failing_again_at=now)
    elif failing_for >= FAILING_FOR and webhook.failing_again_at is not None:
        disable_webhook(webhook, reason=FAILED_REASON, now=now)
    elif failing_for >= FAILING_FOR:
        mine.update(failing_since=now)


@transaction.atomic
def disable_webhook(webhook: Webhook, *, reason: str, now: datetime) -> None:
    """Disable a webhook and tell: its own row, the process log, and whoever listens to `webhook.disabled`."""
    enabled = Webhook.objects.filter(pk=webhook.pk, enabled=True)
    if not enabled.update(enabled=False, disabled_reason=reason, disabled_at=now):
        return
    end_pending(webhook.pk, reason=f"The webhook was disabled. {reason}")
    host = urlsplit(webhook.url).hostname or ""
    logger.warning("The webhook %s to %s was disabled: %s", webhook.pk, host, reason)
    # The path and the query of its URL may hold a secret of the receiver.
    emit(
        "webhook.disabled",
        workspace=webhook.workspace,
        webhook_id=webhook.pk,
        host=host,
        description=webhook.description,
        reason=reason,
        failing_since=webhook.failing_since,
    )
