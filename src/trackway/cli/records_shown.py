"""Records of any topic as JSON values, for commands that print or write them."""

from typing import Any, cast

import msgspec

from trackway.events import lenient_json
from trackway.events.clock_skew import format_ms
from trackway.events.records import DECODERS, Place

_TIMES = {"received_at_ms": "receivedAt", "timestamp_ms": "timestamp"}
_LEFT_OUT = {"shared"}


def show_record(topic: str, place: Place, record: bytes) -> dict[str, Any]:
    """Return a record with its position, in the words of the wire; under `call` its call, as text if it is no JSON."""
    decoded: Any = DECODERS[topic](record)
    shown: dict[str, Any] = {"topic": topic, "partition": place.partition, "offset": place.offset}
    for name, value in msgspec.to_builtins(decoded_fields(decoded)).items():
        if name in _TIMES:
            shown[_TIMES[name]] = format_ms(value)
        elif name == "body":
            shown["call"] = _call(decoded.body)
        elif name not in _LEFT_OUT and value not in (None, "", []):
            shown[_camel(name)] = value
    if getattr(decoded, "shared", b""):
        shown["shared"] = _call(decoded.shared)
    return shown


def decoded_fields(record: Any) -> dict[str, Any]:
    """Return a record's fields by name, nested structs as objects too."""
    fields: dict[str, Any] = {}
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if isinstance(value, msgspec.Struct):
            value = msgspec.structs.asdict(value)
        elif isinstance(value, Place):
            value = value._asdict()
        elif isinstance(value, list):
            value = [msgspec.structs.asdict(item) for item in cast("list[msgspec.Struct]", value)]
        fields[name] = value
    return fields


def _call(body: bytes) -> Any:
    try:
        return lenient_json.loads(body)[0]
    except lenient_json.NotJson:
        return body.decode("utf-8", "replace")


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
