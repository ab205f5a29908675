"""Schedules, webhooks and backfills in a real browser, in front of a platform on which all of them go on."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from datalinx.client import Datalinx
from datalinx.client.workspace import WorkspaceClient
from tests.console.browser import PROGRAM, Browser
from tests.console.test_browser import CONTRAST
from tests.journey import MAPPING, SCHEMA
from tests.up.conftest import FIRST, Platform

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LONG = "a pipeline whose name is longer than any column of a table that somebody would like to read"
OFTEN, LATER = {"cron": "* * * * *", "missed": "skip"}, {"pipelines": ["often"], "on": "finished"}
PIPELINES: tuple[dict[str, Any], ...] = (
    {"name": "often", "schedule": OFTEN},
    {
        "name": "nightly",
        "concurrency": "skip",
        "schedule": {"cron": "0 2 * * mon-fri", "timezone": "Europe/London", "missed": "all"},
    },
    {"name": "strict", "tables": ["people"], "after": {"pipelines": ["often"]}, "max_rejected": {"rows": 0}},
    {"name": "report", "after": {"pipelines": ["nightly", "strict"], "on": "finished"}},
    {"name": LONG, "after": LATER, "schedule": {"cron": "*/5 6-22 1,15 * *", "timezone": "Asia/Kolkata"}},
    {"name": "resting", "schedule": {"cron": "30 6 1 1 *", "enabled": False}},
)


@dataclass
class Place:
    """A platform on which things start by themselves, arrive and fail; `seen` are the paths of what was made."""

    url: str
    api: WorkspaceClient
    browser: Browser
    seen: dict[str, str] = field(default_factory=dict)

    def open(self, path: str) -> None:
        browser = self.browser
        browser.go(f"{self.url}/w/production/{path}")
        if "/login" in browser.address:
            browser.fill("email", FIRST["DATALINX_ADMIN_EMAIL"])
            browser.fill("password", FIRST["DATALINX_ADMIN_PASSWORD"])
            browser.press("Sign in")

    @property
    def pages(self) -> list[str]:
        return ["schedules", "webhooks", *self.seen.values()]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not PROGRAM:
        pytest.fail("These tests need Chromium; leave them out with -m 'not browser'.")
    made = Browser(tmp_path_factory.mktemp("browser"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def receiver() -> Iterator[HTTPServer]:
    """Who hears of events: one address takes them, the other has a bad day."""
    with HTTPServer(host="127.0.0.1") as server:
        server.expect_request("/good").respond_with_data("ok")
        server.expect_request("/bad").respond_with_handler(_have_a_bad_day)
        yield server


def _have_a_bad_day(request: Request) -> Response:
    return Response(f"<h1>No {json.loads(request.get_data())['event']} today</h1>" * 5, 503)


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser, receiver: HTTPServer
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("schedules")
    environment = {**FIRST, "DATALINX_OUTBOUND_ALLOW_CIDRS": "127.0.0.0/8"}
    platform = Platform(folder / "home", environment=environment)
    try:
        platform.wait_until_ready()
        email, password = FIRST["DATALINX_ADMIN_EMAIL"], FIRST["DATALINX_ADMIN_PASSWORD"]
        with Datalinx(base_url=platform.url, email=email, password=password) as client:
            client.workspaces.create(name="production")
            made = Place(platform.url, client.workspace("production"), browser)
            _fill(made, folder / "contacts.csv", receiver)
            yield made
    finally:
        platform.end()


def _fill(place: Place, contacts: Path, receiver: HTTPServer) -> None:
    days = range(1, 29)
    rows = "".join(f"{day},p{day}@example.org,{day},2024-01-{day:02}\n" for day in days)
    contacts.write_text(f"contact_id,mail,amount,joined\n{rows}99,no address,1,2024-01-30\n")
    api = place.api
    source = api.sources.create(name="crm", connector="file")
    api.sources.upload(source.id, contacts)
    [customers] = SCHEMA["tables"]
    api.schemas.put({**SCHEMA, "tables": [customers, {**customers, "name": "people"}]})
    api.mappings.put("people", {**MAPPING, "table_name": "people"})
    api.mappings.put("customers", {**MAPPING, "load": {"mode": "merge", "cursor": "c.joined"}})
    good = api.webhooks.create(
        url=receiver.url_for("/good"), events=["pipeline.completed", "pipeline.failed"]
    )
    bad = api.webhooks.create(
        url=receiver.url_for("/bad") + "?" + "long" * 40,
        events=["pipeline.completed", "pipeline.failed"],
        description="On call",
    )
    off = api.webhooks.create(url=receiver.url_for("/off"), events=["alert.triggered"])
    api.webhooks.update(off.id, enabled=False)
    made = {each["name"]: api.pipelines.create({"tables": ["customers"], **each}) for each in PIPELINES}
    backfill = api.pipelines.backfill(
        made["resting"].id, since="2024-01-01", until="2024-02-01", chunk="1 day"
    )
    run = api.runs.wait(api.pipelines.run(made["often"].id).id)
    _wait_for(lambda: _ended(api, "strict") and _ended(api, LONG))
    follower = next(each for each in api.runs.list(trigger="after"))
    place.seen = {
        "good": f"webhooks/{good.id}",
        "bad": f"webhooks/{bad.id}",
        "off": f"webhooks/{off.id}",
        "backfills": f"pipelines/{made['resting'].id}/backfills",
        "backfill": f"backfills/{backfill.id}",
        "run": f"runs/{run.id}",
        "follower": f"runs/{follower.id}",
    }


def _ended(api: WorkspaceClient, name: str) -> bool:
    [found] = [each for each in api.schedules.list() if each["name"] == name]
    return bool(found["last_run"] and found["last_run"]["finished_at"])


def _wait_for(true: Any, seconds: float = 90) -> None:
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.5)


def test_schedules__while_they_are_watched__go_on_by_themselves(place: Place) -> None:
    browser = place.browser
    browser.look(width=1400)
    browser.log.clear()
    place.open("schedules")
    assert "Every minute" in browser.text
    assert browser.evaluate("document.querySelectorAll('.timeline-row svg[role=group]').length") == len(
        PIPELINES
    )
    shown = browser.evaluate("document.querySelector('#schedules time').dateTime")
    browser.wait_for(f"document.querySelector('#schedules time').dateTime > '{shown}'", seconds=40)
    # The page was not loaded for it, and what is fired has a bar that leads to its run.
    bar = "document.querySelector('.strip a')"
    browser.wait_for(f"{bar} !== null", seconds=90)
    address = browser.evaluate(f"{bar}.getAttribute('href')")
    assert address.startswith("/w/production/runs/run_")
    assert browser.log == []


def test_schedule__paused_and_resumed__says_so(place: Place) -> None:
    browser = place.browser
    browser.look(width=1400)
    place.open("schedules")
    browser.press("Resume")
    assert "The schedule of resting is resumed." in browser.text
    button = "document.querySelector('[aria-label=\"Pause resting\"]')"
    browser.evaluate(f"window.isBefore = true; {button}.click()")
    browser.wait_for("window.isBefore === undefined && document.readyState === 'complete'")
    assert "The schedule of resting is paused." in browser.text
    assert "not before it is resumed" in browser.text


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_pages__in_every_window__fit_and_can_be_read(place: Place, width: int, dark: bool) -> None:
    browser = place.browser
    browser.look(width=width, dark=dark)
    browser.log.clear()
    faults: dict[str, Any] = {}
    for page in place.pages:
        place.open(page)
        browser.evaluate(
            "document.querySelectorAll('details').forEach((each) => { each.open = !each.closest('.drop'); })"
        )
        wider = browser.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        pale = browser.evaluate(CONTRAST)
        if wider > 0 or pale:
            faults[page] = (wider, pale)
    assert faults == {}
    assert browser.log == []


def test_schedules__without_scripts__show_the_same(place: Place) -> None:
    browser = place.browser
    browser.look(width=1400, scripts=False)
    place.open("schedules")
    assert "Twelve hours back, twelve ahead" in browser.text
    assert "After one another" in browser.text
    browser.look(width=1400, scripts=True)
