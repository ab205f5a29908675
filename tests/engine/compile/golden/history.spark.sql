WITH `t` AS (
  SELECT
    `t`.`order_id` AS `order_id`,
    `t`.`contact_id` AS `contact_id`,
    `t`.`total` AS `total`,
    `t`.`status` AS `status`
  FROM `t` AS `t`
), `step 1` AS (
  SELECT
    `t`.`contact_id` AS `__s0`,
    `t`.`status` AS `__s1`
  FROM `t` AS `t`
), `step 2` AS (
  SELECT
    `step 1`.`__s0` AS `__s0`,
    `step 1`.`__s1` AS `__s1`,
    CASE
      WHEN (
        OCTET_LENGTH(`step 1`.`__s1`) = CHAR_LENGTH(`step 1`.`__s1`)
      )
      THEN LOWER(`step 1`.`__s1`)
      ELSE LOWER(TRANSLATE(`step 1`.`__s1`, 'İΣ', 'iσ'))
    END AS `__s2`
  FROM `step 1` AS `step 1`
), `step 3` AS (
  SELECT
    `step 2`.`__s0` AS `__s0`,
    `step 2`.`__s1` AS `__s1`,
    `step 2`.`__s2` AS `__s2`,
    CASE WHEN `step 2`.`__s2` = 'p' THEN 'paid' ELSE `step 2`.`__s2` END AS `__s3`
  FROM `step 2` AS `step 2`
), `made` AS (
  SELECT
    `step 3`.`__s0` AS `id`,
    `step 3`.`__s3` AS `status`,
    CASE
      WHEN (
        `step 3`.`__s0` IS NULL
      ) OR (
        `step 3`.`__s3` IS NULL
      )
      THEN TRY_CAST(NULL AS BOOLEAN)
      ELSE FALSE
    END AS `__invalid`
  FROM `step 3` AS `step 3`
)
SELECT
  `made`.`id` AS `id`,
  `made`.`status` AS `status`
FROM `made` AS `made`
WHERE
  NOT `made`.`__invalid`
