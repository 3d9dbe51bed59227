"""client/ is generated from the description as it is now."""

import configparser
import json
from pathlib import Path

import pytest

from dev import client
from tests.support.service import ROOT

LOCKS = [client.CLIENT / "package-lock.json", client.CLIENT / "example" / "package-lock.json"]
AGAIN = "the description has changed: type `npm run generate` in client/"


@pytest.mark.needs("npm")
def test_its_table_of_calls_is_the_descriptions() -> None:
    source = client.operations_source(client.document())
    assert client.OPERATIONS.read_text(encoding="utf-8") == source, AGAIN


@pytest.mark.needs("npm")
def test_its_types_are_of_this_description() -> None:
    first_line = client.SCHEMA.read_text(encoding="utf-8").partition("\n")[0]
    assert first_line == f"// Of the description {client.digest(client.document())}.", AGAIN


def test_each_operation_is_a_call_or_no_business_of_scripts() -> None:
    every = {
        operation["operationId"]
        for item in client.document()["paths"].values()
        for method, operation in item.items()
        if method not in {"head", "parameters"}
    }
    others = every - set(client.calls(client.document()))
    assert others == {
        *("getMetrics", "getDocs", "getDocsAsset", "verify"),
        *("beginSignIn", "finishSignIn", "refuseNamelessAnswer", "takeLogoutToken"),
    }


def test_a_call_has_its_method_path_and_inputs() -> None:
    description = {
        "paths": {
            "/things/{thing_id}": {
                "post": {
                    "operationId": "changeThing",
                    "parameters": [{"name": "dry_run", "in": "query"}, {"name": "thing_id", "in": "path"}],
                    "requestBody": {},
                    "responses": {"201": {"content": {"application/json": {}}}, "404": {}},
                }
            },
            "/picture": {
                "get": {"operationId": "getPicture", "responses": {"200": {"content": {"image/png": {}}}}}
            },
        }
    }
    call = {
        "method": "POST",
        "path": "/things/{thing_id}",
        "body": True,
        "query": ["dry_run"],
        "creates": True,
    }
    assert client.calls(description) == {"changeThing": call}


def test_it_has_the_services_version_and_no_dependencies() -> None:
    package = json.loads((client.CLIENT / "package.json").read_text(encoding="utf-8"))
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    assert package["version"] == setup["metadata"]["version"]
    assert not {"dependencies", "peerDependencies", "optionalDependencies"} & set(package)


@pytest.mark.parametrize("lock", LOCKS, ids=str)
def test_a_lock_names_no_registry(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert '"integrity"' in text
    assert '"resolved"' not in text
