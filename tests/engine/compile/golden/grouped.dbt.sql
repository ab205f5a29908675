{{ config(materialized='table') }}

WITH "c" AS (
  SELECT
    *
  FROM {{ source("crm", "contacts") }}
), "step 1" AS (
  SELECT
    "c"."country" AS "__s0",
    COUNT(*) AS "__s1",
    SUM(TRY_CAST("c"."amount" AS BIGINT)) FILTER(WHERE
      "c"."deleted_at" IS NULL) AS "__s2",
    BOOL_OR((
      NOT "c"."amount" IS NULL
    ) AND TRY_CAST("c"."amount" AS BIGINT) IS NULL) IS TRUE AS "__s3",
    SUM(TRY_CAST("c"."amount" AS BIGINT)) AS "__s5"
  FROM "c"
  GROUP BY
    "c"."country"
), "step 2" AS (
  SELECT
    *,
    TRY_CAST("__s2" AS BIGINT) AS "__s4",
    TRY(LIST_VALUE("__s5" / "__s1")) IS NULL AS "__s6",
    LIST_EXTRACT(TRY(LIST_VALUE("__s5" / "__s1")), 1) AS "__s7"
  FROM "step 1"
), "step 3" AS (
  SELECT
    *,
    CASE WHEN ISFINITE("__s7") THEN "__s7" END AS "__s8"
  FROM "step 2"
), "made" AS (
  SELECT
    "__s0" AS "country",
    "__s1" AS "people",
    "__s4" AS "total",
    "__s8" AS "share",
    "__s3"
    OR (
      NOT "__s2" IS NULL AND "__s4" IS NULL
    )
    OR "__s3"
    OR "__s6"
    OR (
      NOT "__s7" IS NULL AND "__s8" IS NULL
    ) AS "__invalid"
  FROM "step 3"
)
SELECT
  "country",
  "people",
  "total",
  "share"
FROM "made"
WHERE
  NOT "__invalid"
