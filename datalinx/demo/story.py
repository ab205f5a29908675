"""The story: from files to clean tables, answers, an audience, an alert and a webhook, over the API."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.progress import Progress

from datalinx.client import Datalinx, verify_webhook
from datalinx.demo import documents, show
from datalinx.demo.checks import Checks
from datalinx.demo.receiver import Receiver
from datalinx.demo.truth import Truth

WORKSPACE = "production"


def cents(value: Any) -> int:
    """Return an amount as whole cents."""
    return int((Decimal(str(value)) * 100).to_integral_value())


class Story:
    """One telling of it, with one client."""

    def __init__(self, client: Datalinx, folder: Path, checks: Checks) -> None:
        self.client, self.folder, self.checks = client, folder, checks
        self.truth = Truth(folder)
        self.room: Any = client.workspace(WORKSPACE)
        self.pipeline: Any = None

    def connect(self) -> None:
        """Make the workspace and fill its sources."""
        show.chapter(1, "A workspace and its sources")
        self.client.workspaces.create(WORKSPACE, config={"description": "A grocery retailer's year"})
        rows = []
        for name, files in documents.SOURCES.items():
            source = self.room.sources.create(name=name, connector="file")
            self.room.sources.upload(source.id, *(self.folder / f"{file}.parquet" for file in files))
            for table in self.room.sources.tables(source.id):
                self.checks.equal(f"rows of {table.name}", table.rows, self._rows_of(table.name))
                rows.append((name, table.name, table.rows, len(table.columns)))
        show.table(("source", "table", "rows", "columns"), rows)

    def _rows_of(self, table: str) -> int:
        return int(self.truth.number(f"SELECT count(*) FROM {table}"))

    def map(self) -> None:
        """Start the target schema from a template, and map every table of it."""
        show.chapter(2, "A target schema from the commerce template, and five mappings")
        self.room.schemas.apply_template("commerce")
        for table, columns in documents.NOT_KEPT.items():
            for column in columns:
                self.room.schemas.delete_column(table, column)
        rows = []
        for document in documents.MAPPINGS:
            table = document["table_name"]
            self.room.mappings.put(table, document)
            verdict = self.room.mappings.validate(table)
            self.checks.equal(f"the mapping of {table} is complete", verdict["complete"], True)
            inputs = ", ".join(entry.get("table") or entry["target"] for entry in document["inputs"])
            rows.append((table, inputs, len(document["fields"])))
        show.table(("target table", "made from", "fields"), rows)

    def run(self) -> None:
        """Run the pipeline, and show the ledger and what was rejected."""
        show.chapter(3, "A run, and where every row went")
        self.pipeline = self.room.pipelines.create(documents.PIPELINE)
        done = self._run_and_wait()
        columns = ("read", "joined_in", "joined_out", "grouped", "filtered", "rejected", "inserted")
        rows = []
        for step in done.steps:
            said = {name: count for name, count in step["counts"].items() if count}
            self.checks.equal(f"the ledger of {step['table']}", said, self._ledger(step["table"]))
            rows.append((step["table"], *(step["counts"][name] for name in columns)))
        show.table(("table", *(name.replace("_", " ") for name in columns)), rows)
        self._show_rejected(done)

    def _ledger(self, table: str) -> dict[str, int]:
        return {name: count for name, count in self.truth.ledgers()[table].items() if count}

    def _run_and_wait(self) -> Any:
        started = self.room.pipelines.run(self.pipeline.id)
        with Progress(console=show.console, transient=True) as progress:
            task = progress.add_task("running", total=1.0)
            done = self.room.runs.wait(
                started.id, on_progress=lambda run: progress.update(task, completed=run.progress)
            )
        self.checks.equal("how the run ended", done.status, "success")
        return done

    def _show_rejected(self, done: Any) -> None:
        reasons: dict[tuple[str, str], int] = {}
        for step in done.steps:
            for reason, count in step["rejected_by_reason"].items():
                reasons[(step["table"], reason)] = count
        without = self.truth.number("SELECT count(*) FROM products WHERE product_category IS NULL")
        self.checks.equal("the rejected rows by reason", reasons, {("products", "null_not_allowed"): without})
        show.say("\nRejected rows, by reason, with one of each:")
        for (table, reason), count in reasons.items():
            example = next(iter(self.room.runs.rejected(done.id, table=table, reason=reason)))
            show.table(
                ("table", "reason", "rows", "for example", "field", "message"),
                [(table, reason, count, example["locator"], example["field"], example["message"])],
            )

    def ask(self) -> None:
        """Ask three questions in SQL."""
        show.chapter(4, "Three questions in SQL")
        for title, answer in (
            ("Revenue by month", self._revenue),
            ("Top categories", self._categories),
            ("Coupon use by campaign", self._coupons),
        ):
            show.say(f"\n[italic]{title}[/italic]")
            answer(self.room.analytics.query(documents.QUESTIONS[title]).rows)

    def _revenue(self, rows: Any) -> None:
        said = [(row[0][:7], cents(row[1]), row[2]) for row in rows]
        self.checks.equal("revenue by month", said, self.truth.revenue_by_month())
        show.bars(
            [(month, total, f"${total / 100:,.0f} in {orders:,} orders") for month, total, orders in said]
        )

    def _categories(self, rows: Any) -> None:
        said = [(row[0].upper(), cents(row[1])) for row in rows]
        self.checks.equal("top categories", said, self.truth.top_categories())
        show.bars([(row[0], float(row[1]), f"${float(row[1]):,.0f}") for row in rows])

    def _coupons(self, rows: Any) -> None:
        self.checks.equal("coupons", [tuple(row) for row in rows], self.truth.coupons_by_campaign())
        show.table(("campaign", "kind", "sent to", "coupons redeemed", "by households"), rows)

    def segment(self) -> None:
        """Build the audience, and show its size and five members."""
        show.chapter(5, "An audience: big spenders who stopped buying")
        audience = self.room.audiences.create(documents.AUDIENCE)
        refreshed = self.room.audiences.refresh(audience.id)
        members = {str(member["key"]) for member in self.room.audiences.members(audience.id)}
        true = self.truth.lapsed()
        self.checks.equal("the members", members, true)
        self.checks.equal("the size", refreshed["size"], len(true))
        show.say(
            f"{len(members)} households spent $1,000 or more and bought nothing since November began. Five of them:"
        )
        shown = self.room.analytics.query(
            "SELECT customer_id, lifetime_value, order_count, CAST(last_order_at AS DATE) AS last_order "
            "FROM customers WHERE list_contains($members, customer_id) ORDER BY lifetime_value DESC LIMIT 5",
            parameters={"members": sorted(members)},
        )
        spent = "SELECT CAST(round(sum(sales_value) * 100) AS BIGINT) FROM transactions WHERE household_id = "
        for row in shown.rows:
            self.checks.equal(
                f"what {row[0]} spent", cents(row[1]), self.truth.number(spent + str(int(row[0])))
            )
        show.table(("household", "spent", "orders", "last order"), shown.rows)

    def watch(self, receiver: Receiver) -> None:
        """Raise an alert, hear of it by webhook, mend its cause, and see it recover."""
        show.chapter(6, "An alert, a webhook, a repair")
        webhook = self.room.webhooks.create(url=receiver.url, events=["alert.triggered", "alert.resolved"])
        self.room.alert_rules.create(documents.ALERT_RULE)
        self._hear(receiver, webhook.secret, "alert.triggered")
        show.say("Repair: products without a category get one that says so. The pipeline runs again.")
        self.room.mappings.put_field("products", "category", documents.CATEGORY_WITH_DEFAULT)
        done = self._run_and_wait()
        rejected = next(step for step in done.steps if step["table"] == "products")["counts"]["rejected"]
        self.checks.equal("rejected products after the repair", rejected, 0)
        self._hear(receiver, webhook.secret, "alert.resolved")
        alerts = [alert.status for alert in self.room.alerts.list()]
        self.checks.equal("the alerts", alerts, ["resolved"])

    def _hear(self, receiver: Receiver, secret: str, event: str) -> None:
        received = receiver.next(60.0)
        body = verify_webhook(secret, received.headers, received.body)
        self.checks.equal("the webhook's event", body["event"], event)
        show.say(f"Webhook [bold]{event}[/bold], signature verified: {body['message']}")

    def chapters(self, receiver: Receiver) -> list[Callable[[], None]]:
        """Return the parts of the story in their order."""
        return [self.connect, self.map, self.run, self.ask, self.segment, lambda: self.watch(receiver)]
