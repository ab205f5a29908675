"""Who the client is: a service account's key, or a person's tokens that are renewed before they end.

Refresh tokens rotate and a replayed one ends its whole family. So only one thread, and with a store that locks
only one process, renews at a time; whoever waited takes up the tokens that the other brought.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from time import time
from typing import Any, Protocol

from datalinx.client.errors import APIError, AuthenticationError, ConfigurationError

Post = Callable[[str, Mapping[str, str]], Mapping[str, Any]]
"""Calls an endpoint of `/api/auth` without credentials and returns its bare answer."""

# A token that ends within this many seconds is renewed before it is used.
_EARLY = 60.0
# The codes of a 401 that a renewed token can cure.
RENEWABLE = frozenset({"TOKEN_EXPIRED", "INVALID_TOKEN"})


class Credentials(Protocol):
    """What a transport needs of credentials."""

    def headers(self, post: Post) -> dict[str, str]:
        """Return the headers that prove who is calling, signing in first where needed."""

    def renew(self, post: Post, rejected: Mapping[str, str]) -> bool:
        """Take up new credentials in place of the rejected headers; say whether there are any."""

    @property
    def has_session(self) -> bool:
        """Whether there is a session that can end."""

    def forget(self) -> None:
        """Forget the tokens of the session."""


def _header_safe(name: str, value: str) -> str:
    text = value.strip()
    if not text or not text.isascii() or not text.isprintable():
        raise ConfigurationError(
            f"The {name} is empty or holds characters that no {name} has; copy it again."
        )
    return text


class ApiKey:
    """The key of a service account."""

    def __init__(self, key: str) -> None:
        self._headers = {"X-API-Key": _header_safe("API key", key)}

    def headers(self, post: Post) -> dict[str, str]:
        return self._headers

    def renew(self, post: Post, rejected: Mapping[str, str]) -> bool:
        return False

    @property
    def has_session(self) -> bool:
        return False

    def forget(self) -> None:
        """Do nothing: a key has no session."""


@dataclass(frozen=True)
class Tokens:
    """What a login gave. `expires_at` is a Unix time, None where it is not known."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None

    @classmethod
    def from_answer(cls, answer: Mapping[str, Any], now: float) -> "Tokens":
        """Return the tokens of an answer of `/api/auth/login` or `/api/auth/refresh`."""
        expires_in = answer.get("expires_in")
        return cls(
            access_token=_header_safe("access token", str(answer.get("access_token") or "")),
            refresh_token=answer.get("refresh_token"),
            expires_at=now + float(expires_in) if expires_in is not None else None,
        )

    def ends_soon(self, now: float) -> bool:
        """Whether the access token is at its end, as far as is known."""
        return self.expires_at is not None and self.expires_at - now < _EARLY


class TokenStore(Protocol):
    """Where tokens are kept between calls. `locked` keeps all others out, other processes too if it can."""

    def locked(self) -> AbstractContextManager[None]:
        """Hold the store alone for a while. Not re-entrant."""

    def load(self) -> Tokens | None:
        """Return what was saved last."""

    def save(self, tokens: Tokens | None) -> None:
        """Keep these tokens instead of those before; None forgets them."""


class MemoryStore:
    """Tokens kept for as long as the client lives."""

    def __init__(self, tokens: Tokens | None = None) -> None:
        self._tokens = tokens
        self._lock = threading.Lock()

    @contextmanager
    def locked(self) -> Iterator[None]:
        with self._lock:
            yield

    def load(self) -> Tokens | None:
        return self._tokens

    def save(self, tokens: Tokens | None) -> None:
        self._tokens = tokens


class Session:
    """A person's session: tokens from a store, renewed in time; with a password, signed in when needed."""

    def __init__(
        self,
        *,
        store: TokenStore | None = None,
        email: str | None = None,
        password: str | None = None,
        mfa_code: str | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        self._store = store or MemoryStore()
        self._login = {"email": email, "password": password} if email and password else None
        self._mfa_code = mfa_code
        self._clock = clock

    def headers(self, post: Post) -> dict[str, str]:
        tokens = self._store.load()
        if tokens is None or tokens.ends_soon(self._clock()):
            tokens = self._renewed(post, tokens) or tokens
        if tokens is None:
            raise ConfigurationError("This session has ended; log in again.")
        return _bearer(tokens)

    def renew(self, post: Post, rejected: Mapping[str, str]) -> bool:
        used = rejected.get("Authorization", "").removeprefix("Bearer ")
        tokens = self._store.load()
        if tokens is not None and tokens.access_token != used:
            return True
        return self._renewed(post, tokens) is not None

    @property
    def has_session(self) -> bool:
        return self._store.load() is not None

    def forget(self) -> None:
        with self._store.locked():
            self._store.save(None)

    def _renewed(self, post: Post, seen: Tokens | None) -> Tokens | None:
        """Return tokens newer than those seen, or None when there is no way to get any."""
        with self._store.locked():
            present = self._store.load()
            if present is not None and present != seen:
                return present
            tokens = self._refresh(post, present) or self._sign_in(post)
            if tokens is not None:
                self._store.save(tokens)
            return tokens

    def _refresh(self, post: Post, tokens: Tokens | None) -> Tokens | None:
        if tokens is None or not tokens.refresh_token:
            return None
        try:
            return Tokens.from_answer(
                post("auth/refresh", {"refresh_token": tokens.refresh_token}), self._clock()
            )
        except AuthenticationError:
            return None

    def _sign_in(self, post: Post) -> Tokens | None:
        if self._login is None:
            return None
        body = {key: value for key, value in self._login.items() if value}
        if self._mfa_code:
            # A code holds once; a later sign-in needs a new one.
            body["mfa_code"], self._mfa_code = self._mfa_code, None
        return Tokens.from_answer(post("auth/login", body), self._clock())


def _bearer(tokens: Tokens) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens.access_token}"}


def is_renewable(error: APIError) -> bool:
    """Whether new credentials may cure this."""
    return isinstance(error, AuthenticationError) and error.code in RENEWABLE
