"""The JSON schemas of the API's bodies, made from the structs that decode calls and encode answers."""

from typing import Any

import msgspec

from trackway.collector.answers import Failure, Success
from trackway.collector.codes import OF_CALLS
from trackway.events import calls

Schema = dict[str, Any]

_ID: Schema = {
    "description": "A non-empty text; a whole number is taken as its decimal text. Case-sensitive, never trimmed.",
    "anyOf": [{"type": "string", "minLength": 1}, {"type": "integer"}],
}
_ABOUT_CALLS = (
    " Null is absent. Members that are not listed are kept. Either `userId` or `anonymousId` is needed;"
    " `messageId`, by which repetitions are known, and `timestamp` (ISO 8601) are filled in when absent."
)


def ref(name: str) -> Schema:
    """Return a reference to a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def schemas() -> dict[str, Schema]:
    """Return the schemas by name: `Track` and its like, `Batch`, `Counters`, `ClientSettings`, `Success`, `Failure`.

    What fits the schema of a call is accepted, but for its size, its depth and what a consent event asks for.
    """
    structs = [*calls.BY_TYPE.values(), Success, Failure]
    _, found = msgspec.json.schema_components(structs, ref_template="#/components/schemas/{name}")
    for kind in calls.BY_TYPE.values():
        _complete_call(found[kind.__name__])
    found["Open"]["description"] = "Any object."
    found["Id"] = _ID
    _ask_for(found["Group"], "groupId")
    _ask_for(found["Alias"], "userId")
    found["Alias"]["anyOf"] = [_with("previousId"), _with("anonymousId")]
    found["Verdict"]["properties"]["reason"]["enum"] = sorted(OF_CALLS)
    found["Batch"] = _batch()
    found["Counters"] = {"type": "object", "properties": {"series": {"type": "array", "items": {"type": "object"}}}}
    found["ClientSettings"] = _client_settings()
    return found


def _complete_call(schema: Schema) -> None:
    """Add what the structs leave to `judge`: the path may tell the type, and one of two ids is needed."""
    schema["description"] += _ABOUT_CALLS
    schema["required"] = [name for name in schema["required"] if name != "type"]
    schema["anyOf"] = [_with("userId"), _with("anonymousId")]
    for member in schema["properties"].values():
        member.pop("default", None)


def _with(name: str) -> Schema:
    return {"required": [name], "properties": {name: ref("Id")}}


def _ask_for(schema: Schema, name: str) -> None:
    schema["properties"][name] = ref("Id")
    schema["required"] = sorted({*schema["required"], name})


def _batch() -> Schema:
    items = [{"allOf": [ref(kind.__name__), {"required": ["type"]}]} for kind in calls.BY_TYPE.values()]
    optional_text = {"type": ["string", "null"]}
    return {
        "description": "Calls, and what they share. Each call is judged alone; a bad one never spoils the others.",
        "type": "object",
        "required": ["batch"],
        "properties": {
            "batch": {"type": "array", "minItems": 1, "items": {"anyOf": items}},
            "writeKey": optional_text,
            "sentAt": {**optional_text, "description": "The client's clock when it sent the request, ISO 8601."},
            "context": {**ref("Open"), "description": "Merged under each call's own, key by key."},
            "integrations": {**ref("Open"), "description": "Merged under each call's own, key by key."},
        },
    }


def _client_settings() -> Schema:
    text = {"type": "string"}
    return {
        "description": "What Segment's browser and mobile clients fetch before they send.",
        "type": "object",
        "required": ["integrations"],
        "properties": {
            "integrations": {
                "type": "object",
                "required": ["Segment.io"],
                "properties": {
                    "Segment.io": {
                        "type": "object",
                        "required": ["apiKey", "apiHost", "protocol"],
                        "properties": {"apiKey": text, "apiHost": text, "protocol": {"enum": ["http", "https"]}},
                    }
                },
            }
        },
    }
