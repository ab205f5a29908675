"""The console in a real browser, in front of a platform that really runs."""

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.console.browser import PROGRAM, Browser
from tests.up.conftest import FIRST, Platform

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CONTRAST = (Path(__file__).parent / "contrast.js").read_text()
SCHEMA = {
    "name": "shop",
    "tables": [
        {
            "name": "customers",
            "primary_key": ["customer_id"],
            "columns": [
                {"name": "customer_id", "type": "integer", "nullable": False},
                {"name": "email", "type": "email", "nullable": False},
                {"name": "full_name", "type": "string"},
                {"name": "joined_on", "type": "date"},
                {"name": "spent", "type": "decimal", "precision": 18, "scale": 2},
                {"name": "origin", "type": "string"},
            ],
        }
    ],
}
MAPPING = {
    "table_name": "customers",
    "inputs": [{"alias": "c", "source": "crm", "table": "contacts"}],
    "filter": "c.gone IS NULL",
    "fields": {
        "customer_id": {"type": "direct", "source": "c.id"},
        "email": {
            "type": "decorated",
            "source": "c.mail",
            "decorators": [{"name": "trim"}, {"name": "email"}],
        },
        "full_name": {"type": "expression", "expression": "concat_ws(' ', c.first, c.last)"},
        "joined_on": {"type": "direct", "source": "c.joined"},
        "spent": {"type": "decorated", "source": "c.spent", "decorators": [{"name": "amount"}]},
        "origin": {"type": "constant", "value": "crm"},
    },
}
AUDIENCE = {
    "name": "big spenders",
    "table": "customers",
    "key": "customer_id",
    "rule": {
        "any": [{"field": "spent", "op": "gte", "value": 90}, {"not": {"field": "email", "op": "not_null"}}]
    },
}
ROWS = 150_000


def _contacts(path: Path) -> Path:
    """Write contacts, one in a hundred with an address that is none."""
    chance = random.Random(1)
    with path.open("w") as file:
        file.write("id,first,last,mail,joined,spent,gone\n")
        for number in range(1, ROWS + 1):
            mail = f"p{number}@example.org" if number % 100 else "no address"
            gone = "2024-01-01" if number % 50 == 7 else ""
            day = f"20{chance.randint(18, 24)}-{chance.randint(1, 12):02d}-{chance.randint(1, 28):02d}"
            file.write(f"{number},Ann,Berg {number},{mail},{day},${chance.random() * 100:.2f},{gone}\n")
    return path


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not PROGRAM:
        pytest.fail("These tests need Chromium; leave them out with -m 'not browser'.")
    made = Browser(tmp_path_factory.mktemp("browser"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator["Journey"]:
    """A platform whose first workspace was filled by hand, in the browser."""
    folder = tmp_path_factory.mktemp("console")
    platform = Platform(folder / "home", environment=FIRST)
    try:
        platform.wait_until_ready()
        yield Journey(browser, platform.url, _contacts(folder / "contacts.csv"))
    finally:
        platform.end()


class Journey:
    """What a person does from the first page on; `seen` are the addresses of what was made."""

    def __init__(self, browser: Browser, url: str, contacts: Path) -> None:
        self.browser, self.url, self.seen = browser, url, dict[str, str]()
        self.live: list[str] = []
        browser.look(width=1400)
        self._sign_in()
        self._fill(contacts)
        self._run()
        self._ask()

    def _sign_in(self) -> None:
        browser = self.browser
        browser.go(f"{self.url}/")
        browser.fill("email", FIRST["DATALINX_ADMIN_EMAIL"])
        browser.fill("password", FIRST["DATALINX_ADMIN_PASSWORD"])
        browser.press("Sign in")
        browser.fill("name", "production")
        browser.press("Make it")

    def _fill(self, contacts: Path) -> None:
        browser = self.browser
        browser.press("Add a source")
        browser.fill("name", "crm")
        browser.press("Make the source")
        self.seen["source"] = browser.address
        browser.choose_file("file", contacts)
        browser.press("Upload")
        browser.go(f"{self.url}/w/production/edit/schema")
        self._save(SCHEMA)
        browser.go(f"{self.url}/w/production/edit/mapping/customers")
        self._save(MAPPING)
        browser.go(f"{self.url}/w/production/edit/object-type")
        browser.press("Save")
        self.seen["object_type"] = browser.address

    def _save(self, document: Any) -> None:
        self.browser.fill("document", json.dumps(document))
        self.browser.press("Save")
        assert "Saved as version 1." in self.browser.text

    def _run(self) -> None:
        browser = self.browser
        browser.press("Pipelines")
        browser.press("Run the whole workspace")
        self.seen["run"] = browser.address.split("?")[0]
        # What the page says of itself, before and after each change that nobody loads it for.
        self.live.append(browser.evaluate("document.querySelector('#run-state .badge').innerText"))
        browser.evaluate(
            """new MutationObserver(() => {
                const now = document.querySelector("#run-state .badge").innerText;
                sessionStorage.states = `${sessionStorage.states ?? ""} ${now}`;
            }).observe(document.querySelector("#run-state"), {childList: true})"""
        )
        browser.wait_for("!document.querySelector('[data-events]')", seconds=90)
        self.live += browser.evaluate("sessionStorage.states ?? ''").split()

    def _ask(self) -> None:
        browser = self.browser
        browser.go(f"{self.url}/w/production/edit/audience")
        self._save(AUDIENCE)
        self.seen["audience"] = browser.address
        browser.press("Find the members")
        browser.go(f"{self.url}/w/production/edit/alert-rule")
        self._save(
            {
                "name": "few",
                "kind": "threshold",
                "table": "customers",
                "measure": "rows",
                "op": "lt",
                "value": 1e9,
            }
        )
        browser.press("Quality")
        browser.press("Measure now")

    @property
    def pages(self) -> list[str]:
        room = f"{self.url}/w/production"
        return [
            f"{self.url}/workspaces",
            f"{room}/",
            f"{room}/sources",
            self.seen["source"],
            f"{self.seen['source']}/tables/contacts",
            f"{self.seen['source']}/profiles/contacts",
            f"{room}/schema",
            f"{room}/schema/customers",
            f"{room}/object-types",
            f"{room}/object-types/diagram",
            f"{room}/object-types/draft",
            self.seen["object_type"],
            f"{room}/mappings",
            f"{room}/mappings/customers",
            f"{room}/mappings/customers?field=email",
            f"{room}/mappings/customers/studio",
            f"{room}/mappings/customers/preview",
            f"{room}/mappings/customers/lineage",
            f"{room}/mappings/customers/dbt",
            f"{room}/edit/mapping/customers",
            f"{room}/pipelines",
            f"{room}/schedules",
            f"{room}/webhooks",
            f"{room}/runs",
            self.seen["run"],
            f"{self.seen['run']}/lineage",
            f"{self.seen['run']}/rejected",
            f"{room}/tables",
            f"{room}/tables/customers",
            f"{room}/tables/customers/snapshots",
            f"{room}/query",
            f"{room}/audiences",
            f"{self.seen['audience']}?key=1",
            f"{self.seen['audience']}/changes",
            f"{room}/quality",
            f"{room}/quality/customers",
            f"{room}/alerts",
            f"{room}/alerts/rules",
        ]


def test_journey__through_the_console__ends_in_a_ledger_that_closes(console: Journey) -> None:
    browser = console.browser
    browser.go(console.seen["run"])
    text = browser.text
    filtered, rejected = ROWS // 50, ROWS // 100
    assert f"Where {ROWS:,} rows went" in text
    assert f"{filtered:,}" in text
    assert f"{rejected:,}" in text
    assert "The ledger closes: every row is accounted for." in text
    assert "invalid email" in text


def test_run__while_it_is_watched__goes_on_by_itself(console: Journey) -> None:
    assert console.live[0] in {"queued", "running"}
    assert "running" in console.live
    assert console.live[-1] == "success"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_pages__in_every_window__fit_and_can_be_read(console: Journey, width: int, dark: bool) -> None:
    browser = console.browser
    browser.look(width=width, dark=dark)
    browser.log.clear()
    faults: dict[str, Any] = {}
    for page in console.pages:
        browser.go(page)
        wider = browser.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        pale = browser.evaluate(CONTRAST)
        if wider > 0 or pale:
            faults[page.removeprefix(console.url)] = (wider, pale)
    assert faults == {}
    # Nothing was refused by the policy, nothing is missing, no script fell over.
    assert browser.log == []


def _timeless(text: str) -> str:
    """Return a page's text without how long ago things were: that goes on between two looks."""
    return re.sub(r"\b(\d+|an?) (second|minute|s|min)s? ago|\bjust now\b|\bnow\b", "a while ago", text)


def test_pages__without_scripts__show_the_same(console: Journey) -> None:
    browser = console.browser
    browser.look(width=1400, scripts=True)
    for page in (console.seen["run"], f"{console.url}/w/production/mappings/customers?field=email"):
        browser.look(width=1400, scripts=True)
        browser.go(page)
        whole = _timeless(browser.text)
        browser.look(width=1400, scripts=False)
        browser.go(page)
        assert _timeless(browser.text) == whole
    browser.look(width=1400, scripts=True)


def test_mapping__a_column_that_is_chosen__is_explained(console: Journey) -> None:
    browser = console.browser
    browser.look(width=1400)
    browser.go(f"{console.url}/w/production/mappings/customers")
    assert browser.evaluate("document.querySelectorAll('.wide-drawing path.edge').length") == 6
    browser.evaluate(
        "window.isBefore = true; document.querySelector('.wide-drawing a[href*=full_name]')"
        ".dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}))"
    )
    browser.wait_for("window.isBefore === undefined && document.readyState === 'complete'")
    panel = browser.evaluate("document.querySelector('#field').innerText")
    assert "full_name" in panel
    assert "concat_ws(' ', c.first, c.last)" in panel


def test_query__in_the_box__is_drawn(console: Journey) -> None:
    browser = console.browser
    browser.look(width=1400)
    browser.log.clear()
    browser.go(f"{console.url}/w/production/query")
    browser.fill("sql", "SELECT year(joined_on) AS year, sum(spent) AS spent FROM customers GROUP BY 1")
    browser.press("Run")
    assert "spent by year" in browser.text
    assert browser.evaluate("document.querySelector('.curve').getBoundingClientRect().width") > 300
    assert browser.log == []


def test_keyboard__first_key__offers_to_skip_to_the_content(console: Journey) -> None:
    browser = console.browser
    browser.look(width=1400)
    browser.go(f"{console.url}/w/production/runs")
    browser.press_key("Tab", 9)
    assert browser.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert browser.evaluate("document.activeElement.getBoundingClientRect().top >= 0")


def test_browser__signed_in__holds_no_token(console: Journey) -> None:
    browser = console.browser
    browser.go(f"{console.url}/w/production/")
    kept = browser.evaluate(
        "JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.cookie"
        " + document.documentElement.outerHTML"
    )
    assert "eyJ" not in kept
    assert "sessionid" not in kept


def test_person__signed_out__is_asked_to_sign_in(console: Journey) -> None:
    browser = console.browser
    browser.go(f"{console.url}/w/production/runs")
    browser.press("Sign out")
    browser.go(f"{console.url}/w/production/runs")
    assert "/login?next=" in browser.address
