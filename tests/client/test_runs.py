"""Following a run: its events, and waiting for its end."""

from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalinx.client import APIError, ConnectionFailed, NotFound, RunFailed, WaitTimedOut
from datalinx.client.events import Event, Parser
from datalinx.client.http import Http, Incoming, Outgoing
from datalinx.client.models import Run

from .conftest import Script, failure, success


def run(status: str, progress: float = 0.0, **more: Any) -> httpx.Response:
    return success({"id": "run_1", "status": status, "progress": progress, **more})


def stream(text: str) -> httpx.Response:
    return httpx.Response(200, text=text, headers={"Content-Type": "text/event-stream"})


def incoming(*chunks: bytes) -> Incoming:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=iter(chunks)))
    outgoing = Outgoing("GET", "https://data.example/x", {}, {}, None, None, 5.0, "req_1")
    return Http(transport).open(outgoing)


def test_wait__for_a_run__tells_each_state_once_and_returns_the_last(script: Script) -> None:
    script.then(
        run("queued"), run("running", 0.5), run("running", 0.5), run("success", 1.0, totals={"read": 3})
    )
    seen: list[tuple[str, float]] = []
    done = script.client().runs.wait(
        "run_1", on_progress=lambda state: seen.append((state.status, state.progress))
    )
    assert seen == [("queued", 0.0), ("running", 0.5), ("success", 1.0)]
    assert done.totals.read == 3
    assert script.slept == sorted(script.slept)


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_wait__for_a_run_that_does_not_succeed__raises_with_the_run(script: Script, status: str) -> None:
    error = {"code": "LEDGER_UNBALANCED", "message": "customers: 3 rows are missing"}
    script.then(run(status, error=error))
    with pytest.raises(RunFailed, match="3 rows are missing") as caught:
        script.client().runs.wait("run_1")
    assert caught.value.run["status"] == status


def test_wait__without_check__returns_the_failed_run(script: Script) -> None:
    script.then(run("failed"))
    assert script.client().runs.wait("run_1", check=False).status == "failed"


def test_wait__longer_than_it_may__raises_with_the_run(script: Script) -> None:
    script.then(run("running", 0.4))
    with pytest.raises(WaitTimedOut, match="still running") as caught:
        script.client().runs.wait("run_1", timeout=0)
    assert caught.value.run["progress"] == 0.4


def test_wait__through_a_restart_of_the_server__goes_on(script: Script) -> None:
    script.then(
        run("running", 0.1), httpx.ConnectError("refused"), failure(503, "STARTING"), run("success", 1.0)
    )
    assert script.client().runs.wait("run_1").status == "success"


def test_events__of_a_run__end_with_its_final_state(script: Script) -> None:
    script.then(
        stream(
            ': welcome\n\nid: 1\nevent: progress\ndata: {"status": "running",\ndata:  "progress": 0.5}\n\n'
            'id: 2\nevent: step\ndata: {"table": "customers", "status": "success"}\n\n'
            'id: 3\ndata: {"status": "success", "progress": 1.0}\n\nid: 4\ndata: "never read"\n\n'
        )
    )
    events = list(script.client().runs.events("run_1"))
    assert [(event.id, event.name) for event in events] == [
        ("1", "progress"),
        ("2", "step"),
        ("3", "message"),
    ]
    assert events[0].data == {"status": "running", "progress": 0.5}
    assert script.requests[0].headers["Accept"] == "text/event-stream"


def test_events__whose_stream_breaks__are_taken_up_where_it_broke(script: Script) -> None:
    def broken(_: httpx.Request) -> httpx.Response:
        def content() -> Any:
            yield b'retry: 2500\nid: 7\ndata: {"status": "running"}\n\nid: 8\ndata: {"status": "runn'
            raise httpx.ReadError("reset")

        return httpx.Response(200, content=content())

    script.then(broken, httpx.ReadTimeout("quiet"), stream('id: 8\ndata: {"status": "failed"}\n\n'))
    events = list(script.client(max_retries=0).runs.events("run_1"))
    assert [(event.id, event.data["status"]) for event in events] == [("7", "running"), ("8", "failed")]
    assert [request.headers.get("Last-Event-ID") for request in script.requests] == [None, "7", "7"]
    assert script.slept == [2.5, 2.5]


def test_events__taken_up_from_an_earlier_stream__name_their_last_one(script: Script) -> None:
    script.then(stream('data: {"status": "success"}\n\n'))
    assert len(list(script.client().runs.events("run_1", last_event_id="41"))) == 1
    assert script.requests[0].headers["Last-Event-ID"] == "41"


def test_events__of_a_stream_that_brings_nothing__end_after_a_while(script: Script) -> None:
    script.then(*[stream("")] * 6)
    assert list(script.client().runs.events("run_1")) == []


def test_events__of_a_server_that_stays_away__raise_its_failure(script: Script) -> None:
    script.then(*[httpx.ConnectError("refused")] * 6)
    with pytest.raises(ConnectionFailed):
        list(script.client(max_retries=0).runs.events("run_1"))


def test_events__of_no_run__raise_at_once(script: Script) -> None:
    script.then(failure(404, "RUN_NOT_FOUND"))
    with pytest.raises(NotFound):
        list(script.client().runs.events("run_1"))


def test_event__that_is_no_json__is_its_text() -> None:
    assert list(Parser().events(["data: hello", "data:", "data: there", ""])) == [
        Event("message", "hello\n\nthere")
    ]


def test_event__of_a_finished_step__is_not_the_end_of_the_run() -> None:
    assert not Event("step", {"table": "customers", "status": "success"}).is_last
    assert Event("end", {}).is_last
    assert Event("progress", {"status": "success"}).is_last


@given(
    st.lists(
        st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=8), max_size=6
    ),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.data(),
)
def test_lines__cut_anywhere__are_the_lines_that_were_sent(
    lines: list[str], end: str, data: st.DataObject
) -> None:
    whole = "".join(line + end for line in lines).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    chunks = [whole[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert list(incoming(*chunks).lines()) == lines


def test_run__of_each_status__knows_whether_it_is_finished() -> None:
    finished = {
        status: Run({"status": status}).is_finished for status in ("queued", "running", "success", "failed")
    }
    assert finished == {"queued": False, "running": False, "success": True, "failed": True}


def test_cancel__of_a_finished_run__is_the_servers_refusal(script: Script) -> None:
    script.then(failure(422, "RUN_ALREADY_FINISHED"))
    with pytest.raises(APIError) as caught:
        script.client().runs.cancel("run_1")
    assert caught.value.code == "RUN_ALREADY_FINISHED"
    assert script.json() == {}
