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
), `source:crm:orders` AS (
  SELECT
    `source:crm:orders`.`order_id` AS `order_id`,
    `source:crm:orders`.`contact_id` AS `contact_id`,
    `source:crm:orders`.`total` AS `total`,
    `source:crm:orders`.`status` AS `status`
  FROM `source:crm:orders` AS `source:crm:orders`
), `cte:paid` AS (
  SELECT
    `orders`.`order_id` AS `order_id`,
    `orders`.`contact_id` AS `contact_id`,
    `orders`.`total` AS `total`,
    `orders`.`status` AS `status`
  FROM (
    SELECT
      `source:crm:orders`.`order_id` AS `order_id`,
      `source:crm:orders`.`contact_id` AS `contact_id`,
      `source:crm:orders`.`total` AS `total`,
      `source:crm:orders`.`status` AS `status`
    FROM `source:crm:orders` AS `source:crm:orders`
  ) AS `orders`
  WHERE
    `orders`.`status` = 'paid'
), `cte:orders_by_contact` AS (
  SELECT
    `paid`.`contact_id` AS `contact_id`,
    COUNT(*) AS `orders`
  FROM (
    SELECT
      `cte:paid`.`order_id` AS `order_id`,
      `cte:paid`.`contact_id` AS `contact_id`,
      `cte:paid`.`total` AS `total`,
      `cte:paid`.`status` AS `status`
    FROM `cte:paid` AS `cte:paid`
  ) AS `paid`
  GROUP BY
    `paid`.`contact_id`
), `o` AS (
  SELECT
    `cte:orders_by_contact`.`contact_id` AS `contact_id`,
    `cte:orders_by_contact`.`orders` AS `orders`
  FROM `cte:orders_by_contact` AS `cte:orders_by_contact`
), `k` AS (
  SELECT
    `k`.`name` AS `name`,
    `k`.`code` AS `code`
  FROM `k` AS `k`
), `step 1` AS (
  SELECT
    `c`.`contact_id` AS `__s0`,
    CASE
      WHEN CONCAT_WS(' ', `c`.`name`, `c`.`Home Town`) = ''
      THEN NULL
      ELSE CONCAT_WS(' ', `c`.`name`, `c`.`Home Town`)
    END AS `__s1`,
    `c`.`amount` AS `__s2`,
    (
      (
        NOT (
          `c`.`amount` IS NULL
        )
      )
      AND (
        CASE
          WHEN (
            (
              `c`.`amount` RLIKE '\\A[\\x09-\\x0D ]*[+-]?(?:[0-9]+(?:_[0-9]+)*(?:\\.(?:[0-9]+(?:_[0-9]+)*)?)?|\\.[0-9]+(?:_[0-9]+)*)(?:[eE][+-]?[0-9]+)?[\\x09-\\x0D ]*\\z'
            )
          )
          THEN TRY_CAST(REGEXP_REPLACE(`c`.`amount`, '[_\\x09-\\x0D ]', '') AS DECIMAL(18, 2))
        END IS NULL
      )
    )
    OR (
      (
        TRY_CAST(TRY_MULTIPLY(
          CASE
            WHEN (
              (
                `c`.`amount` RLIKE '\\A[\\x09-\\x0D ]*[+-]?(?:[0-9]+(?:_[0-9]+)*(?:\\.(?:[0-9]+(?:_[0-9]+)*)?)?|\\.[0-9]+(?:_[0-9]+)*)(?:[eE][+-]?[0-9]+)?[\\x09-\\x0D ]*\\z'
              )
            )
            THEN TRY_CAST(REGEXP_REPLACE(`c`.`amount`, '[_\\x09-\\x0D ]', '') AS DECIMAL(18, 2))
          END,
          TRY_CAST(2 AS DECIMAL(10, 0))
        ) AS DECIMAL(18, 2)) IS NULL
      )
      AND (
        NOT (
          CASE
            WHEN (
              (
                `c`.`amount` RLIKE '\\A[\\x09-\\x0D ]*[+-]?(?:[0-9]+(?:_[0-9]+)*(?:\\.(?:[0-9]+(?:_[0-9]+)*)?)?|\\.[0-9]+(?:_[0-9]+)*)(?:[eE][+-]?[0-9]+)?[\\x09-\\x0D ]*\\z'
              )
            )
            THEN TRY_CAST(REGEXP_REPLACE(`c`.`amount`, '[_\\x09-\\x0D ]', '') AS DECIMAL(18, 2))
          END IS NULL
        )
      )
    ) AS `__s3`,
    TRY_CAST(TRY_MULTIPLY(
      CASE
        WHEN (
          (
            `c`.`amount` RLIKE '\\A[\\x09-\\x0D ]*[+-]?(?:[0-9]+(?:_[0-9]+)*(?:\\.(?:[0-9]+(?:_[0-9]+)*)?)?|\\.[0-9]+(?:_[0-9]+)*)(?:[eE][+-]?[0-9]+)?[\\x09-\\x0D ]*\\z'
          )
        )
        THEN TRY_CAST(REGEXP_REPLACE(`c`.`amount`, '[_\\x09-\\x0D ]', '') AS DECIMAL(18, 2))
      END,
      TRY_CAST(2 AS DECIMAL(10, 0))
    ) AS DECIMAL(18, 2)) AS `__s4`,
    `c`.`born` AS `__s6`,
    `c`.`country` AS `__s8`,
    `lookup:country`.`value` AS `__s9`,
    'crm {{ import }}' AS `__s10`,
    `o`.`orders` AS `__s11`,
    `c`.`updated_at` AS `__s12`
  FROM `c` AS `c`
  LEFT JOIN `o` AS `o`
    ON `c`.`contact_id` = `o`.`contact_id`
  LEFT JOIN (
    SELECT
      `k`.`name` AS `key`,
      MIN(`k`.`code`) AS `value`
    FROM `k` AS `k`
    WHERE
      NOT (
        `k`.`name` IS NULL
      )
    GROUP BY
      `k`.`name`
  ) AS `lookup:country`
    ON `c`.`country` = `lookup:country`.`key`
  WHERE
    `c`.`deleted_at` IS NULL
), `step 2` AS (
  SELECT
    `step 1`.`__s0` AS `__s0`,
    `step 1`.`__s1` AS `__s1`,
    `step 1`.`__s2` AS `__s2`,
    `step 1`.`__s3` AS `__s3`,
    `step 1`.`__s4` AS `__s4`,
    `step 1`.`__s6` AS `__s6`,
    `step 1`.`__s8` AS `__s8`,
    `step 1`.`__s9` AS `__s9`,
    `step 1`.`__s10` AS `__s10`,
    `step 1`.`__s11` AS `__s11`,
    `step 1`.`__s12` AS `__s12`,
    TRY_CAST(`step 1`.`__s4` AS DECIMAL(38, 9)) AS `__s5`,
    CASE
      WHEN SPLIT_PART(CASE WHEN NOT (
        `step 1`.`__s6` IN ('')
      ) THEN `step 1`.`__s6` END, ' ', 1) = ''
      THEN NULL
      ELSE SPLIT_PART(CASE WHEN NOT (
        `step 1`.`__s6` IN ('')
      ) THEN `step 1`.`__s6` END, ' ', 1)
    END AS `__s7`
  FROM `step 1` AS `step 1`
), `made` AS (
  SELECT
    `step 2`.`__s0` AS `customer_id`,
    `step 2`.`__s1` AS `name`,
    `step 2`.`__s5` AS `amount`,
    `step 2`.`__s7` AS `born`,
    `step 2`.`__s9` AS `country`,
    `step 2`.`__s10` AS `origin`,
    `step 2`.`__s11` AS `orders`,
    `step 2`.`__s12` AS `__s12`,
    (
      (
        `step 2`.`__s0` IS NULL
      ) OR `step 2`.`__s3`
    )
    OR (
      (
        NOT (
          `step 2`.`__s4` IS NULL
        )
      ) AND (
        `step 2`.`__s5` IS NULL
      )
    ) AS `__invalid`
  FROM `step 2` AS `step 2`
)
SELECT
  `customer_id`,
  `name`,
  `amount`,
  `born`,
  `country`,
  `origin`,
  `orders`
FROM (
  SELECT
    `made`.`customer_id` AS `customer_id`,
    `made`.`name` AS `name`,
    `made`.`amount` AS `amount`,
    `made`.`born` AS `born`,
    `made`.`country` AS `country`,
    `made`.`origin` AS `origin`,
    `made`.`orders` AS `orders`,
    CAST(ROW_NUMBER() OVER (
      PARTITION BY `made`.`customer_id`
      ORDER BY `made`.`__s12` DESC, `made`.`customer_id` ASC NULLS LAST, `made`.`name` ASC NULLS LAST, `made`.`amount` ASC NULLS LAST, `made`.`born` ASC NULLS LAST, `made`.`country` ASC NULLS LAST, `made`.`origin` ASC NULLS LAST, `made`.`orders` ASC NULLS LAST
    ) AS BIGINT) = 1 AS `=keeps`
  FROM `made` AS `made`
  WHERE
    NOT `made`.`__invalid`
) AS `=kept`
WHERE
  `=keeps`
