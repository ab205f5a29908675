"""What keeps a table that looks wrong from being published."""

from collections.abc import Mapping

from datalinx import errors
from datalinx.engine.execute.ledger import Counts
from datalinx.engine.execute.results import Guards


def require_rows(table: str, counts: Counts, guards: Guards) -> None:
    """Raise `Failed` `EMPTY_SOURCE` when nothing was read and that is not allowed."""
    if counts.read == 0 and guards.empty_source == "fail":
        message = (
            f"The input of `{table}` has no rows, so nothing was published. Bring data into its source, or set the "
            "pipeline's `guards.empty_source` to `allow` if it may be empty."
        )
        raise errors.Failed("EMPTY_SOURCE", message)


def require_few_rejects(table: str, counts: Counts, by_reason: Mapping[str, int], guards: Guards) -> None:
    """Raise `Failed` `MAX_REJECTED_EXCEEDED` when more rows were rejected than the pipeline puts up with."""
    share = counts.rejected / counts.read if counts.read else 0.0
    rows, most = guards.max_rejected_rows, guards.max_rejected_share
    rejected, what = counts.rejected, ""
    if rows is not None and counts.rejected > rows:
        limit = f"at most {rows}"
    elif most is not None and share > most:
        limit = f"at most {most:.2%}"
    elif reason := _first_over(by_reason, guards.max_rejected_reasons):
        rejected, what = by_reason[reason], f" for `{reason}`"
        limit = f"at most {guards.max_rejected_reasons[reason]} of them"
    else:
        return
    message = (
        f"{rejected} of {counts.read} rows of `{table}` ({rejected / counts.read:.2%}) were rejected{what} and its "
        f"pipeline allows {limit}, so nothing was published. Look at the rejected rows, mend the source or the "
        "mapping, or raise `max_rejected`."
    )
    details = {
        "rejected": counts.rejected,
        "read": counts.read,
        "share": share,
        "rejected_by_reason": dict(by_reason),
    }
    raise errors.Failed("MAX_REJECTED_EXCEEDED", message, details=details)


def _first_over(by_reason: Mapping[str, int], limits: Mapping[str, int]) -> str | None:
    """The reason that is over its own limit, the most frequent of several."""
    return next((each for each, count in by_reason.items() if count > limits.get(each, count)), None)


def require_few_deletes(table: str, gone: int, stored: int, guards: Guards) -> None:
    """Raise `Failed` `MAX_DELETED_EXCEEDED` when too large a share of the stored rows would be gone."""
    most = guards.max_deleted_share
    if most is None or not stored or gone / stored <= most:
        return
    message = (
        f"{gone} of {stored} rows stored in `{table}` ({gone / stored:.2%}) would be gone and its pipeline allows at "
        f"most {most:.2%}, so nothing was published. Check that the input is whole, or raise "
        "`guards.max_deleted_share`."
    )
    raise errors.Failed("MAX_DELETED_EXCEEDED", message, details={"deleted": gone, "stored": stored})
