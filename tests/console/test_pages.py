"""Every page, as everybody, and what all of them keep."""

import re
from collections.abc import Callable
from html.parser import HTMLParser

from django.test import Client

from tests.console.shop import open_shop
from tests.journey import SCHEMA
from tests.resources import assert_success
from tests.world import WORKSPACE, World

Visit = Callable[..., Client]
VOID = {"meta", "link", "input", "br", "img"}


class Outline(HTMLParser):
    """What a page is made of: tags that are left open, headings, ids, fields and their labels, tables."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.headings: list[str] = []
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.fields: list[dict[str, str | None]] = []
        self.captions = self.tables = 0
        self.feed(page)
        self.faults += [f"<{tag}> is left open" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(tag)
        if values.get("id"):
            self.ids.append(str(values["id"]))
        if tag == "label":
            self.labels.add(str(values.get("for")))
        if tag in {"input", "select", "textarea"} and values.get("type") not in {"hidden", "checkbox"}:
            self.fields.append(values)
        self.tables += tag == "table"
        self.captions += tag == "caption"
        if "style" in values or any(name.startswith("on") for name in values):
            self.faults.append(f"<{tag}> brings a style or a script of its own")

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes something else")

    def check(self) -> list[str]:
        """Return what is wrong with the page."""
        faults = list(self.faults)
        if self.headings.count("h1") != 1 or self.headings[:1] != ["h1"]:
            faults.append(f"headings: {self.headings}")
        faults += [f"the id {name} stands twice" for name in set(self.ids) if self.ids.count(name) > 1]
        faults += [
            f"the field {field.get('name')} has no label"
            for field in self.fields
            if field.get("id") not in self.labels
        ]
        if self.captions != self.tables:
            faults.append("a table has no caption")
        return faults


def test_pages__of_an_editor__are_well_formed_and_show_what_is_there(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    client = visit(world.ed)
    faults = {}
    for path in [*shop.pages, "/workspaces"]:
        answer = client.get(path)
        page = answer.content.decode()
        found = [] if answer.status_code == 200 else [f"status {answer.status_code}"]
        found += Outline(page).check()
        if "{{" in re.sub(r"<pre.*?</pre>", "", page, flags=re.DOTALL) or "{%" in page:
            found.append("a piece of template")
        if found:
            faults[path] = found
    assert faults == {}


def test_pages__of_a_viewer__are_there_without_what_a_viewer_may_not_do(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    client = visit(world.vera)
    forms = {}
    for path in shop.pages:
        answer = client.get(path)
        assert answer.status_code == 200, path
        found = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)"', answer.content.decode())
        forms[path] = {action for action in found if action not in {"/logout", "/w/production/query"}}
    assert {path: found for path, found in forms.items() if found} == {}


def test_pages__of_a_stranger_and_of_a_member_without_access__show_nothing(
    world: World, visit: Visit
) -> None:
    shop = open_shop(world)
    client = visit(world.max)
    assert {path: client.get(path).status_code for path in shop.pages} == dict.fromkeys(shop.pages, 403)
    # Eve has a workspace of the same name: hers is empty, and ids of the other one lead nowhere.
    eve = visit(world.eve)
    for path in shop.pages:
        answer = eve.get(path)
        assert answer.status_code in {200, 404, 422}, path
        for secret in ("ann@example.org", "spenders", "contacts.csv", "few customers"):
            assert secret not in answer.content.decode(), path


def test_pages__of_nobody__lead_to_the_login(world: World) -> None:
    shop = open_shop(world)
    client = Client()
    assert {client.get(path)["Location"].split("?")[0] for path in [*shop.pages, "/", "/workspaces"]} == {
        "/login"
    }


def test_pages__bring_headers__that_keep_foreign_things_out(world: World, visit: Visit) -> None:
    for client, path in (
        (visit(world.ed), "/w/production/"),
        (Client(), "/login"),
        (visit(world.ed), "/w/no/"),
    ):
        answer = client.get(path)
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "no-store" in answer["Cache-Control"]


def test_pages__of_an_empty_workspace__say_what_to_do_next(world: World, visit: Visit) -> None:
    client = visit(world.ed)
    for path, words in {
        "": "Add a source",
        "sources": "Make a file source below",
        "schema": "Use this template",
        "object-types": "Draft them from the target schema",
        "object-types/diagram": "Draft them from the target schema",
        "object-types/draft": "Every table of the target schema has an object type",
        "mappings": "First choose a",
        "pipelines": "Make one",
        "schedules": "Give a",
        "runs": "Start a",
        "tables": "Run a",
        "query": "There is none yet",
        "audiences": "Make one",
        "quality": "Run a",
        "alerts": "Make a rule",
        "alerts/rules": "Make one",
    }.items():
        answer = client.get(f"/w/production/{path}")
        page = answer.content.decode()
        assert (answer.status_code, words in page) == (200, True), path
        assert Outline(page).check() == [], path


def test_page__of_a_workspace_that_is_not_there__says_so_with_the_request(world: World, visit: Visit) -> None:
    answer = visit(world.ed).get("/w/nowhere/runs")
    page = answer.content.decode()
    assert answer.status_code == 404
    assert "Workspace not found" in page
    assert answer["X-Request-Id"] in page


def test_page__whose_address_does_not_exist__has_a_face(world: World) -> None:
    answer = Client().get("/nothing/here")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()
    assert Client().get("/api/nothing").json()["error_code"] == "NOT_FOUND"


def test_page__with_the_workspaces_name_in_another_case__opens_it(world: World, visit: Visit) -> None:
    page = visit(world.ed).get("/w/PRODUCTION/sources").content.decode()
    assert 'href="/w/production/sources"' in page


def test_page__of_hostile_names__escapes_them(world: World, visit: Visit) -> None:
    client = world.ed.client()
    hostile = "<script>alert(1)</script>\"'>"
    source = assert_success(
        client.post("/api/sources", {"name": hostile, "connector": "file"}, format="json"), 201
    )
    schema = {**SCHEMA, "description": hostile}
    assert_success(client.put("/api/schemas/workspace", schema, format="json"), 201)
    browser = visit(world.ed)
    for path in ("sources", f"sources/{source['id']}", "schema", f"sources?search={hostile}"):
        page = browser.get(f"/w/production/{path}").content.decode()
        assert "<script>alert" not in page, path
        assert "&lt;script&gt;alert(1)" in page, path


def test_list__longer_than_a_page__is_paged_and_keeps_the_search(world: World, visit: Visit) -> None:
    client = world.ed.client()
    for number in range(30):
        body = {"name": f"source {number:02d}", "connector": "file"}
        assert_success(client.post("/api/sources", body, format="json"), 201)
    browser = visit(world.ed)
    first = browser.get("/w/production/sources?search=source").content.decode()
    assert "1–25 of 30" in first
    assert 'rel="next" href="?search=source&amp;page=2"' in first
    second = browser.get("/w/production/sources?search=source&page=2").content.decode()
    assert "26–30 of 30" in second
    assert second.count("/w/production/sources/src_") == 5
    for odd in ("0", "-1", "x", "99999999999", "²"):
        assert browser.get(f"/w/production/sources?page={odd}").status_code == 200
    beyond = browser.get("/w/production/sources?search=source&page=9")
    assert beyond["Location"] == "/w/production/sources?search=source&page=2"


def test_home__with_several_workspaces__offers_them(world: World, visit: Visit) -> None:
    client = visit(world.alice)
    assert client.get("/")["Location"] == f"/w/{WORKSPACE}/"
    assert_success(world.alice.client().post("/api/workspaces", {"name": "staging"}, format="json"), 201)
    assert client.get("/")["Location"] == "/workspaces"
    assert 'href="/w/staging/"' in client.get("/workspaces").content.decode()


def test_page__over_the_rate_limit__says_so(world: World, visit: Visit) -> None:
    client = visit(world.ed)
    world.organization.requests_per_minute = 1
    world.organization.save()
    answers = [client.get("/w/production/runs") for _ in range(2)]
    assert answers[-1].status_code == 429
    assert "Too many requests" in answers[-1].content.decode()


def test_static__of_the_console__is_served(world: World) -> None:
    for name, kind in (
        ("console.css", "text/css"),
        ("console.js", "text/javascript"),
        ("mark.svg", "image/svg"),
    ):
        answer = Client().get(f"/static/console/{name}")
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith(kind)
