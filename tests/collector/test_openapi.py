"""The published description of the API: it says what the code does, and the code does what it says."""

import ast
import json
from pathlib import Path

import jsonschema_rs
import pytest

import trackway.collector
from tests.collector.test_app import BASIC, WORKSPACE, Client, Kept
from trackway.collector.app import CollectorApp
from trackway.collector.codes import CODES, OF_CALLS
from trackway.collector.encodings import NAMES
from trackway.collector.openapi import describe
from trackway.collector.routes import PATHS, find_route
from trackway.events.calls import TYPES
from trackway.events.verdicts import judge
from trackway.workspace.model import Collector, Workspace

DOCUMENT = describe(WORKSPACE, url="http://t.example", head_bytes=1000)


def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """The document's schema of that name, its references resolved within the document."""
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    )


async def test_it_is_served_under_any_prefix_and_names_the_address_it_was_asked_at():
    client = Client(CollectorApp(WORKSPACE, Kept()), None)
    for prefix in ("", "/first/party"):
        answer = await client.send(f"{prefix}/openapi.json", method="GET", headers={"host": "t.example:8080"})
        assert answer is not None and answer.status == 200
        assert (answer.body["openapi"], answer.body["servers"]) == (
            "3.1.0",
            [{"url": f"http://t.example:8080{prefix}"}],
        )
        assert answer.body["paths"] == json.loads(json.dumps(DOCUMENT["paths"]))
    public = Collector(public_url="https://events.shop.example/x/")
    client.app.configure(Workspace(sources=WORKSPACE.sources, collector=public))
    answer = await client.send("/x/openapi.json", method="GET", headers={"host": "10.0.0.7"})
    assert answer is not None and answer.body["servers"] == [{"url": "https://events.shop.example/x"}]


async def test_whoever_asks_under_many_names_fills_no_memory():
    client = Client(CollectorApp(WORKSPACE, Kept()), None)
    for number in range(50):
        await client.send("/openapi.json", method="GET", headers={"host": f"h{number}"})
    assert len(client.app._documents._descriptions) <= 16


def test_every_documented_path_is_a_route_and_every_route_is_documented():
    for path, route in PATHS.items():
        found = find_route("/prefix" + path.format(writeKey="WK", file="x.js"))
        assert found is not None, path
        assert (found.kind, found.type, found.client_side, found.methods) == (
            route.kind,
            route.type,
            route.client_side,
            route.methods,
        ), path
    assert DOCUMENT["paths"].keys() == PATHS.keys()
    ids = [operation["operationId"] for path in DOCUMENT["paths"].values() for operation in path.values()]
    assert len(ids) == len(set(ids)), "each operation has an id of its own"


def test_every_code_that_the_collector_answers_is_documented():
    documented = {code for codes in CODES.values() for code in codes} | {"try_later"}
    found: dict[str, str] = {}
    for file in Path(trackway.collector.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            place = {"error": 1, "Refused": 0, "refuse": 0}.get(name)
            if place is not None and len(node.args) > place and isinstance(code := node.args[place], ast.Constant):
                found[str(code.value)] = file.name
                if name == "error" and isinstance(status := node.args[0], ast.Constant):
                    assert code.value in CODES[status.value], (file.name, status.value, code.value)
    assert len(found) > 15
    # Verdicts of the image only: its status is always 200.
    assert found.keys() - documented == {"pixel_not_base64"}


def test_the_limits_and_encodings_are_those_in_force():
    about = DOCUMENT["info"]["description"]
    for number in (WORKSPACE.collector.max_body, WORKSPACE.collector.max_in_flight, 1000, 32768, 2500):
        assert f" {number}" in about
    assert {*NAMES} < {*DOCUMENT["components"]["parameters"]["contentEncoding"]["schema"]["enum"]}


def test_the_reasons_of_a_verdict_are_those_that_a_call_can_have():
    assert DOCUMENT["components"]["schemas"]["Verdict"]["properties"]["reason"]["enum"] == sorted(OF_CALLS)
    assert {"event_not_defined", "batch_too_long"} < OF_CALLS.keys()
    assert not {"unknown_source", "empty_batch"} & OF_CALLS.keys()


@pytest.mark.parametrize("kind", TYPES)
def test_the_examples_fit_their_schemas_and_are_accepted(kind: str):
    operation = DOCUMENT["paths"][f"/v1/{kind}"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    validator(kind.title()).validate(example)
    assert judge(json.dumps(example).encode(), kind).refusal is None


@pytest.mark.parametrize(
    ("name", "call", "fits"),
    [
        ("Track", {"userId": "u", "event": "A"}, True),
        ("Track", {"userId": "u", "event": "A", "type": "track", "email": "kept"}, True),
        ("Track", {"userId": 7, "event": "A", "properties": None}, True),
        ("Track", {"userId": None, "anonymousId": "a", "event": "A"}, True),
        ("Track", {"event": "A"}, False),
        ("Track", {"userId": "", "event": "A"}, False),
        ("Track", {"userId": "u", "event": ""}, False),
        ("Track", {"userId": "u", "event": "A", "properties": []}, False),
        ("Track", {"userId": "u", "event": "A", "messageId": "m" * 101}, False),
        ("Group", {"userId": "u", "groupId": 5}, True),
        ("Group", {"userId": "u", "groupId": ""}, False),
        ("Alias", {"userId": "u", "anonymousId": "a"}, True),
        ("Alias", {"anonymousId": "a", "previousId": "p"}, False),
        ("Alias", {"userId": "u"}, False),
        ("Page", {"userId": "u", "name": 5}, False),
    ],
)
def test_what_fits_a_schema_is_what_is_accepted(name: str, call: dict[str, object], fits: bool):
    assert validator(name).is_valid(call) is fits
    assert (judge(json.dumps(call).encode(), name.lower()).refusal is None) is fits


async def test_answers_fit_their_schemas():
    client = Client(CollectorApp(WORKSPACE, Kept()), None)
    batch = {"batch": [{"type": "track", "userId": "u", "event": "A"}, {"type": "track"}, 5]}
    for path, body, headers, name in (
        ("/v1/batch", batch, BASIC | {"prefer": "verdicts"}, "Success"),
        ("/v1/batch", batch, BASIC, "Success"),
        ("/v1/batch", {}, BASIC, "Failure"),
        ("/v1/track", {}, {}, "Failure"),
        ("/v1/projects/WK/settings", b"", {"host": "h"}, "ClientSettings"),
    ):
        answer = await client.send(path, body, headers=headers, method="GET" if "projects" in path else "POST")
        assert answer is not None
        validator(name).validate(answer.body)
