"""A run's events on their way to the browser."""

from collections.abc import Callable, Iterator

from django.test import Client

from apps.pipelines.services.execution import execute_run
from datalinx.console.live import relay
from datalinx.console.pages import Place
from tests.console.shop import open_shop
from tests.journey import lay_out
from tests.resources import assert_success
from tests.world import World

Visit = Callable[..., Client]


def _place(client: Client) -> Place:
    return Place(client.get("/login").wsgi_request, None, {}, workspace="production")  # type: ignore[arg-type]


def _events(body: bytes) -> list[tuple[str, str, str]]:
    """Return the id, the name and the data of each event, as a browser reads them."""
    found = []
    for block in body.decode().split("\n\n"):
        fields: dict[str, list[str]] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            fields.setdefault(name, []).append(value.removeprefix(" "))
        if "event" in fields:
            found.append((fields.get("id", [""])[0], fields["event"][0], "\n".join(fields["data"])))
    return found


def test_events__of_a_finished_run__bring_its_log_its_state_and_the_end(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    answer = visit(world.vera).get(f"/w/production/runs/{shop.run['id']}/events")
    assert answer["Content-Type"] == "text/event-stream"
    events = _events(b"".join(answer))
    names = [name for _, name, _ in events]
    assert names == ["log"] * (len(names) - 2) + ["run", "end"]
    assert all(identity.isdigit() for identity, name, _ in events if name == "log")
    state = events[-2][2]
    assert "Where 6 rows went" in state
    assert '<svg class="stack"' in state
    assert state.count("<section") == state.count("</section>")


def test_events__with_the_id_of_the_last__begin_after_it(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    client = visit(world.ed)
    path = f"/w/production/runs/{shop.run['id']}/events"
    logs = [event for event in _events(b"".join(client.get(path))) if event[1] == "log"]
    resumed = client.get(path, headers={"Last-Event-ID": logs[1][0]})
    assert [event for event in _events(b"".join(resumed)) if event[1] == "log"] == logs[2:]
    # So does the address, for the first time that the browser asks; nonsense begins at the beginning.
    later = client.get(f"{path}?after={logs[0][0]}")
    assert len([event for event in _events(b"".join(later)) if event[1] == "log"]) == len(logs) - 1
    whole = client.get(path, headers={"Last-Event-ID": "²"})
    assert len([event for event in _events(b"".join(whole)) if event[1] == "log"]) == len(logs)


def test_events__of_a_stranger__are_not_found(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    assert visit(world.eve).get(f"/w/production/runs/{shop.run['id']}/events").status_code == 404
    assert Client().get(f"/w/production/runs/{shop.run['id']}/events").status_code == 302


def test_page__of_a_run_under_way__goes_on_after_the_lines_that_it_shows(world: World, visit: Visit) -> None:
    pipeline = lay_out(world)
    api = world.ed.client()
    run = assert_success(api.post(f"/api/pipelines/{pipeline['id']}/run", {}, format="json"), 201)
    client = visit(world.ed)
    page = client.get(f"/w/production/runs/{run['id']}").content.decode()
    [path] = [part.split('"')[0] for part in page.split('data-events="')[1:]]
    execute_run(run["id"])
    logs = [data for _, name, data in _events(b"".join(client.get(path))) if name == "log"]
    assert logs
    assert not any(data in page for data in logs)


def test_relay__of_pieces__puts_events_together_and_keeps_the_pulse() -> None:
    line = b'{"at": "2024-01-01T00:00:00Z", "level": "info", "table": "", "message": "<b>\\n\\nevent: end"}'
    whole = b"id: 7\nevent: log\ndata: " + line + b"\n\n: still here\n\nevent: end\ndata: {}\n\n"
    pieces = (whole[start : start + 5] for start in range(0, len(whole), 5))
    sent = b"".join(relay(_place(Client()), pieces))
    assert b": still here\n\n" in sent
    assert [(identity, name) for identity, name, _ in _events(sent)] == [("7", "log"), ("", "end")]
    assert b"&lt;b&gt;" in sent


def test_relay__when_the_browser_leaves__ends_the_stream() -> None:
    ended = []

    def stream() -> Iterator[bytes]:
        try:
            while True:
                yield b": still here\n\n"
        finally:
            ended.append(True)

    sent = relay(_place(Client()), stream())
    next(sent)
    sent.close()  # type: ignore[attr-defined]  # a generator
    assert ended == [True]


def test_relay__of_something_without_an_end__gives_up() -> None:
    def stream() -> Iterator[bytes]:
        while True:
            yield b"x" * 1024 * 1024

    assert list(relay(_place(Client()), stream())) == []
