{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key=["customer_id"]) }}

WITH "c" AS (
  SELECT
    *
  FROM {{ source("crm", "contacts") }}
), "source:crm:orders" AS (
  SELECT
    *
  FROM {{ source("crm", "orders") }}
), "cte:paid" AS (
  SELECT
    *
  FROM (
    SELECT
      "order_id",
      "contact_id",
      "total",
      "status"
    FROM "source:crm:orders"
  ) AS "orders"
  WHERE
    "status" = 'paid'
), "cte:orders_by_contact" AS (
  SELECT
    "contact_id",
    COUNT(*) AS "orders"
  FROM (
    SELECT
      "order_id",
      "contact_id",
      "total",
      "status"
    FROM "cte:paid"
  ) AS "paid"
  GROUP BY
    "contact_id"
), "o" AS (
  SELECT
    "contact_id",
    "orders"
  FROM "cte:orders_by_contact"
), "k" AS (
  SELECT
    *
  FROM {{ source("reference", "countries") }}
), "step 1" AS (
  SELECT
    "c"."contact_id" AS "__s0",
    NULLIF(CONCAT_WS(' ', "c"."name", "c"."Home Town"), '') AS "__s1",
    "c"."amount" AS "__s2",
    (
      (
        NOT "c"."amount" IS NULL
      )
      AND TRY_CAST("c"."amount" AS DECIMAL(18, 2)) IS NULL
    )
    OR (
      TRY(TRY_CAST("c"."amount" AS DECIMAL(18, 2)) * 2) IS NULL
      AND NOT TRY_CAST("c"."amount" AS DECIMAL(18, 2)) IS NULL
    ) AS "__s3",
    TRY(TRY_CAST("c"."amount" AS DECIMAL(18, 2)) * 2) AS "__s4",
    "c"."born" AS "__s6",
    "c"."country" AS "__s8",
    "lookup:country"."value" AS "__s9",
    'crm {{ '{{' }} import }}' AS "__s10",
    "o"."orders" AS "__s11",
    "c"."updated_at" AS "__s12"
  FROM "c"
  LEFT JOIN "o"
    ON "c"."contact_id" = "o"."contact_id"
  LEFT JOIN (
    SELECT
      "k"."name" AS "key",
      MIN("k"."code") AS "value"
    FROM "k"
    WHERE
      NOT "k"."name" IS NULL
    GROUP BY
      "k"."name"
  ) AS "lookup:country"
    ON "c"."country" = "lookup:country"."key"
  WHERE
    "c"."deleted_at" IS NULL
), "step 2" AS (
  SELECT
    *,
    TRY_CAST("__s4" AS DECIMAL(38, 9)) AS "__s5",
    NULLIF(SPLIT_PART(CASE WHEN NOT "__s6" IN ('') THEN "__s6" END, ' ', 1), '') AS "__s7"
  FROM "step 1"
), "made" AS (
  SELECT
    "__s0" AS "customer_id",
    "__s1" AS "name",
    "__s5" AS "amount",
    "__s7" AS "born",
    "__s9" AS "country",
    "__s10" AS "origin",
    "__s11" AS "orders",
    "__s12",
    "__s0" IS NULL OR "__s3" OR (
      NOT "__s4" IS NULL AND "__s5" IS NULL
    ) AS "__invalid"
  FROM "step 2"
)
SELECT
  "customer_id",
  "name",
  "amount",
  "born",
  "country",
  "origin",
  "orders"
FROM "made"
WHERE
  NOT "__invalid"
QUALIFY
  ROW_NUMBER() OVER (
    PARTITION BY "customer_id"
    ORDER BY "__s12" DESC, "customer_id", "name", "amount", "born", "country", "origin", "orders"
  ) = 1
