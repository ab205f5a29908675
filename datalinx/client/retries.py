"""When a failed call is tried again, and after how long."""

import random
from dataclasses import dataclass

from datalinx.client.errors import APIError, ConnectionFailed, RateLimited, ServerError, Unavailable


@dataclass(frozen=True)
class Retries:
    """How often to try again and how long to wait. All times in seconds.

    A server's `Retry-After` is obeyed to the letter; without one the pause doubles from `first` to `longest_own`,
    with jitter so that many clients do not come back together. A `Retry-After` over `longest_asked` is not waited
    for: the caller gets the error, which says how long it would be.
    """

    times: int = 5
    first: float = 0.5
    longest_own: float = 8.0
    longest_asked: float = 70.0

    def pause(self, error: APIError, *, tried: int, repeatable: bool) -> float | None:
        """Return the seconds to wait before trying again, or None when trying again is wrong.

        `tried` counts the retries so far. `repeatable` says that doing the call twice does no harm: GET, PUT,
        DELETE, and POST with an Idempotency-Key. A refused call (429, 503) and one that was never sent did
        nothing, so that they may be repeated whatever they are.
        """
        if tried >= self.times or not _may_repeat(error, repeatable):
            return None
        if error.retry_after is None:
            return min(self.longest_own, self.first * 2.0**tried) * random.uniform(0.5, 1.0)  # noqa: S311  # jitter
        if error.retry_after > self.longest_asked:
            return None
        return error.retry_after + random.uniform(0.0, 0.25)  # noqa: S311  # jitter


def _may_repeat(error: APIError, repeatable: bool) -> bool:
    match error:
        case RateLimited() | Unavailable():
            return True
        case ConnectionFailed():
            return repeatable or not error.sent
        case ServerError():
            return repeatable
        case _:
            return False
