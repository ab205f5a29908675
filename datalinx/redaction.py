"""The one place that takes secrets out of words before they are logged or kept: by their shape, and those known.

A process can give away by accident only what it has opened itself. So whoever opens a workspace's credentials tells
them to `remember`, and what is written for that workspace is searched for them. What one workspace's secrets are
must not show in what another one reads, so each is searched for its own; the process's log is searched for all.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "***"
# In place of a workspace's id: the secrets of all.
EVERY = "*"

# A shorter secret than this would take harmless words along; up to `_WORD` it has to stand as a word of its own.
_SHORTEST, _WORD = 4, 8
_MOST_SCOPES, _MOST_VALUES = 500, 400

_TELLING_NAMES = (
    "password|passwd|secret|token|authorization|api[_-]?key|credential|cookie|encryption_keys|private_key"
    "|passphrase"
)
_SECRET_KEY = re.compile(_TELLING_NAMES, re.IGNORECASE)
# Parts of credentials that are names and not secrets: without them an error would say nothing.
_PLAIN_KEY = re.compile(
    r"^(user(name)?|login|account|role|host|port|database|schema|warehouse|region|endpoint|scheme|type|auth|kind"
    r"|client_email|client_id|project_id|tenant_id|location|in|name|header|token_url|scopes?)$",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    r"""
      (?P<before> ://[^/\s:@]*: ) [^/\s@]+ (?= @ )          # a password within an address
    | (?P<only> :// ) [^/\s:@]{8,} (?= @ )                  # an address with a token for a user
    | dlx_sk_\w+?_ [\w-]{8,}                                # an API key of ours
    | whsec_ [\w+/=-]{8,}                                   # a webhook's secret
    | eyJ [\w-]{8,} \. [\w-]{8,} \. [\w-]+                  # a signed token
    | \b (?: AKIA | ASIA ) [A-Z0-9]{16} \b                  # an access key of AWS
    | -----BEGIN[ ] [A-Z ]* PRIVATE[ ]KEY-----
      (?: .*? -----END[ ] [A-Z ]* PRIVATE[ ]KEY----- | .* ) # a private key, also one that was cut off
    | (?P<scheme> \b (?: Bearer | Basic ) \s+ ) [\w.~+/=-]{8,}
    | (?P<setup> /setup/ ) [\w-]{16,}                       # the one-time link of the first start
    | (?P<named> (?i: password | passwd | pwd | secret (?:_?access)? (?:_?key)? | api_?key | access_?token
        | auth_?token | sig (?:nature)? | passphrase ) ["']? \s* [=] \s* )
      (?: '[^']*' | "[^"]*" | [^\s,;&)]+ )                  # password=... of a connection's text
    """,
    re.VERBOSE | re.DOTALL,
)

# In what a stranger answered more is taken for a secret, and nothing is lost by it.
_FOREIGN_TEXT = re.compile(
    rf"""
      v1, [A-Za-z0-9+/=]{{20,}}                             # a signature of ours
    | dlx_sk_ \w+ | whsec_ [\w+/=-]+ | eyJ [\w-]+ \. [\w-]+ \. [\w-]*
    | (?P<named> ["']? [\w.-]* (?: {_TELLING_NAMES} ) [\w.-]* ["']? \s* [:=] \s* )
      (?: "[^"]*"? | '[^']*'? | (?: (?: bearer | basic ) \s+ )? [^\s,;&}}<]+ )
    | (?P<scheme> \b (?: bearer | basic ) \s+ ) [\w.~+/=-]+
    """,
    re.VERBOSE | re.IGNORECASE,
)


def hide_secrets(value: Any, *, scope: str = "") -> Any:
    """Return a value with all in it that is, or is named like, a secret replaced by `***`.

    `scope` is the id of the workspace whose known secrets are looked for too, or `EVERY`.
    """
    if isinstance(value, str):
        known = _known.pattern(scope) if scope else None
        # What is known goes first: half of it may look like something else.
        return _SECRET_TEXT.sub(_hidden, known.sub(HIDDEN, value) if known is not None else value)
    if isinstance(value, dict):
        return {
            key: HIDDEN
            if isinstance(key, str) and _SECRET_KEY.search(key) and item
            else hide_secrets(item, scope=scope)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [hide_secrets(item, scope=scope) for item in value]
    return value


def hide_in_answer(text: str, *, known: Iterable[str]) -> str:
    """Return what a stranger answered without what looks like a secret, and without those that are known."""
    spelled = {each for secret in known for each in (secret, secret.removeprefix("whsec_"))}
    for form in sorted({form for each in spelled for form in _forms(each)}, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return _FOREIGN_TEXT.sub(_hidden_of_stranger, _SECRET_TEXT.sub(_hidden, text))


def remember(credentials: Any, *, scope: str) -> None:
    """Note secrets that this process has opened for a workspace, so that they are found in what it writes."""
    _known.add(scope, {form for text in _leaves(credentials) for form in _forms(text)})


def forget_all() -> None:
    """Forget every known secret."""
    _known.clear()


def _hidden(match: re.Match[str]) -> str:
    kept = next((match[name] for name in ("before", "only", "scheme", "setup", "named") if match[name]), "")
    return kept + HIDDEN


def _hidden_of_stranger(match: re.Match[str]) -> str:
    return (match["named"] or match["scheme"] or "") + HIDDEN


def _leaves(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, str(name))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item, key)
    elif isinstance(value, str) and len(value) >= _SHORTEST and not _PLAIN_KEY.search(key):
        yield value


def _forms(text: str) -> Iterator[str]:
    """Yield how a secret may stand in a message: as it is, in an address, in a literal, and line by line."""
    yield text
    yield quote(text, safe="")
    yield quote_plus(text)
    yield repr(text)[1:-1]
    yield text.removeprefix("whsec_")
    yield from (line for line in text.splitlines() if len(line) >= _WORD and not line.startswith("-----"))


class _Known:
    """The secrets of the workspaces that this process served last, and a pattern for each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: OrderedDict[str, set[str]] = OrderedDict()
        self._patterns: dict[str, re.Pattern[str] | None] = {}

    def add(self, scope: str, forms: set[str]) -> None:
        with self._lock:
            known = self._values.setdefault(scope, set())
            self._values.move_to_end(scope)
            if forms <= known:
                return
            # What rotated away long ago makes room for what is opened now.
            self._values[scope] = forms if len(known | forms) > _MOST_VALUES else known | forms
            while len(self._values) > _MOST_SCOPES:
                self._patterns.pop(self._values.popitem(last=False)[0], None)
            self._patterns.pop(scope, None)
            self._patterns.pop(EVERY, None)

    def pattern(self, scope: str) -> re.Pattern[str] | None:
        """Return what finds the secrets of a scope, None when none is known."""
        with self._lock:
            if scope not in self._patterns:
                forms = (
                    set().union(*self._values.values()) if scope == EVERY else self._values.get(scope, set())
                )
                if not forms:
                    return None
                # Of two that begin alike the longer one has to be tried first.
                ordered = sorted(forms, key=lambda form: (-len(form), form))
                self._patterns[scope] = re.compile("|".join(_searched(form) for form in ordered))
            return self._patterns[scope]

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
            self._patterns.clear()


def _searched(form: str) -> str:
    text = re.escape(form)
    return rf"(?<!\w){text}(?!\w)" if len(form) < _WORD else text


_known = _Known()
