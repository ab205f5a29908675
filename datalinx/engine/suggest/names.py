"""How alike two column names are, told from their words: `dob` and `birth_date`, `E-Mail` and `email_address`."""

import re
from collections.abc import Iterable
from functools import lru_cache

from rapidfuzz.distance import JaroWinkler

# What people write for one and the same thing; a name's words are replaced by the first of their line.
_SAME_WORDS = (
    ("email", "mail"),
    ("phone", "tel", "telephone", "telefon", "mobile", "cell", "msisdn"),
    ("first", "given", "fore", "vorname", "prenom"),
    ("last", "sur", "family", "nachname", "nom"),
    ("postal", "post", "zip", "plz"),
    ("birth", "born", "geburtsdatum"),
    ("amount", "amt", "value", "betrag"),
    ("number", "no", "num", "nr"),
    ("quantity", "qty", "count"),
    ("customer", "cust", "client", "kunde"),
    ("organization", "organisation", "org", "company", "firma"),
    ("id", "identifier", "key", "guid"),
    ("address", "addr", "adresse"),
    ("city", "town", "suburb", "ort", "ville"),
    ("region", "state", "province", "county"),
    ("country", "nation", "land"),
    ("gender", "sex"),
    ("created", "created_at", "inserted"),
    ("updated", "modified", "changed"),
    ("description", "desc"),
    ("category", "cat"),
    ("currency", "ccy"),
    ("price", "cost"),
)
# Names that are written as one word, and what they say.
_PHRASES = {
    "fname": "first name",
    "firstname": "first name",
    "forename": "first name",
    "vorname": "first name",
    "lname": "last name",
    "lastname": "last name",
    "surname": "last name",
    "nachname": "last name",
    "fullname": "full name",
    "dob": "birth date",
    "birthday": "birth date",
    "birthdate": "birth date",
    "geburtsdatum": "birth date",
    "postcode": "postal code",
    "zipcode": "postal code",
    "zip": "postal code",
    "plz": "postal code",
    "emailaddress": "email",
    "phonenumber": "phone number",
    "ipaddress": "ip address",
    "username": "user name",
}
_CANONICAL = {word: line[0] for line in _SAME_WORDS for word in line}
# Words that say what sort of a thing a column is, or say nothing.
_FILLERS = frozenset({"the", "of", "a", "at", "on", "in", "field", "column", "col", "text", "str", "data"})
# How alike two words have to be to be one word with a slip in it; and how long, as short words are all alike.
_SLIP, _SLIP_LENGTH = 0.92, 5
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_a-zA-Z]+|\d+")


@lru_cache(maxsize=10_000)
def words_of(name: str) -> tuple[str, ...]:
    """Return the words of a name in lower case, each replaced by the usual one of its meaning."""
    raw = [word.lower() for word in _WORD.findall(name)]
    joined = "".join(raw)
    if joined in _PHRASES:
        raw = _PHRASES[joined].split()
    elif joined in _CANONICAL:
        raw = [joined]
    spread = [part for word in raw for part in _PHRASES.get(word, word).split()]
    words = [_CANONICAL.get(word, _CANONICAL.get(_singular(word), _singular(word))) for word in spread]
    return tuple(word for word in words if word not in _FILLERS) or tuple(words)


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 2 and word.endswith("s") and not word.endswith("ss") else word


@lru_cache(maxsize=200_000)
def name_similarity(target: str, source: str, context: tuple[str, str] = ("", "")) -> float:
    """Return 0 to 1: 1 for names that say the same.

    `context` are the names of the two tables, whose words may stand in a column's name or be left out
    (`customers.customer_id` and `customers.id`).
    """
    wanted, found = words_of(target), words_of(source)
    if not wanted or not found:
        return 0.0
    if "".join(wanted) == "".join(found):
        return 1.0
    # Words may be run together or bent: `signup` and `signed_up`.
    best = max(0.9 * _overlap(wanted, found), 0.85 * _likeness("".join(wanted), "".join(found)))
    known = {word for name in context if name for word in words_of(name)}
    shorter_wanted, shorter_found = _without(wanted, known), _without(found, known)
    if (shorter_wanted, shorter_found) != (wanted, found):
        best = max(best, 0.9 * _overlap(shorter_wanted, shorter_found))
    return best


def _without(words: tuple[str, ...], known: Iterable[str]) -> tuple[str, ...]:
    """The words without those of the table; a name of nothing else keeps them."""
    return tuple(word for word in words if word not in known) or words


def _overlap(left: tuple[str, ...], right: tuple[str, ...]) -> float:
    """The share of words that both have (Dice's coefficient); words with a slip count by their likeness."""
    rest = list(right)
    shared = 0.0
    for word in left:
        near, score = None, 0.0
        for other in rest:
            likeness = 1.0 if word == other else _likeness(word, other)
            if likeness > score:
                near, score = other, likeness
        if near is not None:
            rest.remove(near)
            shared += score
    return 2 * shared / (len(left) + len(right))


def _likeness(left: str, right: str) -> float:
    if min(len(left), len(right)) < _SLIP_LENGTH:
        return 0.0
    score = float(JaroWinkler.similarity(left, right))
    return score if score >= _SLIP else 0.0
