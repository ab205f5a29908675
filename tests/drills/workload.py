"""What is run in the drills: two tables of known content, one replaced, one appended to, and how they are looked at.

A run that took effect twice shows in the appended table; one that lost rows shows in both.
"""

import io
import time
import uuid
from datetime import date, timedelta
from typing import Any

import httpx

from tests.drilling import patient
from tests.drills.cluster import Cluster
from tests.up.conftest import FIRST

ENDED = {"success", "failed", "cancelled"}
ROWS = 250_000
FIRST_DAY = date(2024, 1, 1)

_COLUMNS = [
    {"name": "customer_id", "type": "integer", "nullable": False},
    {"name": "email", "type": "email", "nullable": False},
    {"name": "spent", "type": "decimal", "precision": 18, "scale": 2},
]
SCHEMA = {
    "name": "drill",
    "tables": [
        {"name": "customers", "primary_key": ["customer_id"], "columns": _COLUMNS},
        {"name": "visits", "columns": _COLUMNS},
    ],
}


def mapping(table: str, mode: str, **load: Any) -> dict[str, Any]:
    """Return the mapping of a table that is loaded in this way."""
    email = {"type": "decorated", "source": "c.mail", "decorators": [{"name": "trim"}, {"name": "email"}]}
    return {
        "table_name": table,
        "inputs": [{"alias": "c", "source": "crm", "table": "contacts"}],
        "fields": {
            "customer_id": {"type": "direct", "source": "c.contact_id"},
            "email": email,
            "spent": {"type": "direct", "source": "c.amount"},
        },
        "load": {"mode": mode, **load},
    }


class Client:
    """The API as its administrator in one workspace. A call is repeated while nobody answers, if it is told so."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.http = httpx.Client(base_url=cluster.url, timeout=30, limits=httpx.Limits(max_connections=200))
        self.log_in()
        self.workspace = f"w{uuid.uuid4().hex[:8]}"
        self.workspace_id = self.call("POST", "/api/workspaces", {"name": self.workspace})["id"]
        self.http.headers["X-Workspace"] = self.workspace

    def log_in(self, *, anew: bool = False) -> None:
        """Take the cluster's token: who logs in anew for each drill is soon asked to wait. It lasts an hour."""
        known, since = self.cluster.token
        if anew or not known or time.monotonic() - since > 1200:
            login = {"email": FIRST["DATALINX_ADMIN_EMAIL"], "password": FIRST["DATALINX_ADMIN_PASSWORD"]}
            known = self.call("POST", "/api/auth/login", login)["access_token"]
            self.cluster.token = known, time.monotonic()
        self.http.headers["Authorization"] = f"Bearer {known}"

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response | None:
        """Return the answer, or None when there was none."""
        try:
            return self.http.request(method, path, json=body, headers=headers)
        except httpx.TransportError:
            return None

    def call(
        self, method: str, path: str, body: Any = None, *, patience: float = patient(60), **headers: str
    ) -> Any:
        """Return the data of a good answer; what is temporary is tried again for so many seconds."""
        deadline = time.monotonic() + patience
        while True:
            answer = self.send(method, path, body, **headers)
            if answer is not None and answer.status_code < 300:
                found = answer.json()
                return found.get("data", found)
            temporary = answer is None or answer.status_code in {429, 502, 503}
            said = "nothing" if answer is None else f"{answer.status_code} {answer.text[:500]}"
            # A server that is ended in the middle of a request may answer 500: reading once more does no harm.
            again = temporary or (method == "GET" and answer is not None and answer.status_code == 500)
            assert again, f"{method} {path}: {said}"
            assert time.monotonic() < deadline, f"{method} {path}: {said}"
            time.sleep(0.3)

    def lay_out(self, rows: int = ROWS) -> str:
        """Make source, schema, mappings and pipeline; return the pipeline's id. One row in a hundred is rejected."""
        self.upload(rows)
        self.call("PUT", "/api/mappings/customers", mapping("customers", "full"))
        self.call("PUT", "/api/mappings/visits", mapping("visits", "append"))
        return self.pipeline("drill")

    def upload(self, rows: int, days: int = 1) -> None:
        """Make the schema, and the source with its rows spread evenly over so many days from 2024-01-01."""
        source = self.call("POST", "/api/sources", {"name": "crm", "connector": "file"})
        text = io.StringIO()
        text.write("contact_id,mail,amount,joined\n")
        for number in range(rows):
            mail = "nowhere" if number % 100 == 7 else f"p{number}@example.org"
            joined = FIRST_DAY + timedelta(days=number % days)
            text.write(f"{number},{mail},{number % 100}.50,{joined}\n")
        file = {"file": ("contacts.csv", text.getvalue().encode())}
        self.http.post(f"/api/sources/{source['id']}/upload", files=file).raise_for_status()
        self.call("PUT", "/api/schemas/workspace", SCHEMA)

    def pipeline(self, name: str, **document: Any) -> str:
        """Make a pipeline of both tables and return its id."""
        body = {"name": name, "tables": ["customers", "visits"]} | document
        return str(self.call("POST", "/api/pipelines", body)["id"])

    def start(self, pipeline: str) -> str:
        """Start a run and return its id."""
        return str(self.call("POST", f"/api/pipelines/{pipeline}/run", {})["id"])

    def run(self, run: str) -> dict[str, Any]:
        """Return a run as the API shows it."""
        return dict(self.call("GET", f"/api/runs/{run}"))

    def wait_for(self, run: str, seconds: float, states: set[str] = ENDED) -> dict[str, Any]:
        """Wait until a run is in one of these states and return it."""
        deadline = time.monotonic() + seconds
        while (found := self.run(run))["status"] not in states:
            assert time.monotonic() < deadline, (
                f"{run} is still {found['status']} after {seconds:.0f} s. Logs: {self.cluster.folder}"
            )
            time.sleep(0.05)
        return found

    def content(self, table: str) -> tuple[int, int]:
        """Return the number of a table's rows and a sum over the hashes of them all; zeros when it is not there."""
        sql = f"SELECT count(*), CAST(sum(CAST(hash(customer_id, email, spent) AS HUGEINT)) AS VARCHAR) FROM {table}"
        answer = self.send("POST", "/api/analytics/query", {"sql": sql})
        if answer is not None and answer.status_code in {404, 422}:
            return 0, 0
        ((count, total),) = self.call("POST", "/api/analytics/query", {"sql": sql})["rows"]
        return int(count), int(total or 0)


class Watched:
    """A pipeline whose tables are known after an undisturbed run: `expect` says what must be there after more."""

    def __init__(self, client: Client, rows: int = ROWS) -> None:
        self.client = client
        self.pipeline = client.lay_out(rows)
        began = time.monotonic()
        ended = client.wait_for(client.start(self.pipeline), patient(90))
        assert ended["status"] == "success", ended["error"]
        self.seconds = time.monotonic() - began
        self.customers, self.visits = client.content("customers"), client.content("visits")
        assert self.customers == self.visits
        assert self.customers[0] == rows - len(range(7, rows, 100))
        self.appended = 1

    def expect(self, *, appended: int) -> None:
        """Check that the tables hold what so many more undisturbed runs would have left."""
        self.appended += appended
        assert self.client.content("customers") == self.customers
        count, total = self.visits
        assert self.client.content("visits") == (count * self.appended, total * self.appended)


def require_closed(run: dict[str, Any]) -> None:
    """Check that the ledger of each table of a run closes."""
    for step in run["steps"]:
        counts = step["counts"]
        left = counts.get("read", 0) + counts.get("joined_in", 0)
        names = "joined_out grouped filtered deduplicated rejected inserted updated unchanged"
        assert left == sum(counts.get(name, 0) for name in names.split()), counts
        assert left > 0
