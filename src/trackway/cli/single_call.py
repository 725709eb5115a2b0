"""One call from the flags of `trackway send`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import typer

from trackway.events.calls import TYPES
from trackway.events.clock_skew import format_ms, parse_ms
from trackway.events.ids import new_message_id

_MEMBER = {
    "track": "properties",
    "page": "properties",
    "screen": "properties",
    "identify": "traits",
    "group": "traits",
}
_NAMED = {"track": "event", "page": "name", "screen": "name"}


def build_call(
    kind: str,
    name: str | None,
    *,
    ids: dict[str, str | None],
    members: Sequence[str] = (),
    context: Sequence[str] = (),
    timestamp: str | None = None,
    library: dict[str, Any],
) -> dict[str, Any]:
    """Return a call as JSON values, with a message id and a timestamp.

    `members` are `key=value` of its properties or traits, `context` `dotted.key=value` of its context; `ids` are fields
    such as `userId`, of which the empty ones are left out.

    Raises:
        BadParameter: a flag cannot be read, or does not belong to this type of call.
    """
    if kind not in TYPES:
        raise typer.BadParameter(f"{kind} is none of {', '.join(TYPES)}", param_hint="--type")
    call: dict[str, Any] = {"type": kind, "messageId": new_message_id()}
    call |= {field: value for field, value in ids.items() if value}
    if name:
        if kind not in _NAMED:
            raise typer.BadParameter(f"a call of type {kind} has no name; leave {name!r} out", param_hint="NAME")
        call[_NAMED[kind]] = name
    elif kind == "track" and name is None:
        raise typer.BadParameter("a track call needs the name of its event", param_hint="NAME")
    if members and kind not in _MEMBER:
        raise typer.BadParameter(f"a call of type {kind} has neither properties nor traits", param_hint="-p")
    if kind in _MEMBER:
        call[_MEMBER[kind]] = dict(_pair(text, "-p") for text in members)
    call["context"] = {"library": library}
    for text in context:
        key, value = _pair(text, "--context")
        _put(call["context"], key, value)
    call["timestamp"] = _moment(timestamp)
    return call


def _pair(text: str, flag: str) -> tuple[str, Any]:
    """Read `key=value`; a value that is JSON is that, all else is text."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise typer.BadParameter(f"write key=value, not {text!r}", param_hint=flag)
    try:
        return key, msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return key, value


def _put(into: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        below = into.setdefault(parent, {})
        if not isinstance(below, dict):
            raise typer.BadParameter(f"{parent} in {key} is a value already", param_hint="--context")
        into = cast("dict[str, Any]", below)
    into[last] = value


def _moment(text: str | None) -> str:
    if text is None:
        return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    moment_ms = parse_ms(text)
    if moment_ms is None:
        raise typer.BadParameter(f"write it like 2026-11-20T10:00:00Z, not {text!r}", param_hint="--timestamp")
    return format_ms(moment_ms)
