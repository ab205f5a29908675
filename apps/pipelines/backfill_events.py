"""A backfill as it happens, for those who watch it."""

import time
from collections.abc import Iterator

from apps.pipelines.backfill_serializers import BackfillDetailSerializer
from apps.pipelines.models import Backfill
from apps.pipelines.selectors import PING_SECONDS, POLL_SECONDS, STREAM_SECONDS, let_go
from datalinx.api.renderers import to_json


def stream_backfill(backfill: Backfill) -> Iterator[bytes]:
    """Yield a backfill as server-sent events, whole each time that it has changed, until it ends."""
    ends_at = time.monotonic() + STREAM_SECONDS
    seen, last_sent = None, time.monotonic()
    rows = Backfill.objects.select_related("pipeline")
    try:
        while time.monotonic() < ends_at:
            fresh = rows.get(pk=backfill.pk)
            if (fresh.updated_at, fresh.status) != seen:
                seen, last_sent = (fresh.updated_at, fresh.status), time.monotonic()
                yield b"event: backfill\ndata: %s\n\n" % to_json(BackfillDetailSerializer(fresh).data)
            if fresh.is_finished:
                yield b"event: end\ndata: {}\n\n"
                return
            if time.monotonic() - last_sent > PING_SECONDS:
                last_sent = time.monotonic()
                yield b": still here\n\n"
            let_go()
            time.sleep(POLL_SECONDS)
    except Backfill.DoesNotExist:
        yield b"event: end\ndata: {}\n\n"
    finally:
        let_go()
