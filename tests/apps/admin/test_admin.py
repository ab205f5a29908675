"""Django's admin: for operators alone, with every list and page working and no secret on any."""

import pytest
from django.contrib import admin
from django.test import Client

from apps.workspaces.services.webhooks import create_webhook
from tests.journey import lay_out, run
from tests.world import World


@pytest.fixture
def operator(world: World) -> Client:
    user = world.alice.user
    user.is_superuser = True
    user.save()
    client = Client()
    client.force_login(user)
    return client


def test_admin__somebody_who_is_no_operator__is_sent_to_the_login(world: World) -> None:
    client = Client()
    client.force_login(world.ed.user)
    assert client.get("/admin/").status_code == 302


def test_admin__every_list_and_first_page__shows_no_secret(
    world: World, operator: Client, settings: pytest.FixtureRequest
) -> None:
    pipeline = lay_out(world)
    run(world, pipeline)
    settings.OUTBOUND_ALLOW_CIDRS = ("127.0.0.0/8",)  # type: ignore[attr-defined]  # pytest-django's fixture
    webhook, secret = create_webhook(
        workspace=world.workspace,
        actor=world.alice.caller,
        url="http://127.0.0.1:9/",
        events=["pipeline.failed"],
    )
    secrets = [secret, webhook.sealed_secret, world.api_key, world.alice.user.password]
    for model in admin.site._registry:
        url = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        pages = [operator.get(url)]
        first = model._default_manager.first()
        if first is not None:
            pages.append(operator.get(f"{url}{first.pk}/change/"))
        for page in pages:
            assert page.status_code == 200, (model, page.status_code)
            assert not [text for text in secrets if text in page.content.decode()], model
