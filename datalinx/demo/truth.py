"""What is true: the same numbers by plain DuckDB over the same Parquet files, written by hand."""

from pathlib import Path
from typing import Any

import duckdb

_CUSTOMERS = (
    "SELECT household_id, sum(sales_value) AS spent, max(transaction_timestamp) AS last_order "
    "FROM transactions GROUP BY household_id"
)
# Lines whose product has a category, as long as products without one are rejected.
_LINES = (
    "SELECT t.*, p.product_category FROM transactions t JOIN products p USING (product_id) "
    "WHERE p.product_category IS NOT NULL AND t.quantity > 0"
)


class Truth:
    """Answers questions about the files without the platform."""

    def __init__(self, folder: Path) -> None:
        self.connection = duckdb.connect()
        for path in sorted(folder.glob("*.parquet")):
            text = str(path).replace("'", "''")
            self.connection.execute(f"CREATE VIEW {path.stem} AS FROM read_parquet('{text}')")
        self.connection.execute(f"CREATE VIEW lines AS {_LINES}")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return list(self.connection.execute(sql).fetchall())

    def number(self, sql: str) -> Any:
        """Return the one value that a query gives."""
        return self.rows(sql)[0][0]

    def ledgers(self) -> dict[str, dict[str, int]]:
        """Return what each table's ledger must say of the first run; counts that are 0 are left out."""
        transactions = self.number("SELECT count(*) FROM transactions")
        customers = self.number("SELECT count(DISTINCT household_id) FROM transactions")
        products = self.number("SELECT count(*) FROM products")
        uncategorised = self.number("SELECT count(*) FROM products WHERE product_category IS NULL")
        unknown = self.number(
            "SELECT count(*) FROM transactions t ANTI JOIN "
            "(SELECT product_id FROM products WHERE product_category IS NOT NULL) p USING (product_id)"
        )
        lines = self.number("SELECT count(*) FROM lines")
        campaigns = self.number("SELECT count(*) FROM campaign_descriptions")
        members = self.number("SELECT count(*) FROM campaigns")
        redemptions = self.number("SELECT count(*) FROM coupon_redemptions")
        return {
            "customers": {"read": transactions, "grouped": transactions - customers, "inserted": customers},
            "products": {"read": products, "rejected": uncategorised, "inserted": products - uncategorised},
            "order_lines": {
                "read": transactions,
                "joined_out": unknown,
                "filtered": transactions - unknown - lines,
                "inserted": lines,
            },
            "campaigns": {
                "read": campaigns,
                "joined_in": members - campaigns,
                "grouped": members - campaigns,
                "inserted": campaigns,
            },
            "coupon_redemptions": {"read": redemptions, "inserted": redemptions},
        }

    def revenue_by_month(self) -> list[tuple[Any, ...]]:
        """Return month, revenue in cents, and orders."""
        return self.rows(
            "SELECT strftime(transaction_timestamp, '%Y-%m') AS month, "
            "CAST(sum(CAST(round(sales_value * 100) AS BIGINT)) AS BIGINT), count(DISTINCT basket_id) "
            "FROM lines WHERE transaction_timestamp < TIMESTAMP '2018-01-01' GROUP BY month ORDER BY month"
        )

    def top_categories(self) -> list[tuple[Any, ...]]:
        """Return category (in capitals, as the file has it) and revenue in cents."""
        return self.rows(
            "SELECT regexp_replace(trim(product_category), '\\s+', ' ', 'g') AS category, "
            "CAST(sum(CAST(round(sales_value * 100) AS BIGINT)) AS BIGINT) AS cents "
            "FROM lines GROUP BY category ORDER BY cents DESC LIMIT 8"
        )

    def coupons_by_campaign(self) -> list[tuple[Any, ...]]:
        """Return campaign, kind, reached households, redeemed coupons and households that redeemed."""
        return self.rows(
            "SELECT 'Campaign ' || d.campaign_id AS name, any_value(d.campaign_type), "
            "(SELECT count(*) FROM campaigns c WHERE c.campaign_id = d.campaign_id), "
            "count(*) AS redeemed, count(DISTINCT r.household_id) "
            "FROM coupon_redemptions r JOIN campaign_descriptions d USING (campaign_id) "
            "GROUP BY d.campaign_id ORDER BY redeemed DESC, name LIMIT 8"
        )

    def lapsed(self) -> set[str]:
        """Return the households that spent at least 1,000 and have no line since November began."""
        return {
            str(row[0])
            for row in self.rows(
                f"SELECT household_id FROM ({_CUSTOMERS}) WHERE round(spent, 2) >= 1000 AND household_id NOT IN "
                "(SELECT household_id FROM lines WHERE transaction_timestamp >= TIMESTAMP '2017-11-01')"
            )
        }
