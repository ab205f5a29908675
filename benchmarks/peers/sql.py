"""B1 by hand: the SQL that a careful person writes for DuckDB, for those peers that are given SQL to run."""

COLUMNS = ("order_id", "email", "phone", "amount", "ordered_on", "name", "country", "updated_at")

PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"

_EMAIL = r"[a-z0-9!#$%&''*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&''*+/=?^_`{|}~-]+)*@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}"


def read_csv(path: str) -> str:
    """The relation that a CSV file is, all of it text."""
    return f"read_csv('{path}', header = true, all_varchar = true)"


def staged(orders: str, countries: str) -> str:
    """Typed and judged rows; a wrong one has field, reason and value of each fault, and the row as it was read."""
    return rf"""
WITH source AS (
  SELECT o.*, c.name AS country_name FROM {orders} AS o LEFT JOIN {countries} AS c ON c.code = o.country
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


def accepted(relation: str) -> str:
    """Of what was staged, the newest right row of each order."""
    return (
        f"SELECT {', '.join(COLUMNS)} FROM {relation} WHERE NOT bad "
        "QUALIFY row_number() OVER (PARTITION BY order_id ORDER BY updated_at DESC) = 1"
    )


def rejected(relation: str) -> str:
    """Of what was staged, the wrong rows and what is wrong with them."""
    return f"SELECT row, reasons FROM {relation} WHERE bad"


def copy(select: str, path: str) -> str:
    """The statement that writes a query's rows to a Parquet file."""
    return f"COPY ({select}) TO '{path}' ({PARQUET})"
