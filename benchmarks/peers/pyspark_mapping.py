"""B1 and B10 with PySpark: data frames, judged rows kept in memory between the two outputs."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.answer import Work, answer

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

_EMAIL = r"^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}\z"
_COLUMNS = ("order_id", "email", "phone", "amount", "ordered_on", "name", "country", "updated_at")


def prepare(work: Work) -> Callable[[], None]:
    """Start a session and return what does the work."""
    spark = _session(work)

    def do() -> None:
        judged = _judged(spark, work["orders"], work["countries"]).cache()
        for name, made in (("accepted", _accepted(judged)), ("rejected", _rejected(judged))):
            made.write.mode("overwrite").parquet(work[name])

    return do


def _session(work: Work) -> "SparkSession":
    folder = Path(work["accepted"]).parent
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    from pyspark.sql import SparkSession

    return (
        SparkSession.builder.master(f"local[{work['threads']}]")
        .config("spark.driver.memory", f"{work['memory_bytes'] // 1024**2}m")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", 2 * work["threads"])
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.parquet.compression.codec", "zstd")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.local.dir", str(folder / "spark"))
        .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
        .getOrCreate()
    )


def _judged(spark: "SparkSession", orders: str, countries: str) -> "DataFrame":
    from pyspark.sql import functions as f

    texts = ", ".join(f"{name} string" for name in _COLUMNS)
    read = spark.read.schema(texts).csv(orders, header=True, enforceSchema=False)
    names = spark.read.csv(countries, header=True).withColumnRenamed("name", "country_name")
    plain = f.translate(f.trim("amount"), "$,", "")
    digits = f.regexp_replace("phone", "[^0-9+]", "")
    return (
        read.join(f.broadcast(names), read.country == names.code, "left")
        .withColumns(
            {
                "email_text": f.lower(f.trim("email")),
                "phone_text": f.when(digits.startswith("+"), digits)
                .when(
                    digits.startswith("00"), f.concat(f.lit("+"), digits.substr(f.lit(3), f.length(digits)))
                )
                .when(
                    digits.startswith("0"), f.concat(f.lit("+44"), digits.substr(f.lit(2), f.length(digits)))
                )
                .otherwise(digits),
                "price": f.when(plain.rlike(r"^-?[0-9]+(\.[0-9]+)?\z"), plain).try_cast("decimal(18, 2)"),
                "ordered": f.coalesce(
                    f.try_to_date("ordered_on", "yyyy-MM-dd"), f.try_to_date("ordered_on", "dd/MM/yyyy")
                ),
            }
        )
        .withColumns(
            {
                "bad_email": _wrong("email", ~f.col("email_text").rlike(_EMAIL)),
                "bad_phone": _wrong("phone", ~f.col("phone_text").rlike(r"^\+[1-9][0-9]{9,14}\z")),
                "bad_amount": _wrong("amount", f.isnull("price")),
                "bad_date": _wrong("ordered_on", f.isnull("ordered")),
                "bad_country": f.isnull("country_name"),
            }
        )
        .withColumn("bad", f.expr("bad_email OR bad_phone OR bad_amount OR bad_date OR bad_country"))
    )


def _wrong(name: str, test: "Column") -> "Column":
    from pyspark.sql import functions as f

    return f.col(name).isNotNull() & test


def _accepted(judged: "DataFrame") -> "DataFrame":
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    newest = Window.partitionBy("order_id").orderBy(f.desc("updated_at"))
    return (
        judged.where("NOT bad")
        .select(
            f.col("order_id").cast("bigint"),
            f.col("email_text").alias("email"),
            f.col("phone_text").alias("phone"),
            f.col("price").alias("amount"),
            f.col("ordered").alias("ordered_on"),
            f.regexp_replace(f.trim("name"), r"\s+", " ").alias("name"),
            f.col("country_name").alias("country"),
            f.col("updated_at").cast("timestamp_ntz"),
        )
        .withColumn("rank", f.row_number().over(newest))
        .where("rank = 1")
        .select(*_COLUMNS)
    )


def _rejected(judged: "DataFrame") -> "DataFrame":
    from pyspark.sql import functions as f

    faults = (
        ("bad_email", "email", "invalid_email", f.col("email")),
        ("bad_phone", "phone", "invalid_phone_number", f.col("phone")),
        ("bad_amount", "amount", "invalid_amount", f.col("amount")),
        ("bad_date", "ordered_on", "invalid_date", f.col("ordered_on")),
        ("bad_country", "country", "null_not_allowed", f.lit(None).cast("string")),
    )
    reasons = [
        f.when(
            f.col(bad),
            f.struct(f.lit(field).alias("field"), f.lit(reason).alias("reason"), value.alias("value")),
        )
        for bad, field, reason, value in faults
    ]
    return judged.where("bad").select(
        f.to_json(f.struct(*_COLUMNS)).alias("row"), f.array_compact(f.array(*reasons)).alias("reasons")
    )


if __name__ == "__main__":
    answer(prepare, "pyspark")
