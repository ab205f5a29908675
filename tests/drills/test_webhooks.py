"""W2: whatever the receiver answers and whenever the deliverer is killed, every event arrives, and nothing else."""

import json
import random
import threading
import time

import pytest

from tests.drilling import is_long, patient
from tests.drills.cluster import Cluster
from tests.drills.conftest import Round, rounds
from tests.drills.receiver import Receiver
from tests.drills.workload import Client

pytestmark = pytest.mark.drill

TYPES = ["pipeline.started", "pipeline.completed", "pipeline.failed", "pipeline.cancelled"]
KILLS = ["delivery.claimed@1", "delivery.sent@3", "delivery.before_record@1", ""]
# The lease of a claim whose worker was lost, a slow attempt, and a worker's start.
SETTLES = patient(150.0)


class Emitter(threading.Thread):
    """Makes events, one or two a run: runs that are cancelled as soon as they are queued."""

    def __init__(self, client: Client, pipeline: str) -> None:
        super().__init__(daemon=True)
        self._client, self._pipeline = client, pipeline
        self.ends = threading.Event()

    def run(self) -> None:
        while not self.ends.wait(0.1):
            answer = self._client.send("POST", f"/api/pipelines/{self._pipeline}/run", {})
            if answer is not None and answer.status_code == 201:
                self._client.send("POST", f"/api/runs/{answer.json()['data']['id']}/cancel")


def _hurry(cluster: Cluster, webhook: str) -> None:
    """Let the hours between two attempts pass at once. Claims keep their lease."""
    cluster.execute(
        "UPDATE workspaces_delivery SET due_at = CURRENT_TIMESTAMP WHERE status = 'pending' "
        f"AND claimed_at IS NULL AND due_at > CURRENT_TIMESTAMP AND webhook_id = '{webhook}'"
    )


def _kill_deliverers(cluster: Cluster, webhook: str, dice: random.Random, kills: int) -> None:
    for number in range(kills):
        name, _, hit = KILLS[number % len(KILLS)].partition("@")
        _hurry(cluster, webhook)
        if not name:
            time.sleep(dice.uniform(0.2, 3))
            cluster.kill("default")
            continue
        cluster.arm(f"{name}=killtree@{hit}")
        deadline = time.monotonic() + patient(90)
        while cluster.hits(name) < int(hit):
            assert time.monotonic() < deadline, f"{name} was never reached. Logs: {cluster.folder}"
            _hurry(cluster, webhook)
            time.sleep(0.5)
    cluster.disarm()


def _settle(cluster: Cluster, client: Client, webhook: str) -> None:
    """Wait until nothing is on its way, sending again what was given up meanwhile."""
    deadline = time.monotonic() + SETTLES
    where = f"FROM workspaces_delivery WHERE webhook_id = '{webhook}' AND status"
    while True:
        ((failed,),) = cluster.execute(f"SELECT count(*) {where} = 'failed'")
        ((pending,),) = cluster.execute(f"SELECT count(*) {where} = 'pending'")
        if not failed and not pending:
            return
        assert time.monotonic() < deadline, f"{pending} pending, {failed} failed. Logs: {cluster.folder}"
        if failed:
            since = {"since": "2000-01-01T00:00:00Z"}
            client.call("POST", f"/api/webhooks/{webhook}/deliveries/replay", since)
        _hurry(cluster, webhook)
        time.sleep(1)


def _require_all(cluster: Cluster, client: Client, receiver: Receiver) -> int:
    rows = cluster.execute(
        "SELECT id, sequence, type, body FROM workspaces_event "
        f"WHERE workspace_id = '{client.workspace_id}' ORDER BY sequence"
    )
    assert [row[1] for row in rows] == list(range(1, len(rows) + 1)), "The sequence has a gap."
    bodies = {row[0]: row[3].encode() for row in rows if row[2] in TYPES}
    arrived = {each.id for each in receiver.arrivals}
    confirmed = {each.id for each in receiver.arrivals if each.confirmed}
    assert arrived <= bodies.keys(), "Something arrived that is no event."
    assert bodies.keys() <= confirmed, f"Lost: {bodies.keys() - confirmed}"
    for each in receiver.arrivals:
        assert each.verified
        assert each.body == bodies[each.id]
        assert json.loads(each.body)["id"] == each.id
    return len(bodies)


def test_webhook__receiver_misbehaves_and_deliverer_is_killed__gets_every_event_and_no_other(
    cluster: Cluster, client: Client, counted: Round, dice: random.Random
) -> None:
    pipeline = client.lay_out(200)
    kills = 20 if is_long() else 3
    for _ in range(rounds(short=1, long=1)):
        receiver = Receiver(dice)
        with counted(f"W2 bad receiver, {kills} kills") as measured, receiver.listening() as address:
            made = client.call("POST", "/api/webhooks", {"url": address, "events": TYPES})
            receiver.secret, receiver.share = made["secret"], 0.5
            emitter = Emitter(client, pipeline)
            emitter.start()
            _kill_deliverers(cluster, made["id"], dice, kills)
            emitter.ends.set()
            emitter.join(60)
            began = time.monotonic()
            receiver.share = 0.1
            _settle(cluster, client, made["id"])
            measured.seconds = time.monotonic() - began
            events = _require_all(cluster, client, receiver)
            print(f"{events} events, {len(receiver.arrivals)} requests")
            client.call("DELETE", f"/api/webhooks/{made['id']}")
