"""The document is true: fuzzing against it finds no answer that it does not tell of."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.provisioning.shop import MAKER
from tests.support.databases import sqlite_copy
from tests.support.office import OWN, Office
from tests.support.serving import free_port, served
from tests.support.trading import maker

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.fixture(scope="module")
def used(sqlite_template: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An office with a site and sources, on a server that lives as long as this module's tests."""
    url = sqlite_copy(sqlite_template, tmp_path_factory.mktemp("openapi"))
    with served(url) as server:
        # Fuzzing may store credentials; with them nobody is to be asked outside.
        nobody = f"http://127.0.0.1:{free_port()}"
        server.app.extensions[MAKER] = maker(nobody, nobody)
        yield Office.open(server.url, url)


@pytest.fixture(scope="module")
def ground(used: Office) -> dict[str, Any]:
    """Real ids, so that fuzzing gets past "there is no such thing"."""
    site = used.site()
    source = used.source(site, numbers=2)
    webhook = used.api("POST", "/webhooks", {"url": "https://hooks.example.com/", "events": ["call.ended"]}, expect=201)
    return {"site": site["id"], "source": source["id"], "number": source["pool"][0], "webhook": webhook["id"]}


@pytest.fixture(scope="module")
def document(used: Office) -> Any:
    return requests.get(f"{used.url}/api/openapi.json", timeout=10).json()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_fuzzing_finds_no_undocumented_answer(
    mode: GenerationMode, document: Any, used: Office, ground: dict[str, Any]
) -> None:
    headers = {"Authorization": f"Bearer {used.token}"}
    tried = set()

    def fuzz(operation: Any) -> None:
        @settings(max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=[*HealthCheck])
        @given(case=operation.as_strategy(generation_mode=mode))
        def one(case: Any) -> None:
            case.call_and_validate(base_url=used.url, headers=headers, checks=CHECKS)
            put_on_ground(case, ground)
            case.call_and_validate(base_url=used.url, headers=headers, checks=CHECKS)
            tried.add((case.path, case.method))

        one()

    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        operation = found.ok()
        if mode is GenerationMode.POSITIVE or operation.body or operation.query or operation.path_parameters:
            fuzz(operation)
    assert len(tried) >= 12


def put_on_ground(case: Any, ground: dict[str, Any]) -> None:
    """Real ids in the places of generated ones."""
    resource = case.path.split("/")[3]
    if "id" in case.path_parameters and resource in {"sites", "sources", "webhooks"}:
        case.path_parameters["id"] = ground[resource.removesuffix("s")]
    if "e164" in case.path_parameters:
        case.path_parameters["e164"] = ground["number"]
    if isinstance(case.body, dict):
        for name in ("site", "source"):
            if name in case.body:
                case.body[name] = ground[name]
        for name in ("number", "destination"):
            if name in case.body:
                case.body[name] = OWN


def test_the_document_needs_no_token_and_is_openapi_3_1(document: Any) -> None:
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"]["token"] == {"type": "http", "scheme": "bearer"}


def test_every_reference_leads_somewhere_and_every_operation_has_its_own_id(document: Any) -> None:
    schemas = document["components"]["schemas"]
    references = list(texts_under(document, "$ref"))
    assert references
    assert {ref.removeprefix("#/components/schemas/") for ref in references} <= set(schemas)
    ids = list(texts_under(document["paths"], "operationId"))
    assert len(ids) == len(set(ids))


def test_every_endpoint_of_the_application_is_documented(lite_server: Any, lite_office: Office) -> None:
    served_paths = set()
    for rule in lite_server.app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1/"):
            path = rule.rule.replace("<string:", "{").replace("<", "{").replace(">", "}")
            served_paths |= {(path, m.lower()) for m in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    spec = requests.get(f"{lite_office.url}/api/openapi.json", timeout=10).json()
    assert served_paths == {(path, method) for path, item in spec["paths"].items() for method in item}


def test_every_error_has_our_form(document: Any) -> None:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            errors = {s: a for s, a in operation["responses"].items() if s >= "400"}
            assert {"401", "422", "429"} <= set(errors), (path, method)
            for answer in errors.values():
                assert answer["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorAnswer")
            assert operation["security"] == [{"token": []}]


def texts_under(value: Any, name: str) -> Iterator[str]:
    """Every text that stands under this key, at any depth."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key == name and isinstance(part, str):
                yield part
            yield from texts_under(part, name)
    elif isinstance(value, list):
        for part in value:
            yield from texts_under(part, name)
