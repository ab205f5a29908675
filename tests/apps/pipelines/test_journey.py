"""From a file to a stored table, and what the run leaves behind."""

from tests.journey import lay_out, run
from tests.resources import assert_success
from tests.world import World


def test_run__of_a_mapping__stores_clean_rows_and_accounts_for_all_others(world: World) -> None:
    done = run(world, lay_out(world))
    assert (done["status"], done["error"]) == ("success", None)
    step = done["steps"][0]
    assert step["counts"] == done["totals"]
    assert {name: count for name, count in step["counts"].items() if count} == {
        "read": 6,
        "filtered": 1,
        "rejected": 3,
        "inserted": 2,
    }
    assert step["rejected_by_reason"] == {"cast_failed": 1, "invalid_email": 1, "null_not_allowed": 1}
    client = world.vera.client()
    rows = assert_success(client.get("/api/tables/customers/rows", {"ordering": "customer_id"}))
    assert rows == [
        {"customer_id": 1, "email": "ann@example.org", "spent": "10.50", "joined_on": "2024-01-31"},
        {"customer_id": 2, "email": "bob@example.org", "spent": "7.00", "joined_on": "2024-02-01"},
    ]
    rejected = assert_success(client.get(f"/api/runs/{done['id']}/rejected"))
    assert [(row["locator"], row["field"], row["reason"], row["value"]) for row in rejected] == [
        ("contacts.csv:3", "email", "invalid_email", "not an address"),
        ("contacts.csv:4", "email", "null_not_allowed", None),
        ("contacts.csv:5", "spent", "cast_failed", "many"),
    ]
    assert rejected[0]["row"]["contact_id"] == "3"
    assert done["manifest"]["mappings"] == {"customers": 1}
