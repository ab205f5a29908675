"""B1 by hand: the SQL that a careful person writes for DuckDB. Reads once, stages typed columns, copies twice."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

_COLUMNS = ("order_id", "email", "phone", "amount", "ordered_on", "name", "country", "updated_at")

_EMAIL = r"[a-z0-9!#$%&''*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&''*+/=?^_`{|}~-]+)*@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}"


def _statements(work: dict[str, Any]) -> Iterator[str]:
    """Stage; then write what is right, and what is wrong with field, reason, value and the row as it was read."""
    yield rf"""
CREATE TEMP TABLE staged AS
WITH source AS (
  SELECT o.*, c.name AS country_name FROM read_csv('{work["orders"]}', header = true, all_varchar = true) AS o
  LEFT JOIN read_csv('{work["countries"]}', header = true, all_varchar = true) AS c ON c.code = o.country
), normal AS (
  SELECT *,
    lower(trim(email)) AS email_text,
    regexp_replace(phone, '[^0-9+]', '', 'g') AS digits,
    replace(replace(trim(amount), '$', ''), ',', '') AS amount_text,
    CAST(try_strptime(ordered_on, ['%Y-%m-%d', '%d/%m/%Y']) AS DATE) AS ordered
  FROM source
), typed AS (
  SELECT *,
    CASE WHEN digits LIKE '+%' THEN digits WHEN digits LIKE '00%' THEN '+' || substr(digits, 3)
         WHEN digits LIKE '0%' THEN '+44' || substr(digits, 2) ELSE digits END AS phone_text,
    TRY_CAST(CASE WHEN regexp_full_match(amount_text, '-?[0-9]+(\.[0-9]+)?') THEN amount_text END
      AS DECIMAL(18,2)) AS price
  FROM normal
), checked AS (
  SELECT *,
    email IS NOT NULL AND NOT regexp_full_match(email_text, '{_EMAIL}') AS bad_email,
    phone IS NOT NULL AND NOT regexp_full_match(phone_text, '\+[1-9][0-9]{{9,14}}') AS bad_phone,
    amount IS NOT NULL AND price IS NULL AS bad_amount,
    ordered_on IS NOT NULL AND ordered IS NULL AS bad_date,
    country_name IS NULL AS bad_country
  FROM typed
), judged AS (
  SELECT *, bad_email OR bad_phone OR bad_amount OR bad_date OR bad_country AS bad FROM checked
)
SELECT
  CAST(order_id AS BIGINT) AS order_id, email_text AS email, phone_text AS phone, price AS amount,
  ordered AS ordered_on, regexp_replace(trim(name), '\s+', ' ', 'g') AS name, country_name AS country,
  CAST(updated_at AS TIMESTAMP) AS updated_at, bad,
  CASE WHEN bad THEN list_filter([
    CASE WHEN bad_email THEN {{'field': 'email', 'reason': 'invalid_email', 'value': email}} END,
    CASE WHEN bad_phone THEN {{'field': 'phone', 'reason': 'invalid_phone_number', 'value': phone}} END,
    CASE WHEN bad_amount THEN {{'field': 'amount', 'reason': 'invalid_amount', 'value': amount}} END,
    CASE WHEN bad_date THEN {{'field': 'ordered_on', 'reason': 'invalid_date', 'value': ordered_on}} END,
    CASE WHEN bad_country THEN {{'field': 'country', 'reason': 'null_not_allowed', 'value': NULL}} END
  ], lambda f: f IS NOT NULL) END AS reasons,
  CASE WHEN bad THEN CAST(json_object('order_id', order_id, 'email', email, 'phone', phone, 'amount', amount,
    'ordered_on', ordered_on, 'name', name, 'country', country, 'updated_at', updated_at) AS VARCHAR) END AS row
FROM judged
"""
    yield f"""
COPY (
  SELECT {", ".join(_COLUMNS)} FROM staged WHERE NOT bad
  QUALIFY row_number() OVER (PARTITION BY order_id ORDER BY updated_at DESC) = 1
) TO '{work["accepted"]}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)
"""
    yield f"COPY (SELECT row, reasons FROM staged WHERE bad) TO '{work['rejected']}' (FORMAT parquet, COMPRESSION zstd)"


def main() -> None:
    """Do the work that standard input describes, once, and print how long it took."""
    work: dict[str, Any] = json.load(sys.stdin)
    config = {"threads": work["threads"], "memory_limit": f"{work['memory_bytes']}B"}
    config |= {"temp_directory": str(Path(work["accepted"]).parent), "preserve_insertion_order": "false"}
    started = time.perf_counter()
    with duckdb.connect(config=config) as connection:
        for statement in _statements(work):
            connection.execute(statement)
    seconds = time.perf_counter() - started
    json.dump({"seconds": seconds, "versions": {"duckdb": duckdb.__version__}}, sys.stdout)


if __name__ == "__main__":
    main()
