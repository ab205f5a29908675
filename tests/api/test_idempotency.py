"""`Idempotency-Key`: what counts as the same request, and what comes back."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.accounts.models import IdempotencyRecord
from tests.resources import assert_failure, assert_success
from tests.world import PASSWORD, World


def upload(world: World, source: str, content: bytes, key: str) -> Any:
    body = {"file": SimpleUploadedFile("contacts.csv", content)}
    url = f"/api/sources/{source}/upload"
    return world.ed.client().post(url, body, format="multipart", HTTP_IDEMPOTENCY_KEY=key)


def test_upload__of_the_same_length__is_told_from_another_by_its_content(world: World) -> None:
    body = {"name": "crm", "connector": "file"}
    source = assert_success(world.ed.client().post("/api/sources", body, format="json"), 201)["id"]
    first = upload(world, source, b"id\n1\n", "once")
    assert assert_success(first, 201)["tables"][0]["rows"] == 1
    again = upload(world, source, b"id\n1\n", "once")
    assert again["Idempotency-Replayed"] == "true"
    assert assert_success(again, 201) == assert_success(first, 201)
    assert_failure(upload(world, source, b"id\n2\n", "once"), 422, "IDEMPOTENCY_KEY_REUSED")


def test_json__with_a_charset__is_told_by_its_content(world: World) -> None:
    client = world.alice.client(None)
    answers = [
        client.post(
            "/api/workspaces", body, content_type="application/json; charset=utf-8", HTTP_IDEMPOTENCY_KEY="k"
        )
        for body in (b'{"name": "aa"}', b'{"name": "bb"}', b'{ "name":"aa"}')
    ]
    assert [answer.status_code for answer in answers] == [201, 422, 201]
    assert answers[0].content == answers[2].content


def test_answer__given_again__brings_its_etag_and_its_times(world: World) -> None:
    client = world.ed.client()
    body = {"name": "q", "sql": "SELECT 1"}
    first, again = [
        client.post("/api/queries", body, format="json", HTTP_IDEMPOTENCY_KEY="k") for _ in range(2)
    ]
    assert (first.content, first["ETag"]) == (again.content, again["ETag"])


def test_refused_call__is_not_kept(world: World) -> None:
    client = world.alice.client(None)
    assert_failure(
        client.post("/api/workspaces", {}, format="json", HTTP_IDEMPOTENCY_KEY="k"), 422, "VALIDATION_ERROR"
    )
    assert not IdempotencyRecord.objects.exists()
    assert_success(
        client.post("/api/workspaces", {"name": "aa"}, format="json", HTTP_IDEMPOTENCY_KEY="k"), 201
    )


@pytest.mark.parametrize("key", ["x" * 256, "a\tb"])
def test_key__that_cannot_be_one__is_400(world: World, key: str) -> None:
    response = world.alice.client(None).post(
        "/api/workspaces", {"name": "aa"}, format="json", HTTP_IDEMPOTENCY_KEY=key
    )
    assert_failure(response, 400, "INVALID_IDEMPOTENCY_KEY")


def test_auth__with_a_key__keeps_nothing(world: World) -> None:
    body = {"email": world.alice.user.email, "password": PASSWORD}
    assert (
        world.nobody().post("/api/auth/login", body, format="json", HTTP_IDEMPOTENCY_KEY="k").status_code
        == 200
    )
    assert_success(world.alice.client(None).post("/api/auth/logout", HTTP_IDEMPOTENCY_KEY="k"))
    assert not IdempotencyRecord.objects.exists()
