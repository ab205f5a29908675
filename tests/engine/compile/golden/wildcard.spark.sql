WITH `c` AS (
  SELECT
    `c`.`contact_id` AS `contact_id`,
    `c`.`Home Town` AS `Home Town`,
    `c`.`name` AS `name`,
    `c`.`amount` AS `amount`,
    `c`.`born` AS `born`,
    `c`.`country` AS `country`,
    `c`.`updated_at` AS `updated_at`,
    `c`.`deleted_at` AS `deleted_at`
  FROM `c` AS `c`
), `step 1` AS (
  SELECT
    `c`.`contact_id` AS `__s0`,
    `c`.`Home Town` AS `__s1`,
    `c`.`amount` AS `__s2`,
    `c`.`country` AS `__s4`
  FROM `c` AS `c`
), `step 2` AS (
  SELECT
    `step 1`.`__s0` AS `__s0`,
    `step 1`.`__s1` AS `__s1`,
    `step 1`.`__s2` AS `__s2`,
    `step 1`.`__s4` AS `__s4`,
    CASE
      WHEN `step 1`.`__s2` RLIKE '\\A(?:[\\x{9}-\\x{A}\\x{D} ]*[\\x{2B}\\x{2D}]?[0-9]+(?:\\.0*)?[\\x{9}-\\x{A}\\x{D} ]*)\\z'
      THEN COALESCE(
        TRY_CAST(`step 1`.`__s2` AS INT),
        CASE
          WHEN (
            `step 1`.`__s2` RLIKE '\\A[\\x09-\\x0D ]*[+-]?(?:[0-9]+(?:_[0-9]+)*(?:\\.(?:[0-9]+(?:_[0-9]+)*)?)?|\\.[0-9]+(?:_[0-9]+)*)(?:[eE][+-]?[0-9]+)?[\\x09-\\x0D ]*\\z'
          )
          THEN TRY_CAST(ROUND(
            TRY_CAST(REGEXP_REPLACE(
              REGEXP_REPLACE(`step 1`.`__s2`, '[_\\x09-\\x0D ]', ''),
              '(\\.[0-9]{18})[0-9]+\\z',
              '$1'
            ) AS DECIMAL(38, 18))
          ) AS INT)
        END
      )
    END AS `__s3`
  FROM `step 1` AS `step 1`
), `made` AS (
  SELECT
    `step 2`.`__s0` AS `id`,
    `step 2`.`__s1` AS `town`,
    CASE
      WHEN NOT (
        (
          NOT (
            `step 2`.`__s2` IS NULL
          )
        ) AND (
          `step 2`.`__s3` IS NULL
        )
      )
      THEN `step 2`.`__s3`
    END AS `amount`,
    `step 2`.`__s4` AS `country`,
    FALSE AS `__invalid`
  FROM `step 2` AS `step 2`
)
SELECT
  `made`.`id` AS `id`,
  `made`.`town` AS `town`,
  `made`.`amount` AS `amount`,
  `made`.`country` AS `country`
FROM `made` AS `made`
WHERE
  NOT `made`.`__invalid`
