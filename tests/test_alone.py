"""Of the tasks that read tables one goes on at a time on a machine, so that ticks and deliveries have a process."""

from typing import Any

import pytest

from apps.analytics.services import audiences
from apps.analytics.tasks import refresh
from apps.monitoring.services import alerts, scores
from apps.monitoring.tasks import watch
from datalinx.alone import alone


def test_alone__while_another_is_in__is_nobody_and_afterwards_whoever_comes() -> None:
    with alone("test") as first, alone("test") as second, alone("another") as other:
        assert first is not None
        assert second is None
        assert other is not None
        first()
        with alone("test") as third:
            assert third is not None


def test_reading__while_another_process_reads__is_left_to_the_next_tick(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []

    def score() -> int:
        done.append("scored")
        # As another process would, in the middle of it.
        watch()
        refresh()
        return 0

    def note(what: str) -> Any:
        return lambda: done.append(what)

    monkeypatch.setattr(scores, "score_changed_tables", score)
    monkeypatch.setattr(alerts, "evaluate_changed_rules", note("looked at rules"))
    monkeypatch.setattr(audiences, "refresh_due_audiences", note("refreshed"))
    watch()
    assert done == ["scored", "looked at rules"]
    refresh()
    assert done == ["scored", "looked at rules", "refreshed"]
