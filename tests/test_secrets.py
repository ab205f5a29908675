"""Secrets open with their keys in their own row, and nowhere else."""

import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalinx.errors import Failed
from datalinx.secrets import decrypt, encrypt, needs_rotation, new_key, rotate

OLD, NEW = new_key(), new_key()
CONTEXT = "source.credentials:src_1"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(value=JSON)
def test_secret__opened_where_it_belongs__is_the_same_value(value):
    assert decrypt(encrypt(value, context=CONTEXT, keys=[NEW]), context=CONTEXT, keys=[NEW]) == value


def test_secret__encrypted_twice__gives_two_tokens_without_the_plain_text():
    first, second = (encrypt("hunter2", context=CONTEXT, keys=[NEW]) for _ in range(2))
    assert first != second
    assert "hunter2" not in first


@pytest.mark.parametrize("context", ["source.credentials:src_2", "webhook.secret:src_1", "", CONTEXT + " "])
def test_secret__moved_to_another_row_or_field__does_not_open(context):
    token = encrypt({"password": "x"}, context=CONTEXT, keys=[NEW])
    with pytest.raises(Failed, match="belongs to something else") as caught:
        decrypt(token, context=context, keys=[NEW])
    assert caught.value.code == "SECRET_UNREADABLE"


@pytest.mark.parametrize(
    "damage", [lambda t: t[:-8], lambda t: t[:20] + "A" + t[21:], lambda t: "", lambda t: "ü"]
)
def test_secret__damaged_token__does_not_open(damage):
    token = encrypt("x", context=CONTEXT, keys=[NEW])
    with pytest.raises(Failed) as caught:
        decrypt(damage(token), context=CONTEXT, keys=[NEW])
    assert caught.value.code == "SECRET_UNREADABLE"


def test_secret__foreign_key__does_not_open_and_tells_nothing():
    token = encrypt("hunter2", context=CONTEXT, keys=[OLD])
    with pytest.raises(Failed, match="enter it again") as caught:
        decrypt(token, context=CONTEXT, keys=[NEW])
    shown = "".join(traceback.format_exception(caught.value))
    assert "InvalidToken" not in shown
    assert token not in shown


def test_rotation__old_token__opens_with_the_new_key_alone():
    token = encrypt([1, "two"], context=CONTEXT, keys=[OLD])
    assert needs_rotation(token, keys=[NEW, OLD])
    turned = rotate(token, context=CONTEXT, keys=[NEW, OLD])
    assert not needs_rotation(turned, keys=[NEW, OLD])
    assert decrypt(turned, context=CONTEXT, keys=[NEW]) == [1, "two"]


def test_rotation__token_of_another_row__is_refused():
    token = encrypt("x", context="other:1", keys=[OLD])
    with pytest.raises(Failed):
        rotate(token, context=CONTEXT, keys=[NEW, OLD])


@pytest.mark.parametrize(
    ("keys", "code"), [([], "ENCRYPTION_KEY_MISSING"), ([NEW, "short"], "ENCRYPTION_KEY_INVALID")]
)
def test_keys__missing_or_malformed__are_named_in_a_sentence(keys, code):
    with pytest.raises(Failed) as caught:
        encrypt("x", context=CONTEXT, keys=keys)
    assert caught.value.code == code
    assert "short" not in caught.value.message


def test_secret__value_that_is_no_json__is_refused_without_being_shown():
    with pytest.raises(TypeError) as caught:
        encrypt({"password": b"hunter2"}, context=CONTEXT, keys=[NEW])
    assert "hunter2" not in str(caught.value)
