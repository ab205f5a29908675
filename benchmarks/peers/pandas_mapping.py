"""B1 with pandas: columns of Arrow text, whole-column operations, one pass in memory."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from benchmarks.peers.answer import Work, answer

if TYPE_CHECKING:
    import pandas as pd

_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_EMAIL = rf"{_ATOM}(?:\.{_ATOM})*@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{{2,}}"
_FAULTS: Mapping[str, str] = {
    "email": "invalid_email",
    "phone": "invalid_phone_number",
    "amount": "invalid_amount",
    "ordered_on": "invalid_date",
    "country": "null_not_allowed",
}


def prepare(work: Work) -> Callable[[], None]:
    """Import pandas and return what does the work."""
    import pandas as pd
    import pyarrow as pa

    pa.set_cpu_count(work["threads"])
    pa.set_io_thread_count(work["threads"])

    def do() -> None:
        # Only an empty field is missing: `n/a` is a wrong amount.
        text = {"dtype": "string[pyarrow]", "engine": "pyarrow", "keep_default_na": False, "na_values": [""]}
        orders, countries = (pd.read_csv(work[name], **text) for name in ("orders", "countries"))
        made, bad = _made(orders, countries)
        wrong = bad.any(axis=1)
        newest = made[~wrong].sort_values("updated_at", ascending=False).drop_duplicates("order_id")
        options = {"engine": "pyarrow", "compression": "zstd", "compression_level": 1, "index": False}
        newest.to_parquet(work["accepted"], **options)
        _rejected(orders[wrong], bad[wrong]).to_parquet(work["rejected"], **options)

    return do


def _made(orders: "pd.DataFrame", countries: "pd.DataFrame") -> tuple["pd.DataFrame", "pd.DataFrame"]:
    """The typed columns, and for each of those that are checked whether its value is wrong."""
    import pandas as pd
    import pyarrow as pa

    email = orders["email"].str.strip(" ").str.lower()
    digits = orders["phone"].str.replace(r"[^0-9+]", "", regex=True)
    digits = digits.mask(digits.str.startswith("00"), "+" + digits.str.slice(2))
    phone = digits.mask(digits.str.startswith("0"), "+44" + digits.str.slice(1))
    plain = orders["amount"].str.strip(" ").str.replace("[$,]", "", regex=True)
    plain = plain.where(plain.str.fullmatch(r"-?[0-9]+(?:\.[0-9]+)?"))
    amount = plain.astype(pd.ArrowDtype(pa.decimal128(18, 2)))
    written = orders["ordered_on"]
    ordered = pd.to_datetime(written, format="%Y-%m-%d", errors="coerce")
    ordered = ordered.fillna(
        pd.to_datetime(written.where(ordered.isna()), format="%d/%m/%Y", errors="coerce")
    )
    country = orders["country"].map(countries.set_index("code")["name"])
    made = pd.DataFrame(
        {
            "order_id": orders["order_id"].astype("int64"),
            "email": email,
            "phone": phone,
            "amount": amount,
            "ordered_on": ordered.astype("date32[pyarrow]"),
            "name": orders["name"].str.strip(" ").str.replace(r"\s+", " ", regex=True),
            "country": country,
            "updated_at": pd.to_datetime(orders["updated_at"], format="%Y-%m-%d %H:%M:%S"),
        }
    )
    bad = pd.DataFrame(
        {
            "email": ~email.str.fullmatch(_EMAIL).fillna(value=True),
            "phone": ~phone.str.fullmatch(r"\+[1-9][0-9]{9,14}").fillna(value=True),
            "amount": orders["amount"].notna() & amount.isna(),
            "ordered_on": written.notna() & ordered.isna(),
            "country": country.isna(),
        }
    ).astype(bool)
    return made, bad


def _rejected(orders: "pd.DataFrame", bad: "pd.DataFrame") -> "pd.DataFrame":
    """One row for each wrong record. They are few, so plain Python is the plain way."""
    import pandas as pd

    rows = orders.to_json(orient="records", lines=True).splitlines()
    values = orders.assign(country=None)[list(_FAULTS)].astype(object)
    values = values.where(values.notna(), None)
    reasons = [
        [
            {"field": field, "reason": reason, "value": value}
            for (field, reason), value, is_bad in zip(_FAULTS.items(), cells, flags, strict=True)
            if is_bad
        ]
        for cells, flags in zip(
            values.itertuples(index=False), bad[list(_FAULTS)].itertuples(index=False), strict=True
        )
    ]
    return pd.DataFrame({"row": rows, "reasons": reasons})


if __name__ == "__main__":
    answer(prepare, "pandas", "pyarrow")
