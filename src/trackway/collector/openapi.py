"""The API's own description, OpenAPI 3.1, made from what the code goes by: routes, structs, codes and limits."""

from collections.abc import Sequence
from typing import Any

from trackway import __version__
from trackway.collector import encodings
from trackway.collector.api_schemas import Schema, ref, schemas
from trackway.collector.codes import CODES, OF_PIXELS
from trackway.collector.routes import PATHS, Route
from trackway.workspace.model import Source, Workspace

ABOUT = """\
Takes the calls of Segment's clients, and of anybody else. **200 means that the calls are on disk.**

Any prefix may stand before a path, slashes may double or trail, nothing is ever redirected. Bodies are JSON whatever
`Content-Type` says. Every path answers `OPTIONS` for pages of other origins, and every answer has the CORS headers.

| limit | |
|---|---|
| a call | {event} bytes, unless its source is set otherwise |
| calls in a batch | {batch}, unless the source is set otherwise; what is over costs only itself |
| a body, packed or unpacked | {body} bytes |
| request line and headers | {head} bytes |
| bodies in work at a time | {in_flight} bytes in each process; beyond, 429 |
"""
_ANSWERS = {
    400: ("Refused", "It can never succeed as it is; mend it. Of a `strict` source: a call is invalid."),
    401: ("WrongKey", "No write key, or a wrong or disabled one."),
    403: ("WrongOrigin", "The page may not send to this source."),
    404: ("NothingHere", "There is nothing here."),
    408: ("TooSlow", "The request did not arrive in time."),
    429: ("TryLater", "Send the same again after `Retry-After`."),
}
_WRITE_KEY: list[Schema] = [{"writeKey": []}, {"writeKeyInQuery": []}, {"accessToken": []}, {}]
_EXAMPLES: dict[str, Schema] = {
    "track": {"userId": "u1", "event": "Order Completed", "properties": {"revenue": 19.99}},
    "identify": {"userId": "u1", "traits": {"email": "ada@example.com"}},
    "page": {"anonymousId": "a1", "name": "Pricing", "properties": {"url": "https://shop.example/pricing"}},
    "screen": {"anonymousId": "a1", "name": "Cart"},
    "group": {"userId": "u1", "groupId": "acme", "traits": {"name": "Acme"}},
    "alias": {"userId": "u1", "previousId": "a1"},
}
_BATCH_EXAMPLE = {"batch": [{"type": kind, **call} for kind, call in _EXAMPLES.items()]}


def describe(workspace: Workspace, *, url: str, head_bytes: int) -> dict[str, Any]:
    """Return the document for a collector that is reached at `url`; `head_bytes` bounds request line and headers."""
    limits, source = workspace.collector, Source(write_keys=["-"])
    about = ABOUT.format(
        event=source.max_event, batch=source.max_batch, body=limits.max_body, head=head_bytes,
        in_flight=limits.max_in_flight,
    )  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Trackway's tracking API",
            "version": __version__,
            "description": about,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url}],
        "tags": [
            {"name": "calls", "description": "What happened, from servers, browsers and phones."},
            {"name": "clients", "description": "What Segment's clients fetch and tell besides."},
            {"name": "operation", "description": "For those who run it."},
        ],
        "paths": {path: {_method(route): _operation(path, route)} for path, route in PATHS.items()},
        "components": {
            "schemas": schemas(),
            "responses": _responses(),
            "parameters": _parameters(),
            "securitySchemes": _security(),
        },
    }


def _method(route: Route) -> str:
    return route.methods[0].lower()


def _operation(path: str, route: Route) -> Schema:
    if route.kind == "call":
        assert route.type is not None  # noqa: S101 - a call's route names its type
        return _tracking(route, route.type, route.type.title(), _EXAMPLES[route.type])
    if route.kind == "batch":
        return _tracking(route, path.rsplit("/", 1)[-1], "Batch", _BATCH_EXAMPLE)
    if route.kind == "pixel":
        return _pixel(route)
    return _OTHERS[route.kind] | _named(path, route)


def _named(path: str, route: Route) -> Schema:
    """Return the id and the parameters in the path of an operation."""
    name = {"analytics.min.js": "script", "analytics.classic.js": "scriptForOldBrowsers"}.get(route.file, route.kind)
    inside = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    parameters = [{"$ref": f"#/components/parameters/{one}"} for one in inside]
    return {"operationId": name, **({"parameters": parameters} if parameters else {})}


def _tracking(route: Route, name: str, schema: str, example: Schema) -> Schema:
    who = "a browser or a phone, whose ip and user agent are the person's own" if route.client_side else "a server"
    what = "several calls" if route.kind == "batch" else f"a call of type {route.type}"
    if name == "b":
        name = "batch"
    body = {"schema": ref(schema), "example": example}
    parameters = ("verdicts", "prefer", "contentEncoding")
    return {
        "tags": ["calls"],
        "operationId": f"{name}FromDevice" if route.client_side else name,
        "summary": f"Take {what}, from {who}.",
        "security": _WRITE_KEY,
        "parameters": [{"$ref": f"#/components/parameters/{one}"} for one in parameters],
        "requestBody": {"required": True, "content": {"application/json": body, "text/plain": body}},
        "responses": {"200": _json("The calls are on disk.", "Success"), **_refer(400, 401, 403, 408, 429)},
    }


def _pixel(route: Route) -> Schema:
    texts = ("data", "writeKey", "userId", "anonymousId", "messageId", "event", "name", "groupId", "previousId")
    verdict = {"description": "What became of the call.", "schema": {"enum": sorted({*OF_PIXELS})}}
    return {
        "tags": ["calls"],
        "operationId": f"pixel{(route.type or '').title()}",
        "summary": f"Take a call of type {route.type} from the address of an image.",
        "description": "`data` is the whole call, `writeKey` in it, as base64 JSON. Or the parameters are the call:"
        " dotted names such as `properties.subject` nest. It answers the image whatever becomes of the call.",
        "security": _WRITE_KEY,
        "parameters": [{"name": name, "in": "query", "schema": {"type": "string"}} for name in texts],
        "responses": {
            "200": {
                "description": "A transparent image of one pixel.",
                "headers": {"X-Trackway-Verdict": verdict},
                "content": {"image/gif": {}},
            }
        },
    }


def _json(description: str, schema: str | Schema) -> Schema:
    shown = ref(schema) if isinstance(schema, str) else schema
    return {"description": description, "content": {"application/json": {"schema": shown}}}


def _refer(*statuses: int) -> Schema:
    return {str(status): {"$ref": f"#/components/responses/{_ANSWERS[status][0]}"} for status in statuses}


def _responses() -> Schema:
    made: Schema = {}
    for status, (name, description) in _ANSWERS.items():
        rows = [f"| `{code}` | {sentence} |" for code, sentence in CODES[status].items()]
        text = "\n".join([description, "", "| code | |", "|---|---|", *rows])
        made[name] = _json(text, {"allOf": [ref("Failure"), {"properties": {"code": {"enum": list(CODES[status])}}}]})
    seconds = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1, "maximum": 300}}
    made["TryLater"]["headers"] = {"Retry-After": seconds, "X-RateLimit-Reset": seconds}
    return made


def _parameters() -> Schema:
    def parameter(where: str, name: str, about: str, values: Sequence[str] = ()) -> Schema:
        schema = {"type": "string", "enum": list(values)} if values else {"type": "string", "minLength": 1}
        return {"in": where, "name": name, "description": about, "schema": schema, "required": where == "path"}

    return {
        "verdicts": parameter("query", "verdicts", "Answer a verdict for each call.", ["1", "true", "0", "false"]),
        "prefer": parameter("header", "Prefer", "`verdicts` asks for verdicts as well.", ["verdicts"]),
        "contentEncoding": parameter(
            "header", "Content-Encoding", "How the body is packed; two may be combined.", [*encodings.NAMES, "identity"]
        ),
        "writeKey": parameter("path", "writeKey", "A write key of the source."),
        "file": parameter("path", "file", "The name of the file, as the browser client asks for it."),
    }


def _security() -> Schema:
    return {
        "writeKey": {
            "type": "http",
            "scheme": "basic",
            "description": "The write key as user name, no password. It wins over `writeKey` in the body, which does"
            " as well. A write key can only write, and may be public.",
        },
        "writeKeyInQuery": {"type": "apiKey", "in": "query", "name": "writeKey"},
        "accessToken": {
            "type": "http",
            "scheme": "bearer",
            "description": "Taken from clients that have one, and not looked at: `writeKey` must be in the body.",
        },
    }


_SCRIPT: Schema = {
    "tags": ["clients"],
    "summary": "Segment's browser client with the write key put in, for the snippet.",
    "security": [],
    "responses": {
        "200": {"description": "The script.", "content": {"text/javascript": {}}},
        "304": {"description": "The script is still the one that `If-None-Match` names."},
        **_refer(404),
    },
}
_OTHERS: dict[str, Schema] = {
    "counters": {
        "tags": ["clients"],
        "summary": "Take the clients' own health counters: /metrics has their sums.",
        "security": [],
        "requestBody": {
            "content": {name: {"schema": ref("Counters")} for name in ("application/json", "text/plain")},
        },
        "responses": {"200": _json("Always.", "Success"), **_refer(400, 408, 429)},
    },
    "settings": {
        "tags": ["clients"],
        "summary": "Tell a client where to send.",
        "security": [],
        "responses": {"200": _json("The settings.", "ClientSettings"), **_refer(404)},
    },
    "script": _SCRIPT,
    "chunk": {**_SCRIPT, "summary": "A part of the browser client that it fetches when it needs it."},
    "sdk": {**_SCRIPT, "summary": "Trackway's own browser client, for a script tag."},
    "cookie": {
        "tags": ["clients"],
        "summary": "Renew the browser client's id cookies, for a year.",
        "description": "For pages of the source's `cookie_domain`. Sets no value but the one sent.",
        "security": [{"writeKeyInQuery": []}],
        "responses": {"200": _json("They are renewed, those there are.", "Success"), **_refer(403, 404)},
    },
    "openapi": {
        "tags": ["operation"],
        "summary": "This document.",
        "security": [],
        "responses": {"200": _json("OpenAPI 3.1.", {"type": "object", "required": ["openapi"]})},
    },
    "health": {
        "tags": ["operation"],
        "summary": "Say that the process lives.",
        "security": [],
        "responses": {"200": _json("It lives.", {"type": "object", "properties": {"status": {"const": "ok"}}})},
    },
    "ready": {
        "tags": ["operation"],
        "summary": "Say whether events can be kept.",
        "security": [],
        "responses": {
            status: _json(text, {"type": "object", "required": ["status"], "properties": {"status": {}}})
            for status, text in (("200", "They can."), ("503", "They cannot; `status` says why."))
        },
    },
    "metrics": {
        "tags": ["operation"],
        "summary": "Counts and histograms of all collectors, for Prometheus.",
        "description": "For loopback and private addresses, unless `collector.metrics` says otherwise.",
        "security": [],
        "responses": {"200": {"description": "The metrics.", "content": {"text/plain": {}}}, **_refer(404)},
    },
}
