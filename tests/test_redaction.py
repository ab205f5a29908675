"""Secrets in words: found by their shape, and by what the workspace's credentials are."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from datalinx import redaction
from datalinx.redaction import EVERY, HIDDEN, hide_in_answer, hide_secrets, remember

MARKED = st.text(st.characters(codec="utf-8", exclude_characters="\n\r\x00"), min_size=8, max_size=40)


@pytest.fixture(autouse=True)
def _nothing_known() -> Iterator[None]:
    redaction.forget_all()
    yield
    redaction.forget_all()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://longtokenvalue@host/x", "https://***@host/x"),
        ("host=db password=hunter2 dbname=x", "host=db password=*** dbname=x"),
        ("password='two words' dbname=x", "password=*** dbname=x"),
        ("Server=x;Pwd=hunter2;Database=y", "Server=x;Pwd=***;Database=y"),
        ("key AKIAIOSFODNN7EXAMPLE was refused", "key *** was refused"),
        ("aws_secret_access_key=wJalrXUtnFEMI", "aws_secret_access_key=***"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY----- end", "*** end"),
        ("-----BEGIN PRIVATE KEY-----\nabc cut", "***"),
        ("https://x/y?sig=abc%3D&sv=1", "https://x/y?sig=***&sv=1"),
        ("the password is wrong", "the password is wrong"),
    ],
)
def test_hide_secrets__by_their_shape__are_gone_and_the_rest_stays(text: str, shown: str) -> None:
    assert hide_secrets(text) == shown


@given(secret=MARKED, before=st.text(max_size=20), after=st.text(max_size=20))
def test_hide_secrets__of_a_workspace__never_shows_one_in_any_form(
    secret: str, before: str, after: str
) -> None:
    assume(secret.strip("*") and secret not in before + after + HIDDEN)
    redaction.forget_all()
    remember({"password": secret, "user": "reader"}, scope="ws_1")
    for form in (secret, quote(secret, safe=""), repr(secret)[1:-1]):
        for scope in ("ws_1", EVERY):
            shown = hide_secrets(f"{before} {form} {after}", scope=scope)
            assert form not in shown or form in f"{before} {HIDDEN} {after}"
    assert "reader" in hide_secrets("reader", scope="ws_1")


def test_hide_secrets__of_another_workspace__are_no_oracle_for_this_one() -> None:
    remember({"password": "correct horse"}, scope="ws_1")
    assert hide_secrets("correct horse", scope="ws_2") == "correct horse"
    assert hide_secrets("correct horse", scope=EVERY) == HIDDEN


def test_hide_secrets__of_a_short_password__takes_it_as_a_word_alone() -> None:
    remember({"password": "data"}, scope="ws_1")
    assert hide_secrets("data of datalinx", scope="ws_1") == "*** of datalinx"
    remember({"password": "ab"}, scope="ws_1")
    assert hide_secrets("a table", scope="ws_1") == "a table"


def test_hide_secrets__after_a_rotation__knows_the_new_one_too() -> None:
    remember(["whsec_abcdefghijklmnop"], scope="ws_1")
    remember(["whsec_qrstuvwxyzabcdef"], scope="ws_1")
    assert hide_secrets("qrstuvwxyzabcdef", scope="ws_1") == HIDDEN
    assert hide_secrets("abcdefghijklmnop", scope="ws_1") == HIDDEN


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"password": "hunter2", "a": 1}', '{"password": ***, "a": 1}'),
        ("{'api-key': 'x y', 'a': 1}", "{'api-key': ***, 'a': 1}"),
        ('{"password": "cut off', '{"password": ***'),
        ("Authorization: Bearer abc.def; next", "Authorization: ***; next"),
        ('"who": "bearer abc"', '"who": "bearer ***"'),
        ("x-client-secret=abc&y=1", "x-client-secret=***&y=1"),
        ("Set-Cookie: session", "Set-Cookie: ***"),
        ("signature v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4= wrong", "signature *** wrong"),
        ("dlx_sk_live_abc was used", "*** was used"),
        ("seen eyJhbGciOiJI.eyJzdWIiOiIx.c2ln.", "seen ***."),
        ("postgres://u:hunter2@host/db", "postgres://u:***@host/db"),
        ("the receiver has no token", "the receiver has no token"),
        ("", ""),
    ],
)
def test_hide_in_answer__of_a_stranger__takes_more_for_a_secret(text: str, shown: str) -> None:
    assert hide_in_answer(text, known=()) == shown


def test_hide_in_answer__with_known_secrets__shows_them_in_no_form() -> None:
    known = ["whsec_abc+def/ghijklmnop", "whsec_abc+def/ghijklmnopqrst"]
    shown = hide_in_answer(
        "whsec_abc+def/ghijklmnopqrst abc+def/ghijklmnop abc%2Bdef%2Fghijklmnopqrst", known=known
    )
    assert shown == "*** *** ***"
