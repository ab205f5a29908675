"""A seeded generator of orders with planted faults: what it planted is what every count is compared with.

Each record draws its fate from the MD5 of its number and the seed, which is the same in every version of DuckDB
and in every order of work. The values are such that a careful person and the platform agree on each of them:
telephone numbers are of the United Kingdom, written in five ways.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

FIRST_ORDER = 1_000_000

# Per 1,024 records, how many have each fault, in the order of the target's columns: (reason, field, share).
FAULTS: tuple[tuple[str, str, int], ...] = (
    ("invalid_email", "email", 10),
    ("invalid_phone_number", "phone", 8),
    ("invalid_amount", "amount", 5),
    ("invalid_date", "ordered_on", 5),
    ("null_not_allowed", "country", 3),
)

COUNTRIES: Mapping[str, str] = {
    "AT": "Austria", "BE": "Belgium", "CA": "Canada", "CH": "Switzerland", "DE": "Germany", "DK": "Denmark",
    "ES": "Spain", "FI": "Finland", "FR": "France", "GB": "United Kingdom", "IE": "Ireland", "IT": "Italy",
    "NL": "Netherlands", "NO": "Norway", "PT": "Portugal", "SE": "Sweden",
}  # fmt: skip

_FIRST = (
    "Ann",
    "Ben",
    "Cleo",
    "Dan",
    "Eve",
    "Finn",
    "Grace",
    "Hugo",
    "Ines",
    "Jan",
    "Kim",
    "Lea",
    "Max",
    "Nora",
)
_LAST = (
    "Smith",
    "Jones",
    "O'Brien",
    "Garcia",
    "Meyer",
    "Novak",
    "Rossi",
    "Silva",
    "Larsen",
    "Dubois",
    "Kowalski",
)
_DOMAINS = ("example.org", "mail.example.com", "example.net", "shop.example.co.uk")


@dataclass(frozen=True)
class Orders:
    """Generated files: `orders` and `countries` are CSV, `planted` is Parquet.

    `planted` has a row for each record: `order_id`, `updated_at` and `faults`, the fields that are wrong in it.
    """

    folder: Path
    rows: int

    @property
    def orders(self) -> Path:
        return self.folder / "orders.csv"

    @property
    def countries(self) -> Path:
        return self.folder / "countries.csv"

    @property
    def planted(self) -> Path:
        return self.folder / "planted.parquet"


@dataclass(frozen=True)
class Planted:
    """What a right run over the orders counts."""

    read: int
    rejected: int
    deduplicated: int
    inserted: int
    rejected_by_reason: Mapping[str, int]


def generate(folder: Path, rows: int, *, seed: int = 1) -> Orders:
    """Write so many orders into a folder below the given one, unless they are there already."""
    made = Orders(folder / f"orders-{rows}-{seed}", rows)
    if made.planted.exists():
        return made
    made.folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(config={"threads": 2}) as connection:
        _copy(connection, _select("code, name", f"(VALUES {_pairs()}) AS c(code, name)"), made.countries)
        connection.execute(f"CREATE TABLE drawn AS {_drawn(rows, seed)}")
        columns = "order_id, email, phone, amount, ordered_on, name, country, updated_at"
        _copy(connection, _select(columns, f"({_written()})"), made.orders)
        faults = ", ".join(f"CASE WHEN {reason} THEN '{field}' END" for reason, field, _ in FAULTS)
        planted = f"order_id, updated_at, list_filter([{faults}], lambda f: f IS NOT NULL) AS faults"
        # Written last and by a rename: where it is, the rest is whole.
        partial = made.planted.with_suffix(".partial")
        _copy(connection, _select(planted, "drawn"), partial, "FORMAT parquet")
    partial.rename(made.planted)
    return made


def planted(orders: Orders) -> Planted:
    """Return what a right run over the orders counts, from what was planted alone."""
    reasons = " ".join(f"WHEN '{field}' THEN '{reason}'" for reason, field, _ in FAULTS)
    with duckdb.connect() as connection:
        source = f"read_parquet('{orders.planted}')"
        read, rejected, inserted = connection.execute(
            "SELECT count(*), count(*) FILTER (len(faults) > 0), "
            f"count(DISTINCT order_id) FILTER (len(faults) = 0) FROM {source}"
        ).fetchall()[0]
        by_reason = connection.execute(
            f"SELECT CASE faults[1] {reasons} END, count(*) FROM {source} WHERE len(faults) > 0 GROUP BY 1"
        ).fetchall()
    return Planted(read, rejected, read - rejected - inserted, inserted, dict(by_reason))


def _select(columns: str, source: str) -> str:
    return f"SELECT {columns} FROM {source}"


def _copy(
    connection: duckdb.DuckDBPyConnection, select: str, path: Path, options: str = "FORMAT csv, HEADER"
) -> None:
    connection.execute(f"COPY ({select}) TO '{path}' ({options})")


def _pairs() -> str:
    return ", ".join(f"('{code}', '{name}')" for code, name in COUNTRIES.items())


def _drawn(rows: int, seed: int) -> str:
    """Each record's draws: its faults, its key, its time, and 128 bits (`a`, `b`) for the rest.

    One record in 50 is another version of an order before it. The times are a permutation of the seconds, so
    that the newest version of an order is one of them, and not always the last.
    """
    draws = (
        f"SELECT i, md5_number_lower('{seed}:' || i) AS a, md5_number_upper('{seed}:' || i) AS b "
        f"FROM range({rows}) AS r(i)"
    )
    faults = ", ".join(
        f"((a >> {10 * number}) & 1023) < {share} AS {reason}"
        for number, (reason, _, share) in enumerate(FAULTS)
    )
    key = f"CASE WHEN b % 50 = 0 AND i > 0 THEN (a >> 8) % i ELSE i END + {FIRST_ORDER}"
    moment = f"CAST(TIMESTAMP '2024-01-01' + to_seconds((i * 7919) % {rows}) AS VARCHAR)"
    return (
        f"SELECT i, a, b, CAST({key} AS BIGINT) AS order_id, {moment} AS updated_at, {faults} FROM ({draws})"
    )


def _written() -> str:
    """The columns as a careless system writes them."""
    first, last = _pick(_FIRST, "b >> 8"), _pick(_LAST, "b >> 16")
    digits = "lpad(CAST((b >> 24) % 10000 AS VARCHAR), 4, '0')"
    number = f"'7946 ' || {digits}"
    day = "DATE '2023-01-01' + CAST((b >> 40) % 700 AS INTEGER)"
    price = "CAST(CAST((a >> 24) % 999999 + 1 AS DECIMAL(18,0)) / 100 AS DECIMAL(18,2))"
    person = f"{first} || '.' || replace({last}, '''', '')"
    address = f"{person} || ((a >> 50) % 5000) || '@' || {_pick(_DOMAINS, 'b >> 50')}"
    return f"""
SELECT order_id, updated_at,
  CASE WHEN invalid_email THEN CASE b % 3 WHEN 0 THEN {first} || ' at example.org' WHEN 1 THEN '@example.org'
                                          ELSE {first} || '@example' END
       WHEN b % 20 = 1 THEN NULL
       WHEN b % 4 = 0 THEN '  ' || upper({address}) WHEN b % 4 = 1 THEN {address} || ' '
       ELSE {address} END AS email,
  CASE WHEN invalid_phone_number THEN CASE a % 3 WHEN 0 THEN 'unknown' WHEN 1 THEN '12345' ELSE '+44 20 79' END
       WHEN a % 16 = 1 THEN NULL
       WHEN a % 5 = 0 THEN '+44 20 ' || {number} WHEN a % 5 = 1 THEN '(020) ' || {number}
       WHEN a % 5 = 2 THEN '020-' || replace({number}, ' ', '-') WHEN a % 5 = 3 THEN '0044 20 ' || {number}
       ELSE '+4420' || replace({number}, ' ', '') END AS phone,
  CASE WHEN invalid_amount THEN CASE b % 2 WHEN 0 THEN 'n/a' ELSE '12.3.4' END
       WHEN a % 7 = 0 THEN '$' || format('{{:,.2f}}', CAST({price} AS DOUBLE)) WHEN a % 7 = 1 THEN ' ' || {price}
       ELSE CAST({price} AS VARCHAR) END AS amount,
  CASE WHEN invalid_date THEN CASE b % 2 WHEN 0 THEN '31/02/2024' ELSE 'soon' END
       WHEN b % 10 < 3 THEN strftime({day}, '%d/%m/%Y') ELSE strftime({day}, '%Y-%m-%d') END AS ordered_on,
  CASE a % 6 WHEN 0 THEN ' ' || {first} || '  ' || {last} WHEN 1 THEN {first} || ' ' || {last} || ' '
       ELSE {first} || ' ' || {last} END AS name,
  CASE WHEN null_not_allowed THEN 'ZZ' ELSE {_pick(tuple(COUNTRIES), "a >> 44")} END AS country
FROM drawn ORDER BY i"""


def _pick(values: tuple[str, ...], draw: str) -> str:
    listed = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return f"[{listed}][CAST(({draw}) % {len(values)} AS INTEGER) + 1]"
