{{ config(materialized='table') }}

WITH "t" AS (
  SELECT
    *
  FROM {{ ref("orders") }}
), "step 1" AS (
  SELECT
    "t"."contact_id" AS "__s0",
    "t"."status" AS "__s1"
  FROM "t"
), "step 2" AS (
  SELECT
    *,
    LOWER("__s1") AS "__s2"
  FROM "step 1"
), "step 3" AS (
  SELECT
    *,
    CASE "__s2" WHEN 'p' THEN 'paid' ELSE "__s2" END AS "__s3"
  FROM "step 2"
), "made" AS (
  SELECT
    "__s0" AS "id",
    "__s3" AS "status",
    CASE
      WHEN "__s0" IS NULL OR "__s3" IS NULL
      THEN ERROR('A row of people is invalid, and nothing of it may be published.')
      ELSE FALSE
    END AS "__invalid"
  FROM "step 3"
)
SELECT
  "id",
  "status"
FROM "made"
WHERE
  NOT "__invalid"
