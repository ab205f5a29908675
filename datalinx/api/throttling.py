"""How often: two limits for each organization, held together in one atomic step by a shared log of calls.

In any span of 60 seconds no more than the tier's requests are accepted, in any one second no more than its
burst. The log keeps the time of each accepted call, so that both hold exactly and the headers are true.
"""

import math
import secrets
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import redis
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from datalinx.caller import Caller
from datalinx.errors import RateLimited

WINDOW = 60.0
SECOND = 1.0


@dataclass(frozen=True)
class Limits:
    """What an organization may do: calls a minute and calls in any one second."""

    minute: int
    burst: int


TIERS = {"free": Limits(60, 10), "pro": Limits(300, 50), "enterprise": Limits(1000, 100)}


@dataclass(frozen=True)
class Verdict:
    """What the log says of one call. Times are Unix seconds; `refused_by` is empty, `minute` or `burst`."""

    limit: int
    accepted: int
    oldest: float
    refused_by: str
    retry_at: float
    now: float

    @property
    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(max(0, self.limit - self.accepted)),
            "X-RateLimit-Reset": str(math.ceil(self.oldest + WINDOW)),
        }

    @property
    def retry_after(self) -> int:
        return max(1, math.ceil(self.retry_at - self.now))


class HitLog(Protocol):
    """A shared log of accepted calls."""

    def hit(self, key: str, limits: Limits) -> Verdict: ...


class SqliteHitLog:
    """The log in a SQLite file, shared by all processes of one machine."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self.path = path
        self.clock = clock
        self._local = threading.local()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self.path, timeout=10, isolation_level=None)
            # The log may be lost with the machine: after 60 seconds it would be empty anyway.
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("CREATE TABLE IF NOT EXISTS hits (key TEXT NOT NULL, at REAL NOT NULL)")
            connection.execute("CREATE INDEX IF NOT EXISTS hits_key_at ON hits (key, at)")
            self._local.connection = connection
        return connection

    def hit(self, key: str, limits: Limits) -> Verdict:
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            now = self.clock()
            connection.execute("DELETE FROM hits WHERE key = ? AND at <= ?", (key, now - WINDOW))
            times = [
                row[0] for row in connection.execute("SELECT at FROM hits WHERE key = ? ORDER BY at", (key,))
            ]
            verdict = judge(times, limits, now)
            if not verdict.refused_by:
                connection.execute("INSERT INTO hits VALUES (?, ?)", (key, now))
        finally:
            connection.execute("COMMIT")
        return verdict


def judge(times: list[float], limits: Limits, now: float) -> Verdict:
    """Return the verdict on a call at `now` after accepted calls at `times` (ascending, of the last minute)."""
    recent = [at for at in times if at > now - SECOND]
    minute_full, burst_full = len(times) >= limits.minute, len(recent) >= limits.burst
    # A slot is free when so many of the oldest have left that one fewer than the limit remains.
    minute_free = times[len(times) - limits.minute] + WINDOW if minute_full else now
    burst_free = recent[len(recent) - limits.burst] + SECOND if burst_full else now
    refused_by = "minute" if minute_full else "burst" if burst_full else ""
    return Verdict(
        limit=limits.minute,
        accepted=len(times) + (not refused_by),
        oldest=times[0] if times else now,
        refused_by=refused_by,
        retry_at=max(minute_free, burst_free),
        now=now,
    )


_LUA = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 60)
local minute, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local total = redis.call('ZCARD', KEYS[1])
local recent = redis.call('ZCOUNT', KEYS[1], '(' .. string.format('%.6f', now - 1), '+inf')
local refused, retry = '', now
if recent >= burst then
  refused = 'burst'
  retry = tonumber(redis.call('ZRANGE', KEYS[1], -burst, -burst, 'WITHSCORES')[2]) + 1
end
if total >= minute then
  refused = 'minute'
  retry = math.max(retry, tonumber(redis.call('ZRANGE', KEYS[1], -minute, -minute, 'WITHSCORES')[2]) + 60)
end
if refused == '' then
  redis.call('ZADD', KEYS[1], string.format('%.6f', now), ARGV[3])
  redis.call('PEXPIRE', KEYS[1], 61000)
  total = total + 1
end
local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or now
return {total, tostring(oldest), refused, string.format('%.6f', retry), string.format('%.6f', now)}
"""


class RedisHitLog:
    """The log in Redis or Valkey: one script, the server's own clock."""

    def __init__(self, url: str) -> None:
        self._script = redis.Redis.from_url(url, socket_timeout=5).register_script(_LUA)

    def hit(self, key: str, limits: Limits) -> Verdict:
        arguments: list[str | int] = [limits.minute, limits.burst, secrets.token_hex(8)]
        answer: Any = self._script(keys=[f"datalinx:rate:{key}"], args=arguments)
        return Verdict(
            limit=limits.minute,
            accepted=int(answer[0]),
            oldest=float(answer[1]),
            refused_by=answer[2].decode(),
            retry_at=float(answer[3]),
            now=float(answer[4]),
        )


@cache
def hit_log() -> HitLog:
    """Return the log that the settings name, made once in each process."""
    if settings.CACHE_URL:
        return RedisHitLog(settings.CACHE_URL)
    import time

    return SqliteHitLog(Path(settings.HOME) / "rate.sqlite3", time.time)


def limits_of(organization: Any) -> Limits:
    """Return an organization's limits: its tier's, or its own figures where an operator set them."""
    tier = TIERS[organization.tier]
    return Limits(organization.requests_per_minute or tier.minute, organization.burst or tier.burst)


class TieredOrganizationThrottle(BaseThrottle):
    """Count a call for the caller's organization, and refuse it when a limit is reached."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        caller: Any = request.user
        if not isinstance(caller, Caller):
            return True
        verdict = hit_log().hit(caller.organization_id, limits_of(caller.organization))
        request._request.rate_verdict = verdict  # type: ignore[attr-defined]  # read by the middleware below
        if verdict.refused_by:
            span = "minute" if verdict.refused_by == "minute" else "second"
            raise RateLimited(
                "RATE_LIMITED",
                f"Your organization's limit for one {span} is reached. Try again in {verdict.retry_after} s.",
                details={"limit": verdict.refused_by, "retry_after": verdict.retry_after},
            )
        return True


class RateLimitHeadersMiddleware:
    """Put the limit's headers on every answer to an authenticated caller."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        verdict: Verdict | None = getattr(request, "rate_verdict", None)
        if verdict is not None:
            for name, value in verdict.headers.items():
                response[name] = value
        return response
