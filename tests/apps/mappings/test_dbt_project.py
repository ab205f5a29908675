"""The dbt project of a workspace over the API: what is in the zip, for whom, and when there is none."""

import io
import zipfile

import yaml

from apps.sources.models import SourceTable
from datalinx.engine.compile.dbt_project import REQUIREMENTS
from tests.journey import lay_out
from tests.resources import assert_failure
from tests.world import World

URL = "/api/mappings/dbt-project"


def files(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_project__of_a_workspace__is_a_zip_with_models_sources_and_tests(world: World) -> None:
    lay_out(world)
    response = world.vera.client().get(URL)
    found = files(response.content)

    assert response["Content-Type"] == "application/zip"
    assert 'filename="production-dbt.zip"' in response["Content-Disposition"]
    assert set(found) == {
        *("README.md", "dbt_project.yml", "profiles.yml", "requirements.txt", "datalinx_functions.py"),
        *("models/customers.sql", "models/schema.yml", "models/sources.yml"),
    }
    assert '{{ source("crm", "contacts") }}' in found["models/customers.sql"]
    (source,) = yaml.safe_load(found["models/sources.yml"])["sources"]
    location = source["tables"][0]["config"]["meta"]["external_location"]
    assert "{{ env_var('DATALINX_DATA', 'data') }}/crm/contacts.csv" in location
    assert "auto_detect = false" in location
    (model,) = yaml.safe_load(found["models/schema.yml"])["models"]
    assert {column["name"]: column.get("data_tests") for column in model["columns"]} == {
        "customer_id": ["not_null", "unique"],
        "email": ["not_null"],
        "spent": None,
        "joined_on": None,
    }
    assert "`crm/contacts.csv`" in found["README.md"]
    assert found["requirements.txt"] == REQUIREMENTS
    # Nothing tells when, where or by whom it was made, so that it can be compared.
    assert world.ed.client().get(URL).content == response.content
    assert "/tmp/" not in "".join(found.values())


def test_project__without_mappings_or_rights__is_refused(world: World) -> None:
    assert_failure(world.ed.client().get(URL), 404, "MAPPING_NOT_FOUND")
    lay_out(world)
    assert_failure(world.nobody().get(URL), 401, "AUTHENTICATION_REQUIRED")
    assert_failure(world.max.client().get(URL), 403, "WORKSPACE_ACCESS_DENIED")
    assert_failure(world.eve.client().get(URL), 404, "MAPPING_NOT_FOUND")
    assert_failure(world.vera.client().get(URL, {"form": "tar"}), 422, "UNKNOWN_PARAMETER")
    assert_failure(world.vera.client(None).get(URL), 400, "WORKSPACE_REQUIRED")


def test_project__with_a_mapping_that_broke__names_it(world: World) -> None:
    lay_out(world)
    SourceTable.objects.filter(name="contacts").update(columns=[{"name": "other", "type": "VARCHAR"}])

    failure = assert_failure(world.ed.client().get(URL), 422, "UNKNOWN_COLUMN")
    assert failure["message"].startswith("The mapping of 'customers' does not hold")
