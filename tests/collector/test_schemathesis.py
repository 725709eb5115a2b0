"""Requests made up from the published description, sent to a collector on a real socket."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig

from tests.collector.test_app import BASIC
from tests.collector.test_encodings import PACK
from tests.collector.test_wire import Server
from trackway.collector.bounds import HEAD_BYTES
from trackway.collector.openapi import describe
from trackway.workspace.model import Source, Workspace

schemathesis.checks.load_all_checks()
CHECKS = [
    schemathesis.checks.CHECKS.get_one(name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "positive_data_acceptance",
        "unsupported_method",
    )
]
WORKSPACE = Workspace(sources={"web": Source(write_keys=["WK"])})
DESCRIPTION = describe(WORKSPACE, url="http://127.0.0.1", head_bytes=HEAD_BYTES)
OPERATIONS = [(method.upper(), path) for path, methods in DESCRIPTION["paths"].items() for method in methods]


@schemathesis.serializer("text/plain")
def text_plain(_context: Any, value: Any) -> bytes:
    """Browsers send JSON under this name."""
    return json.dumps(value).encode()


class Packing(requests.auth.AuthBase):
    """Gives the write key, and packs bodies as the request says they are."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = BASIC["authorization"]
        pack = PACK.get(request.headers.get("Content-Encoding", ""))
        if pack and request.body:
            request.body = pack(request.body.encode() if isinstance(request.body, str) else request.body)
        return request


def what_fits_is_accepted(_context: Any, response: Any, case: schemathesis.Case) -> None:
    made = case.meta and case.meta.generation.mode
    if made is GenerationMode.POSITIVE and case.operation.tags == ["calls"] and b'"verdicts"' in response.content:
        verdicts = response.json()["verdicts"]
        assert {one["verdict"] for one in verdicts} <= {"accepted", "duplicate"}, verdicts


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server(WORKSPACE)
    yield server
    server.close()


@pytest.fixture(params=OPERATIONS, ids=" ".join)
def operation(request: pytest.FixtureRequest) -> Any:
    """The description of one operation alone."""
    method, path = request.param
    paths = {path: {method.lower(): DESCRIPTION["paths"][path][method.lower()]}}
    # One seed, so that a failure is there again.
    return schemathesis.openapi.from_dict({**DESCRIPTION, "paths": paths}, config=SchemathesisConfig(seed=3))


# From a fixture: `schema.parametrize` makes up its cases while tests are collected, seconds in every worker.
@settings(max_examples=6, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@schemathesis.pytest.from_fixture("operation").parametrize()
def test_the_collector_keeps_to_its_description(server: Server, case: schemathesis.Case):
    url = f"http://127.0.0.1:{server.port}"
    case.call_and_validate(base_url=url, auth=Packing(), checks=[*CHECKS, what_fits_is_accepted], timeout=30)
