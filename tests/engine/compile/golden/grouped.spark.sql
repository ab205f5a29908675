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
    `c`.`country` AS `__s0`,
    COUNT(*) AS `__s1`,
    TRY_CAST(TRY_SUM(
      TRY_CAST(COALESCE(
        CASE
          WHEN NOT (
            `c`.`amount` RLIKE '[^\\x09-\\x0D -~]'
          )
          THEN TRY_CAST(`c`.`amount` AS BIGINT)
        END,
        CASE
          WHEN (
            `c`.`amount` RLIKE '\\A[\\x09-\\x0D ]*[+-]?(?:[0-9]+(?:_[0-9]+)*(?:\\.(?:[0-9]+(?:_[0-9]+)*)?)?|\\.[0-9]+(?:_[0-9]+)*)(?:[eE][+-]?[0-9]+)?[\\x09-\\x0D ]*\\z'
          )
          THEN TRY_CAST(ROUND(
            TRY_CAST(REGEXP_REPLACE(REGEXP_REPLACE(`c`.`amount`, '[_\\x09-\\x0D ]', ''), '(\\.[0-9]{18})[0-9]+\\z', '$1') AS DECIMAL(38, 18))
          ) AS BIGINT)
          ELSE TRY_CAST(CASE
            WHEN `c`.`amount` RLIKE '\\A[\\x09-\\x0D ]*0[xX][0-9a-fA-F]{1,16}[\\x09-\\x0D ]*\\z'
            THEN CONV(SUBSTRING(TRIM(`c`.`amount`), 3), 16, 10)
            WHEN `c`.`amount` RLIKE '\\A[\\x09-\\x0D ]*0[bB][01]{1,64}[\\x09-\\x0D ]*\\z'
            THEN CONV(SUBSTRING(TRIM(`c`.`amount`), 3), 2, 10)
          END AS BIGINT)
        END
      ) AS DECIMAL(38, 0))
    ) FILTER(WHERE
      `c`.`deleted_at` IS NULL) AS DECIMAL(38, 0)) AS `__s2`,
    BOOL_OR(
      (
        NOT (
          `c`.`amount` IS NULL
        )
      )
      AND (
        COALESCE(
          CASE
            WHEN NOT (
              `c`.`amount` RLIKE '[^\\x09-\\x0D -~]'
            )
            THEN TRY_CAST(`c`.`amount` AS BIGINT)
          END,
          CASE
            WHEN (
              `c`.`amount` RLIKE '\\A[\\x09-\\x0D ]*[+-]?(?:[0-9]+(?:_[0-9]+)*(?:\\.(?:[0-9]+(?:_[0-9]+)*)?)?|\\.[0-9]+(?:_[0-9]+)*)(?:[eE][+-]?[0-9]+)?[\\x09-\\x0D ]*\\z'
            )
            THEN TRY_CAST(ROUND(
              TRY_CAST(REGEXP_REPLACE(REGEXP_REPLACE(`c`.`amount`, '[_\\x09-\\x0D ]', ''), '(\\.[0-9]{18})[0-9]+\\z', '$1') AS DECIMAL(38, 18))
            ) AS BIGINT)
            ELSE TRY_CAST(CASE
              WHEN `c`.`amount` RLIKE '\\A[\\x09-\\x0D ]*0[xX][0-9a-fA-F]{1,16}[\\x09-\\x0D ]*\\z'
              THEN CONV(SUBSTRING(TRIM(`c`.`amount`), 3), 16, 10)
              WHEN `c`.`amount` RLIKE '\\A[\\x09-\\x0D ]*0[bB][01]{1,64}[\\x09-\\x0D ]*\\z'
              THEN CONV(SUBSTRING(TRIM(`c`.`amount`), 3), 2, 10)
            END AS BIGINT)
          END
        ) IS NULL
      )
    ) IS TRUE AS `__s3`,
    TRY_CAST(TRY_SUM(
      TRY_CAST(COALESCE(
        CASE
          WHEN NOT (
            `c`.`amount` RLIKE '[^\\x09-\\x0D -~]'
          )
          THEN TRY_CAST(`c`.`amount` AS BIGINT)
        END,
        CASE
          WHEN (
            `c`.`amount` RLIKE '\\A[\\x09-\\x0D ]*[+-]?(?:[0-9]+(?:_[0-9]+)*(?:\\.(?:[0-9]+(?:_[0-9]+)*)?)?|\\.[0-9]+(?:_[0-9]+)*)(?:[eE][+-]?[0-9]+)?[\\x09-\\x0D ]*\\z'
          )
          THEN TRY_CAST(ROUND(
            TRY_CAST(REGEXP_REPLACE(REGEXP_REPLACE(`c`.`amount`, '[_\\x09-\\x0D ]', ''), '(\\.[0-9]{18})[0-9]+\\z', '$1') AS DECIMAL(38, 18))
          ) AS BIGINT)
          ELSE TRY_CAST(CASE
            WHEN `c`.`amount` RLIKE '\\A[\\x09-\\x0D ]*0[xX][0-9a-fA-F]{1,16}[\\x09-\\x0D ]*\\z'
            THEN CONV(SUBSTRING(TRIM(`c`.`amount`), 3), 16, 10)
            WHEN `c`.`amount` RLIKE '\\A[\\x09-\\x0D ]*0[bB][01]{1,64}[\\x09-\\x0D ]*\\z'
            THEN CONV(SUBSTRING(TRIM(`c`.`amount`), 3), 2, 10)
          END AS BIGINT)
        END
      ) AS DECIMAL(38, 0))
    ) AS DECIMAL(38, 0)) AS `__s5`
  FROM `c` AS `c`
  GROUP BY
    `c`.`country`
), `step 2` AS (
  SELECT
    `step 1`.`__s0` AS `__s0`,
    `step 1`.`__s1` AS `__s1`,
    `step 1`.`__s2` AS `__s2`,
    `step 1`.`__s3` AS `__s3`,
    `step 1`.`__s5` AS `__s5`,
    TRY_CAST(`step 1`.`__s2` AS BIGINT) AS `__s4`,
    FALSE AS `__s6`,
    CAST(CASE
      WHEN TRY_CAST(`step 1`.`__s1` AS DOUBLE) = 0
      THEN (
        TRY_CAST(`step 1`.`__s5` AS DOUBLE) * CASE
          WHEN TRY_CAST(`step 1`.`__s1` AS DOUBLE) = 0
          AND CAST(TRY_CAST(`step 1`.`__s1` AS DOUBLE) AS STRING) LIKE '-%'
          THEN -TRY_CAST('Infinity' AS DOUBLE)
          ELSE TRY_CAST('Infinity' AS DOUBLE)
        END
      )
      ELSE (
        TRY_CAST(`step 1`.`__s5` AS DOUBLE) / TRY_CAST(`step 1`.`__s1` AS DOUBLE)
      )
    END AS DOUBLE) AS `__s7`
  FROM `step 1` AS `step 1`
), `step 3` AS (
  SELECT
    `step 2`.`__s0` AS `__s0`,
    `step 2`.`__s1` AS `__s1`,
    `step 2`.`__s2` AS `__s2`,
    `step 2`.`__s3` AS `__s3`,
    `step 2`.`__s5` AS `__s5`,
    `step 2`.`__s4` AS `__s4`,
    `step 2`.`__s6` AS `__s6`,
    `step 2`.`__s7` AS `__s7`,
    CASE
      WHEN CASE
        WHEN NOT `step 2`.`__s7` IS NULL
        THEN ABS(`step 2`.`__s7`) <= 1.7976931348623157e308
      END
      THEN `step 2`.`__s7`
    END AS `__s8`
  FROM `step 2` AS `step 2`
), `made` AS (
  SELECT
    `step 3`.`__s0` AS `country`,
    `step 3`.`__s1` AS `people`,
    `step 3`.`__s4` AS `total`,
    `step 3`.`__s8` AS `share`,
    (
      (
        (
          `step 3`.`__s3`
          OR (
            (
              NOT (
                `step 3`.`__s2` IS NULL
              )
            ) AND (
              `step 3`.`__s4` IS NULL
            )
          )
        )
        OR `step 3`.`__s3`
      )
      OR `step 3`.`__s6`
    )
    OR (
      (
        NOT (
          `step 3`.`__s7` IS NULL
        )
      ) AND (
        `step 3`.`__s8` IS NULL
      )
    ) AS `__invalid`
  FROM `step 3` AS `step 3`
)
SELECT
  `made`.`country` AS `country`,
  `made`.`people` AS `people`,
  `made`.`total` AS `total`,
  `made`.`share` AS `share`
FROM `made` AS `made`
WHERE
  NOT `made`.`__invalid`
