"""Looking types up, telling the API about them, and guessing them from a sample."""

import orjson
import pytest

from datalinx import errors
from datalinx.engine.types.base import BASE_TYPES
from datalinx.engine.types.builtin import BUILT_IN
from datalinx.engine.types.registry import TypeRegistry

TYPES = TypeRegistry()


def test_registry__the_documented_names__are_all_there() -> None:
    documented = (
        "string text integer bigint float double decimal boolean date datetime timestamp time json uuid binary "
        "email phone_number amount currency percentage url domain ip_address country region postal_code language "
        "time_zone person_name birth_date gender hashed_email device_id mobile_ad_id cookie_id latitude longitude"
    )
    assert TYPES.names() == tuple(documented.split())


def test_get__unknown_name__names_the_nearest() -> None:
    with pytest.raises(errors.Invalid, match="Did you mean `email`") as refused:
        TYPES.get("e_mail")
    assert refused.value.code == "UNKNOWN_TYPE"


def test_base_of__a_type_of_either_sort__is_its_base() -> None:
    assert TYPES.base_of("amount") is BASE_TYPES["decimal"]
    assert TYPES.base_of("integer") is BASE_TYPES["integer"]
    assert TYPES.semantic("integer") is None
    assert TYPES.semantic("email") is BUILT_IN[0]
    assert "email" in TYPES
    assert "e-mail" not in TYPES


def test_resolve__a_semantic_decimal__takes_figures_and_keeps_its_name() -> None:
    resolved = TYPES.resolve("amount", precision=18, scale=2)
    assert (resolved.name, resolved.base, resolved.duckdb) == ("amount", "decimal", "DECIMAL(18,2)")
    assert resolved.iceberg == "decimal(18, 2)"


def test_resolve__figures_on_a_text__are_refused() -> None:
    with pytest.raises(errors.Invalid) as refused:
        TYPES.resolve("email", precision=3)
    assert refused.value.code == "PRECISION_NOT_ALLOWED"


def test_as_documents__every_type__is_plain_json_with_the_same_keys() -> None:
    documents = orjson.loads(orjson.dumps(TYPES.as_documents()))
    assert [document["name"] for document in documents] == list(TYPES.names())
    assert len({frozenset(document) for document in documents}) == 1
    phone = documents[TYPES.names().index("phone_number")]
    assert phone["parent"] == "string"
    assert "default_region" in phone["parameters"]


@pytest.mark.parametrize(
    ("column", "values", "name"),
    [
        ("x", ["ada@example.org", "bob@example.com", None, "junk"], "email"),
        ("contact", ["+44 20 7946 0958", "+12025550123"], "phone_number"),
        ("phone", ["020 7946 0958", "0117 496 0000"], "phone_number"),
        ("x", ["https://example.org", "http://example.com/a"], "url"),
        ("x", ["203.0.113.7", "2001:db8::1"], "ip_address"),
        ("x", ["www.example.org", "example.co.uk"], "domain"),
        ("nation", ["United Kingdom", "France", "DE"], "country"),
        ("x", ["Europe/London", "Asia/Tokyo"], "time_zone"),
        ("x", ["12.5%", "7 %"], "percentage"),
        ("x", ["$1,200.50", "$3.00", "($4.10)"], "amount"),
        ("total_price", ["12.50", "3.99"], "amount"),
        ("currency_code", ["EUR", "USD"], "currency"),
        ("state", ["US-CA", "US-NY"], "region"),
        ("zip", ["90210", "10001"], "postal_code"),
        ("lat", ["51.5", "-33.9"], "latitude"),
        ("lng", ["-0.1", "151.2"], "longitude"),
        ("date_of_birth", ["1985-12-10", "1990-01-01"], "birth_date"),
        ("gender", ["M", "F", "F"], "gender"),
        ("first_name", ["Ada", "Grace"], "person_name"),
        ("locale", ["en-GB", "de_DE"], "language"),
        ("email_sha256", ["a" * 64, "b" * 64], "hashed_email"),
        ("idfa", ["38400000-8cf0-11bd-b23e-10b96e40000d"], "mobile_ad_id"),
        ("device_id", ["9774d56d682e549c"], "device_id"),
        ("visitor_id", ["GA1.2.1033501218.1368477899"], "cookie_id"),
    ],
)
def test_detect__a_typical_column__is_guessed_first(column: str, values: list[str | None], name: str) -> None:
    found = TYPES.detect(values, column_name=column)
    assert found
    assert found[0].name == name


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("quantity", ["1", "2", "30"]),
        ("x", ["51.5", "12.25"]),
        ("customer_id", ["1001", "1002", "1003"]),
        ("notes", ["Called twice.", "No answer", "Will pay on Friday"]),
        ("created", ["2024-01-05", "2024-02-01"]),
        ("flag", ["Y", "N", "Y"]),
        ("empty", [None, "", "  "]),
        ("nothing", []),
    ],
)
def test_detect__a_column_that_says_nothing__is_left_alone(column: str, values: list[str | None]) -> None:
    assert TYPES.detect(values, column_name=column) == []


def test_detect__half_of_the_values_pass__gives_the_share() -> None:
    found = TYPES.detect(["ada@example.org", "bob@example.org", "x", None])
    assert (found[0].name, round(found[0].share, 2)) == ("email", 0.67)
