WITH "c" AS (
  SELECT
    *
  FROM "main"."c"
), "step 1" AS (
  SELECT
    "c"."contact_id" AS "__s0",
    "c"."Home Town" AS "__s1",
    "c"."amount" AS "__s2",
    "c"."country" AS "__s4"
  FROM "c"
), "step 2" AS (
  SELECT
    *,
    CASE
      WHEN REGEXP_FULL_MATCH("__s2", '[ \t\r\n]*[+-]?[0-9]+(?:\.0*)?[ \t\r\n]*')
      THEN TRY_CAST("__s2" AS INT)
    END AS "__s3"
  FROM "step 1"
), "made" AS (
  SELECT
    "__s0" AS "id",
    "__s1" AS "town",
    CASE WHEN NOT (
      NOT "__s2" IS NULL AND "__s3" IS NULL
    ) THEN "__s3" END AS "amount",
    "__s4" AS "country",
    FALSE AS "__invalid"
  FROM "step 2"
)
SELECT
  "id",
  "town",
  "amount",
  "country"
FROM "made"
WHERE
  NOT "__invalid"
