"""The studio in a real browser: columns drawn onto columns, faults told at their fields, nothing saved by the way."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from datalinx.client import Datalinx
from datalinx.client.workspace import WorkspaceClient
from tests.console.browser import PROGRAM, Browser
from tests.console.test_browser import CONTRAST
from tests.up.conftest import FIRST, Platform

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ODD = '"><script>alert(1)</script>'
SCHEMA = {
    "name": "shop",
    "tables": [
        {
            "name": "customers",
            "primary_key": ["customer_id"],
            "columns": [
                {"name": "customer_id", "type": "integer", "nullable": False},
                {"name": "email", "type": "email"},
                {"name": "full_name", "type": "string"},
                {"name": "spent", "type": "decimal", "precision": 18, "scale": 2},
                {"name": "origin", "type": "bigint"},
            ],
        },
        {"name": "people", "columns": [{"name": "mail", "type": "email"}]},
    ],
}
# No double holds this number.
LARGE = 9007199254740993
MAPPING: dict[str, Any] = {
    "table_name": "customers",
    "inputs": [{"alias": "c", "source": "crm", "table": "contacts"}],
    "fields": {
        "customer_id": {"type": "direct", "source": "c.id"},
        "full_name": {"type": "direct", "source": "c.first"},
        "origin": {"type": "constant", "value": LARGE},
    },
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not PROGRAM:
        pytest.fail("These tests need Chromium; leave them out with -m 'not browser'.")
    made = Browser(tmp_path_factory.mktemp("browser"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Place"]:
    """A platform with contacts and a schema."""
    folder = tmp_path_factory.mktemp("studio")
    platform = Platform(folder / "home", environment=FIRST)
    try:
        platform.wait_until_ready()
        email, password = FIRST["DATALINX_ADMIN_EMAIL"], FIRST["DATALINX_ADMIN_PASSWORD"]
        with Datalinx(base_url=platform.url, email=email, password=password) as client:
            yield Place(platform.url, _fill(client, folder / "contacts.csv"))
    finally:
        platform.end()


@dataclass(frozen=True)
class Place:
    """Where the platform is, and its API."""

    url: str
    api: WorkspaceClient


def _fill(client: Datalinx, contacts: Path) -> WorkspaceClient:
    rows = "".join(
        f"{n},Ann,Berg {n}, P{n}@Example.org ,{n}.50,<img src=x onerror=alert(2)>\n" for n in range(40)
    )
    contacts.write_text(f'id,first,last,mail,spent,"{ODD.replace(chr(34), chr(34) * 2)}"\n{rows}')
    client.workspaces.create(name="production")
    workspace = client.workspace("production")
    source = workspace.sources.create(name="crm", connector="file")
    workspace.sources.upload(source.id, contacts)
    workspace.schemas.put(SCHEMA)
    return workspace


class Studio:
    """The page, with a mapping as it was at first."""

    def __init__(self, browser: Browser, place: Place) -> None:
        self.browser, self.url, self.api = browser, place.url, place.api
        self.version = self.api.mappings.put("customers", MAPPING)["version"]
        browser.look(width=1400, height=1000)
        browser.log.clear()
        self.open("mappings/customers/studio")

    def open(self, path: str) -> None:
        browser = self.browser
        browser.go(f"{self.url}/w/production/{path}")
        if "/login" in browser.address:
            browser.fill("email", FIRST["DATALINX_ADMIN_EMAIL"])
            browser.fill("password", FIRST["DATALINX_ADMIN_PASSWORD"])
            browser.press("Sign in")
        if path.endswith("studio"):
            browser.wait_for("document.querySelector('#studio-inputs [data-column]') !== null", seconds=40)

    @property
    def document(self) -> Any:
        return json.loads(self.browser.evaluate("document.querySelector('#document').value"))

    @property
    def panel(self) -> str:
        return str(self.browser.evaluate("document.querySelector('#studio-panel').innerText"))

    def click(self, selector: str) -> None:
        self.browser.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def say(self, text: str) -> None:
        """Press the button of the board that says this."""
        buttons = "[...document.querySelectorAll('#studio-board button')]"
        self.browser.evaluate(f"{buttons}.find((each) => each.textContent === {json.dumps(text)}).click()")

    def write(self, key: str, value: str) -> None:
        self.browser.evaluate(
            f"""(() => {{
                const field = document.querySelector({json.dumps(key)});
                field.value = {json.dumps(value)};
                for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, {{bubbles: true}}));
            }})()"""
        )

    def draw(self, column: str, target: str) -> None:
        """Draw a source column onto a target column, with the mouse."""
        start, end = self._middle(f"[data-column={column}]"), self._middle(f"[data-target={target}]")
        self._mouse("mousePressed", start, 1)
        for step in range(1, 6):
            between = tuple(a + (b - a) * step / 5 for a, b in zip(start, end, strict=True))
            self._mouse("mouseMoved", between, 1)
        self._mouse("mouseReleased", end, 0)

    def _middle(self, selector: str) -> tuple[float, float]:
        x, y = self.browser.evaluate(
            f"""(() => {{
                const place = document.querySelector({json.dumps(selector)}).getBoundingClientRect();
                return [place.left + place.width / 2, place.top + place.height / 2];
            }})()"""
        )
        return x, y

    def _mouse(self, kind: str, place: tuple[float, ...], buttons: int) -> None:
        x, y = place
        self.browser.call(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=buttons, clickCount=1
        )


@pytest.fixture
def studio(browser: Browser, place: Place) -> Studio:
    return Studio(browser, place)


def test_column__drawn_onto_another__maps_it_and_a_semantic_one_with_its_chain(studio: Studio) -> None:
    studio.draw("spent", "spent")
    studio.draw("mail", "email")
    fields = studio.document["fields"]
    assert fields["spent"] == {"type": "direct", "source": "c.spent"}
    assert fields["email"] == {
        "type": "decorated",
        "source": "c.mail",
        "decorators": [{"name": "trim"}, {"name": "email"}],
    }
    studio.browser.wait_for("document.querySelectorAll('#studio-lines .edge').length === 4")
    assert "5 mapped" in studio.browser.evaluate("document.querySelector('#studio-counts').innerText")
    # Nothing is saved, and nothing fell over.
    assert studio.api.mappings.get("customers")["version"] == studio.version
    assert studio.browser.log == []


def test_column__mapped_by_the_keyboard__is_mapped(studio: Studio) -> None:
    browser = studio.browser
    for selector in ("[data-column=spent]", "[data-target=spent]", "[data-key=map-spent]"):
        browser.evaluate(f"document.querySelector('{selector}').focus()")
        browser.call(
            "Input.dispatchKeyEvent", type="keyDown", key="Enter", windowsVirtualKeyCode=13, text="\r"
        )
        browser.call("Input.dispatchKeyEvent", type="keyUp", key="Enter", windowsVirtualKeyCode=13)
    assert studio.document["fields"]["spent"] == {"type": "direct", "source": "c.spent"}
    studio.click("#studio-undo")
    assert "spent" not in studio.document["fields"]
    studio.click("#studio-redo")
    assert "spent" in studio.document["fields"]


def test_studio__changed_and_left_by_a_script__leaves_no_fault_in_the_log(studio: Studio) -> None:
    for selector in ("[data-column=spent]", "[data-target=spent]", "[data-key=map-spent]"):
        studio.click(selector)
    assert studio.document["fields"]["spent"] == {"type": "direct", "source": "c.spent"}
    studio.open("mappings")
    assert studio.browser.log == []


def test_second_column__drawn_onto_the_same__is_offered_as_an_expression_of_both(studio: Studio) -> None:
    studio.draw("last", "full_name")
    assert studio.document["fields"]["full_name"] == {"type": "direct", "source": "c.first"}
    studio.say("Join both with a blank")
    joined = {"type": "expression", "expression": "concat_ws(' ', c.first, c.last)"}
    assert studio.document["fields"]["full_name"] == joined


def test_line__that_is_clicked__opens_how_its_column_is_made(studio: Studio) -> None:
    studio.browser.evaluate(
        "document.querySelector('#studio-lines .k-direct .hit').dispatchEvent(new MouseEvent('click', {bubbles: true}))"
    )
    assert "customer_id" in studio.panel
    assert "c.id" in studio.panel
    studio.browser.evaluate("document.querySelector('#studio-panel details').open = true")
    studio.browser.wait_for("/AS|CAST/i.test(document.querySelector('#studio-panel pre').textContent)")


def test_expression__with_a_fault__is_told_at_its_field_until_it_is_right(studio: Studio) -> None:
    browser = studio.browser
    studio.click("[data-target=full_name]")
    studio.write("[data-key=kind]", "expression")
    studio.write("[data-key=expression]", "concat_ws(' ', c.first, c.lst)")
    fault = "document.querySelector('#studio-panel small.bad:not([hidden])')?.innerText ?? ''"
    browser.wait_for(f"({fault}).includes('Did you mean')")
    assert (
        browser.evaluate("document.querySelector('[data-key=expression]').getAttribute('aria-invalid')")
        == "true"
    )
    assert "1 error" in browser.evaluate("document.querySelector('#studio-counts').innerText")
    # The server refuses it with the same sentence, and the old version stays.
    studio.click("#studio-save")
    browser.wait_for("document.querySelector('#studio-notice.error') !== null")
    assert studio.api.mappings.get("customers")["version"] == studio.version
    studio.write("[data-key=expression]", "concat_ws(' ', c.first, c.last)")
    browser.wait_for(f"({fault}) === ''")
    assert "0 error" in browser.evaluate("document.querySelector('#studio-counts').innerText")


def test_chain__changed_in_the_panel__keeps_its_order_and_parameters(studio: Studio) -> None:
    studio.draw("last", "full_name")
    studio.say("Replace")
    studio.write("[data-key=kind]", "decorated")
    for name in ("replace", "upper"):
        studio.write("[data-key=step-add]", name)
    studio.write("[data-key=step-1-find]", "Berg")
    studio.click("[data-key=step-2-up]")
    assert studio.document["fields"]["full_name"]["decorators"] == [
        {"name": "trim"},
        {"name": "upper"},
        {"name": "replace", "find": "Berg"},
    ]
    studio.click("[data-key=step-0-out]")
    assert [each["name"] for each in studio.document["fields"]["full_name"]["decorators"]] == [
        "upper",
        "replace",
    ]


def test_preview__of_what_is_not_saved__shows_its_effect(studio: Studio) -> None:
    browser = studio.browser
    studio.draw("last", "full_name")
    studio.say("Replace")
    studio.draw("mail", "email")
    studio.click("#studio-preview-button")
    browser.wait_for("!document.querySelector('#studio-preview').hidden", seconds=60)
    shown = browser.evaluate("document.querySelector('#studio-preview').innerText")
    assert "full_name changes in 40 of 40 rows" in shown
    assert "p7@example.org" in shown
    assert "P1@Example.org" in studio.panel
    assert "p1@example.org" in studio.panel
    assert studio.api.mappings.get("customers")["version"] == studio.version
    assert browser.log == []


def test_save__after_somebody_else__overwrites_nothing_and_loses_nothing(studio: Studio) -> None:
    browser = studio.browser
    studio.draw("mail", "email")
    studio.click("#studio-save")
    browser.wait_for("document.querySelector('#studio-notice').innerText.includes('Saved as version')")
    stored = studio.api.mappings.get("customers")
    assert stored["fields"]["email"]["source"] == "c.mail"
    assert stored["fields"]["origin"]["value"] == LARGE
    theirs = studio.api.mappings.put("customers", {**MAPPING, "filter": "c.id <> '1'"})
    studio.draw("spent", "spent")
    studio.click("#studio-save")
    browser.wait_for("document.querySelector('#studio-notice.error') !== null")
    assert "at version" in browser.evaluate("document.querySelector('#studio-notice').innerText")
    assert studio.api.mappings.get("customers")["version"] == theirs["version"]
    assert "spent" in studio.document["fields"]


def test_json__and_the_drawing__are_one_document(studio: Studio) -> None:
    browser = studio.browser
    studio.click("#studio-json summary")
    text = json.dumps({**studio.document, "later": {"kept": 1.10}}).replace('"c.first"', '"c.last"')
    studio.write("#document", text)
    studio.click("[data-target=full_name]")
    assert browser.evaluate("document.querySelector('[data-key=source]').value") == "c.last"
    browser.wait_for("document.querySelector('#studio-elsewhere').innerText.includes('later')")
    studio.draw("mail", "email")
    assert studio.document["later"] == {"kept": 1.1}
    assert str(LARGE) in browser.evaluate("document.querySelector('#document').value")
    studio.write("#document", '{"inputs": 5, "fields": [], "joins": {"a": null}, "wildcard": "x"')
    assert "not valid JSON yet" in browser.text
    studio.write("#document", '{"inputs": 5, "fields": [], "joins": {"a": null}, "wildcard": "x", "load": 7}')
    studio.click("[data-target=full_name]")
    assert browser.log == []


def test_suggestions__are_drawn_and_taken_into_the_document(studio: Studio) -> None:
    browser = studio.browser
    studio.click("#studio-suggest")
    browser.wait_for("document.querySelectorAll('#studio-lines .suggested').length > 0", seconds=60)
    assert "%" in browser.evaluate("document.querySelector('#studio-columns').innerText")
    studio.click("[data-key=accept-email]")
    assert studio.document["fields"]["email"]["source"] == "c.mail"
    studio.click("[data-key=reject-spent]")
    browser.wait_for("document.querySelector('[data-key=accept-spent]') === null")
    assert studio.api.mappings.get("customers")["version"] == studio.version


def test_mapping__begun_on_the_page_of_mappings__is_saved_from_the_studio(studio: Studio) -> None:
    browser = studio.browser
    studio.open("mappings")
    studio.write("#new-from", "crm/contacts")
    browser.press("Map it")
    browser.wait_for("document.querySelector('#studio-inputs [data-column]') !== null", seconds=40)
    studio.click("#studio-save")
    browser.wait_for("document.querySelector('#studio-notice').innerText.includes('Saved as version')")
    assert studio.api.mappings.get("people")["fields"] == {"mail": {"type": "direct", "source": "s.mail"}}
    studio.api.mappings.delete("people")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_studio__in_every_window__fits_and_can_be_read(studio: Studio, width: int, dark: bool) -> None:
    browser = studio.browser
    browser.look(width=width, dark=dark)
    studio.draw("mail", "email")
    studio.click("[data-target=email]")
    browser.evaluate("for (const each of document.querySelectorAll('main details')) each.open = true")
    wider = browser.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert (wider, browser.evaluate(CONTRAST)) == (0, [])
    # A hostile name is text.
    assert ODD in browser.text
    assert browser.evaluate("document.querySelectorAll('#studio-inputs :is(script, img)').length") == 0
    assert browser.log == []


def test_studio__without_scripts__is_the_document_as_text(studio: Studio) -> None:
    browser = studio.browser
    browser.look(width=1400, scripts=False)
    browser.go(f"{studio.url}/w/production/mappings/customers/studio")
    assert browser.evaluate("document.querySelector('#document').checkVisibility()")
    assert not browser.evaluate("document.querySelector('#studio-board').checkVisibility()")
    browser.evaluate("document.querySelector('#studio button.main').click()")
    browser.wait_for(f"document.body.innerText.includes('Saved as version {studio.version + 1}.')")
    browser.look(width=1400, scripts=True)
