"""Audiences: who fits, how many for each block, who entered and left, and why."""

from typing import Any, ClassVar

import pytest

from apps.analytics.models import Audience
from apps.analytics.services import audiences
from apps.workspaces.models import Event
from tests.journey import CONTACTS, lay_out, run, upload
from tests.resources import ResourceTests, assert_failure, assert_success
from tests.world import World

BIG = {"all": [{"field": "spent", "op": "gte", "value": 8}]}


def document(name: str = "big spenders", rule: Any = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "table": "customers", "key": "customer_id", "rule": rule or BIG, **more}


class TestAudiences(ResourceTests):
    path: ClassVar = "/api/audiences"
    noun: ClassVar = "AUDIENCE"

    @pytest.fixture(autouse=True)
    def _ground(self, world: World) -> None:
        run(world, lay_out(world))

    def good(self, world: World, number: int = 1) -> dict[str, Any]:
        return document(f"audience-{number}")

    def change(self) -> dict[str, Any]:
        return {"name": "renamed"}


@pytest.fixture
def pipeline(world: World) -> dict[str, Any]:
    made = lay_out(world)
    run(world, made)
    return made


def make(world: World, *args: Any, **more: Any) -> str:
    made = world.ed.client().post("/api/audiences", document(*args, **more), format="json")
    return str(assert_success(made, 201)["id"])


def spend(world: World, ann: bytes, bob: bytes) -> None:
    source = assert_success(world.ed.client().get("/api/sources"))[0]["id"]
    upload(
        world,
        source,
        CONTACTS.replace(b"10.50", ann).replace(b"bob@example.org,7", b"bob@example.org," + bob),
    )


@pytest.mark.usefixtures("pipeline")
def test_preview__of_a_rule__counts_every_block_and_stores_nothing(world: World) -> None:
    rule = {"any": [BIG, {"not": {"field": "email", "op": "ends_with", "value": "example.org"}}]}
    found = assert_success(
        world.vera.client().post("/api/audiences/preview", document(rule=rule), format="json")
    )
    assert (found["total"], found["population"]) == (1, 2)
    assert len(found["blocks"]) >= 3
    assert not Audience.objects.exists()


@pytest.mark.usefixtures("pipeline")
@pytest.mark.parametrize(
    "change",
    [
        {"rule": {"field": "nothing", "op": "eq", "value": 1}},
        {"rule": {"field": "spent", "op": "contains", "value": "x"}},
        {"rule": {"all": []}},
        {"table": "nothing"},
        {"key": "nothing"},
        {"rule": {"audience": "aud_none"}},
        {"rule": {"field": "spent", "op": "gte", "value": "many"}},
    ],
)
def test_create__of_a_rule_that_cannot_hold__is_422_with_a_place(
    world: World, change: dict[str, Any]
) -> None:
    response = world.ed.client().post("/api/audiences", {**document(), **change}, format="json")
    assert response.status_code == 422, response.json()
    assert response.json()["errors"], response.json()
    assert not Audience.objects.exists()


def test_refresh__as_the_data_changes__tells_who_entered_and_left(
    world: World, pipeline: dict[str, Any]
) -> None:
    client = world.ed.client()
    url = f"/api/audiences/{make(world)}"
    assert_failure(client.get(f"{url}/changes"), 404, "REFRESH_NOT_FOUND")
    assert assert_success(client.get(f"{url}/members")) == []
    first = assert_success(client.post(f"{url}/refresh"))
    assert (first["size"], first["entered"], first["left"]) == (1, 1, 0)
    spend(world, b"1.00", b"99")
    run(world, pipeline)
    second = assert_success(client.post(f"{url}/refresh"))
    assert (second["generation"], second["size"], second["entered"], second["left"]) == (2, 1, 1, 1)
    assert [str(each["key"]) for each in assert_success(client.get(f"{url}/members"))] == ["2"]
    changes = client.get(f"{url}/changes")
    assert {(str(each["key"]), each["change"]) for each in assert_success(changes)} == {
        ("2", "entered"),
        ("1", "left"),
    }
    assert changes.json()["pagination"]["total_items"] == 2
    assert len(assert_success(client.get(f"{url}/changes", {"change": "left"}))) == 1
    assert len(assert_success(client.get(f"{url}/changes", {"generation": 1}))) == 1
    assert_failure(client.get(f"{url}/changes", {"generation": 9}), 404, "REFRESH_NOT_FOUND")
    assert_failure(client.get(f"{url}/changes", {"change": "stayed"}), 422, "VALIDATION_ERROR")
    history = assert_success(client.get(f"{url}/history"))
    assert [each["generation"] for each in history] == [2, 1]
    told = Event.objects.for_workspace(world.workspace.pk).filter(type__startswith="audience.")
    assert [event.type for event in told.order_by("sequence")] == [
        "audience.entered",
        "audience.entered",
        "audience.left",
    ]
    assert_failure(world.vera.client().post(f"{url}/refresh"), 403, "PERMISSION_DENIED")


@pytest.mark.usefixtures("pipeline")
def test_explain__of_a_member_and_of_nobody__tells_each_leaf(world: World) -> None:
    client = world.vera.client()
    url = f"/api/audiences/{make(world)}/explain"
    inside = assert_success(client.get(url, {"key": "1"}))
    outside = assert_success(client.get(url, {"key": "2"}))
    assert inside != outside
    assert "spent" in str(outside)
    assert_failure(client.get(url, {"key": "77"}), 404, "MEMBER_NOT_FOUND")
    assert_failure(client.get(url), 422, "VALIDATION_ERROR")


@pytest.mark.usefixtures("pipeline")
def test_audiences__that_build_on_each_other__may_not_do_so_in_a_circle(world: World) -> None:
    client = world.ed.client()
    first = make(world)
    second = make(world, "second", {"audience": first})
    failure = client.patch(f"/api/audiences/{first}", {"rule": {"audience": second}}, format="json")
    assert_failure(failure, 422, "AUDIENCE_CYCLE")
    own = client.patch(f"/api/audiences/{first}", {"rule": {"audience": first}}, format="json")
    assert_failure(own, 422, "AUDIENCE_CYCLE")
    assert_failure(client.delete(f"/api/audiences/{first}"), 422, "AUDIENCE_IN_USE")
    assert_success(client.post(f"/api/audiences/{first}/refresh"))
    assert assert_success(client.post(f"/api/audiences/{second}/refresh"))["size"] == 1
    assert_success(client.delete(f"/api/audiences/{second}"))
    assert_success(client.delete(f"/api/audiences/{first}"))


@pytest.mark.usefixtures("pipeline")
def test_patch__what_get_gave__is_accepted(world: World) -> None:
    client = world.ed.client()
    url = f"/api/audiences/{make(world)}"
    assert_success(client.post(f"{url}/refresh"))
    again = assert_success(client.patch(url, assert_success(client.get(url)), format="json"))
    assert (again["version"], again["size"]) == (2, 1)


def test_tick__after_a_run__refreshes_those_that_follow_the_table_although_one_cannot(
    world: World, pipeline: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = world.ed.client()
    after = {"refresh": {"after": ["customers"]}}
    ids = [make(world, name, **after) for name in ("first", "second")]
    for each in ids:
        assert_success(client.post(f"/api/audiences/{each}/refresh"))
    assert audiences.refresh_due_audiences() == 0
    spend(world, b"1.00", b"99")
    run(world, pipeline)
    real = audiences.refresh_audience

    def one_breaks(*, audience: Audience, **more: Any) -> Any:
        if audience.pk == ids[0]:
            raise RuntimeError
        return real(audience=audience, **more)

    monkeypatch.setattr(audiences, "refresh_audience", one_breaks)
    assert audiences.refresh_due_audiences() == 1
    assert dict(Audience.objects.values_list("pk", "generation")) == {ids[0]: 1, ids[1]: 2}
