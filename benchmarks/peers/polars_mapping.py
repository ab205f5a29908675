"""B1 with Polars: one lazy plan, streamed into two Parquet files."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from benchmarks.peers.answer import Work, answer

if TYPE_CHECKING:
    import polars as pl

_EMAIL = r"^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}$"
_COLUMNS = ("order_id", "email", "phone", "amount", "ordered_on", "name", "country", "updated_at")


def prepare(work: Work) -> Callable[[], None]:
    """Import Polars, which reads its number of threads then, and return what does the work."""
    os.environ["POLARS_MAX_THREADS"] = str(work["threads"])
    import polars as pl

    def do() -> None:
        judged = _judged(work["orders"], work["countries"])
        accepted = _accepted(judged).sink_parquet(
            work["accepted"], compression="zstd", compression_level=1, lazy=True
        )
        rejected = _rejected(judged).sink_parquet(
            work["rejected"], compression="zstd", compression_level=1, lazy=True
        )
        pl.collect_all([accepted, rejected], engine="streaming")

    return do


def _judged(orders: str, countries: str) -> "pl.LazyFrame":
    import polars as pl

    col = pl.col
    names = pl.scan_csv(countries, infer_schema=False).rename({"name": "country_name"})
    amount = col("amount").str.strip_chars(" ").str.replace_all("[$,]", "")
    digits = col("digits")
    return (
        pl.scan_csv(orders, infer_schema=False)
        .join(names, left_on="country", right_on="code", how="left")
        .with_columns(
            email_text=col("email").str.strip_chars(" ").str.to_lowercase(),
            digits=col("phone").str.replace_all(r"[^0-9+]", ""),
            price=pl.when(amount.str.contains(r"^-?[0-9]+(\.[0-9]+)?$"))
            .then(amount)
            .cast(pl.Decimal(18, 2), strict=False),
            ordered=pl.coalesce(
                col("ordered_on").str.to_date("%Y-%m-%d", strict=False),
                col("ordered_on").str.to_date("%d/%m/%Y", strict=False),
            ),
        )
        .with_columns(
            phone_text=pl.when(digits.str.starts_with("+"))
            .then(digits)
            .when(digits.str.starts_with("00"))
            .then("+" + digits.str.slice(2))
            .when(digits.str.starts_with("0"))
            .then("+44" + digits.str.slice(1))
            .otherwise(digits)
        )
        .with_columns(
            bad_email=col("email").is_not_null() & ~col("email_text").str.contains(_EMAIL),
            bad_phone=col("phone").is_not_null() & ~col("phone_text").str.contains(r"^\+[1-9][0-9]{9,14}$"),
            bad_amount=col("amount").is_not_null() & col("price").is_null(),
            bad_date=col("ordered_on").is_not_null() & col("ordered").is_null(),
            bad_country=col("country_name").is_null(),
        )
        .with_columns(bad=pl.any_horizontal(col("^bad_.*$").fill_null(value=False)))
    )


def _accepted(judged: "pl.LazyFrame") -> "pl.LazyFrame":
    import polars as pl

    col = pl.col
    return (
        judged.filter(~col("bad"))
        .select(
            col("order_id").cast(pl.Int64),
            email=col("email_text"),
            phone=col("phone_text"),
            amount=col("price"),
            ordered_on=col("ordered"),
            name=col("name").str.strip_chars(" ").str.replace_all(r"\s+", " "),
            country=col("country_name"),
            updated_at=col("updated_at").str.to_datetime("%Y-%m-%d %H:%M:%S"),
        )
        # Faster here than grouping by the key: less than half of the time for five million rows.
        .sort("updated_at", descending=True)
        .unique("order_id", keep="first", maintain_order=True)
    )


def _rejected(judged: "pl.LazyFrame") -> "pl.LazyFrame":
    import polars as pl

    faults = (
        ("email", "invalid_email", "bad_email"),
        ("phone", "invalid_phone_number", "bad_phone"),
        ("amount", "invalid_amount", "bad_amount"),
        ("ordered_on", "invalid_date", "bad_date"),
    )
    reasons = [
        pl.when(pl.col(bad)).then(pl.struct(field=pl.lit(field), reason=pl.lit(reason), value=pl.col(field)))
        for field, reason, bad in faults
    ]
    missing = pl.struct(
        field=pl.lit("country"), reason=pl.lit("null_not_allowed"), value=pl.lit(None, pl.String)
    )
    return judged.filter("bad").select(
        row=pl.struct(*_COLUMNS).struct.json_encode(),
        reasons=pl.concat_list(*reasons, pl.when("bad_country").then(missing)).list.drop_nulls(),
    )


if __name__ == "__main__":
    answer(prepare, "polars")
