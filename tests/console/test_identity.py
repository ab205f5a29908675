"""The pages of identity: rules that are edited, people who are found, drawn and explained."""

import json
from collections.abc import Callable

from django.test import Client

from apps.pipelines.models import IdentityResolution
from apps.pipelines.services.resolving import execute_resolution
from datalinx.console.clusters import MOST_ROWS, cluster_picture
from datalinx.console.drawing.lineage import draw_wide
from tests.journey import lay_out, run
from tests.world import World

Visit = Callable[..., Client]
PAGE = "/w/production/identity"
CONTACTS = b"contact_id,mail,amount,joined\n1,ann@x.org,1,2024-01-31\n2,ann@x.org,2,2024-02-01\n"


def test_identity__from_rules_to_a_person__is_edited_found_drawn_and_explained(
    world: World, visit: Visit
) -> None:
    run(world, lay_out(world, CONTACTS))
    client = visit(world.ed)
    assert "Nobody was looked for yet" in client.get(PAGE).content.decode()
    edit = "/w/production/edit/identity"
    assert "customer_id" in client.get(edit).content.decode()
    document = {
        "tables": [{"table": "customers", "key": "customer_id", "identifiers": {"email": "email"}}],
        "rules": [{"name": "same <e-mail>", "match": ["email"]}],
    }
    saved = client.post(edit, {"document": json.dumps(document), "version": "0"})
    assert saved["Location"] == PAGE
    assert client.post(PAGE)["Location"] == PAGE
    waiting = client.get(PAGE).content.decode()
    assert "Waiting for a worker" in waiting
    assert "Stop it" in waiting
    assert client.post(PAGE, {"do": "cancel"})["Location"] == PAGE
    assert "was stopped" in client.get(PAGE).content.decode()
    client.post(PAGE)
    execute_resolution(IdentityResolution.objects.exclude(status="cancelled").get().pk)
    page = client.get(PAGE, {"record": "customers:2"}).content.decode()
    assert "same &lt;e-mail&gt;" in page
    person = page.split(f'href="{PAGE}/')[1].split('"')[0]
    shown = client.get(f"{PAGE}/{person}", {"a": "1", "b": "2"}).content.decode()
    assert "a***@x.org" in shown
    assert "ann@x.org" not in shown
    assert "One person, deterministic" in shown
    assert "no record" in client.get(f"{PAGE}/{person}", {"a": "1", "b": "99"}).content.decode()
    assert client.get(f"{PAGE}/idr_nobody").status_code == 404


def test_identity__without_rules_or_that_failed__says_so(world: World, visit: Visit) -> None:
    client = visit(world.ed)
    client.post(PAGE)
    assert "no identity rules" in client.get(PAGE).content.decode()


def test_picture__of_many_records_and_equal_masks__draws_some_and_counts_all() -> None:
    members = [{"table": "t", "key": str(number)} for number in range(MOST_ROWS + 5)]
    records = [{"table": "t", "key": "1"}, {"table": "t", "key": "2"}]
    link = {"rule": "mail", "value": "a***@x", "confidence": 1.0, "records": records}
    picture = cluster_picture({"members": members, "links": [link, link]})
    (left,), (right,) = picture.layers
    assert (len(left.columns), left.more) == (MOST_ROWS, 5)
    assert right.columns == ("a***@x", "a***@x (2)")
    assert draw_wide(picture).count("<path") == 4
