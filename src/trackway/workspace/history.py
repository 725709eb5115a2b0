"""Which settings changed when, with what they were before and are since: `data/settings-changes.jsonl`.

One line for each time that changed settings were taken over, synced, with the destinations that changed as they were
before. `data/settings-in-force.json` has all as it was last, so that a start tells what was changed while nothing ran,
or just before a crash.
Secrets are in neither; of what a destination or a function has as settings of its own, only mappings, numbers and
switches are shown.
"""

import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec import Struct, structs

from trackway.workspace.describe import written
from trackway.workspace.model import Destination, Workspace

_CHANGES, _IN_FORCE = "settings-changes.jsonl", "settings-in-force.json"
_MOST_BYTES = 4 << 20
_OWN_SETTINGS = re.compile(r"(destinations|functions)\.[^.]+\.settings\.(?!mappings\.)")
_OF_DESTINATION = re.compile(r"destinations\.([^.]+)\.")
HIDDEN = "***"


class Changed(Struct, frozen=True, omit_defaults=True):
    """A key whose value changed."""

    key: str
    before: str | None = None
    """As it would be written; None: there was none. Secrets are `***`."""
    after: str | None = None


class Entry(Struct, frozen=True):
    """Settings that were taken over together."""

    at: str
    """ISO 8601, UTC."""
    changes: list[Changed]
    while_stopped: bool = False
    """Whether the change was found at a start."""
    destinations: dict[str, Any] = {}
    """Each destination that changed, by key, as its part of trackway.yaml said before; what is not shown is `***`."""


class _InForce(Struct):
    settings: dict[str, str]
    """By key, as they would be written."""
    destinations: dict[str, Any]


_decode_entry = msgspec.json.Decoder(Entry).decode
_decode_in_force = msgspec.json.Decoder(_InForce).decode


def changes_between(before: Workspace, after: Workspace) -> list[Changed]:
    """Return the keys that differ, in order."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    return [
        Changed(key, _shown(key, old[key]) if key in old else None, _shown(key, new[key]) if key in new else None)
        for key in sorted(old.keys() | new.keys())
        if old.get(key, HIDDEN) != new.get(key, HIDDEN) or (key in old) != (key in new)
    ]


def note_start(workspace: Workspace) -> None:
    """Note what differs from the settings that were in force last, if that is known.

    Raises:
        OSError: it cannot be written.
    """
    now = {key: _shown(key, value) for key, value in _leaves(workspace)}
    try:
        in_force = _decode_in_force((workspace.data / _IN_FORCE).read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        in_force = _InForce(now, {})
    before = in_force.settings
    changed = [
        Changed(key, before.get(key), now.get(key))
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]
    _note(workspace, changed, in_force.destinations, while_stopped=True)


def note_change(before: Workspace, after: Workspace) -> None:
    """Note what differs between the settings in force and those that take their place.

    Raises:
        OSError: it cannot be written.
    """
    _note(after, changes_between(before, after), _definitions(before))


def read(data: Path) -> list[Entry]:
    """Return all entries that are kept, the oldest first; a line that a crash tore is passed over."""
    try:
        lines = (data / _CHANGES).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    found: list[Entry] = []
    for line in lines:
        try:
            found.append(_decode_entry(line))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return found


def _note(
    workspace: Workspace, changed: Sequence[Changed], before: Mapping[str, Any], *, while_stopped: bool = False
) -> None:
    """Write down what changed; `before` are the destinations as they were."""
    data = workspace.data
    data.mkdir(parents=True, exist_ok=True)
    if changed:
        at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        keys = {found[1] for one in changed if (found := _OF_DESTINATION.match(one.key))}
        kept = {key: before[key] for key in sorted(keys & before.keys())}
        _append(data / _CHANGES, msgspec.json.encode(Entry(at, list(changed), while_stopped, kept)))
    flat = {key: _shown(key, value) for key, value in _leaves(workspace)}
    draft = data / f"{_IN_FORCE}.new"
    draft.write_bytes(msgspec.json.encode(_InForce(flat, _definitions(workspace))))
    draft.replace(data / _IN_FORCE)


def _append(file: Path, line: bytes) -> None:
    if file.exists() and file.stat().st_size > _MOST_BYTES:  # the newer half stays
        lines = file.read_bytes().splitlines(keepends=True)
        draft = file.with_suffix(".new")
        draft.write_bytes(b"".join(lines[len(lines) // 2 :]))
        draft.replace(file)
    with file.open("ab") as out:
        # A torn line gets its end, so that it does not swallow ours.
        out.write((b"\n" if out.tell() else b"") + line + b"\n")
        out.flush()
        os.fsync(out.fileno())


def _leaves(value: Any, where: str = "") -> list[tuple[str, Any]]:
    """Return each key that holds no group, with its value."""
    if isinstance(value, Struct):
        members = {field.encode_name: getattr(value, field.name) for field in structs.fields(value)}
        members.pop("folder", None)
    elif isinstance(value, dict):
        members = {str(key): one for key, one in cast("Mapping[Any, Any]", value).items()}
    elif isinstance(value, list) and any(isinstance(one, Struct) for one in cast("list[Any]", value)):
        items = enumerate(cast("list[Any]", value))
        return [leaf for number, one in items for leaf in _leaves(one, f"{where}[{number}]")]
    else:
        return [(where, value)]
    return [leaf for key, one in members.items() for leaf in _leaves(one, f"{where}.{key}" if where else key)]


def _shown(key: str, value: Any) -> str:
    if _OWN_SETTINGS.match(key) and not isinstance(value, bool | int | float | None):
        return HIDDEN
    return written(value)


def _definitions(workspace: Workspace) -> dict[str, Any]:
    """Return the destinations as the file has them, but for what is not shown."""
    return {key: _definition(one) for key, one in workspace.destinations.items()}


def _definition(destination: Destination) -> dict[str, Any]:
    shown = msgspec.to_builtins(structs.replace(destination, settings={}), enc_hook=str)
    settings = {key: one if key == "mappings" else _veiled(one) for key, one in destination.settings.items()}
    return {**shown, "settings": settings}


def _veiled(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _veiled(one) for key, one in cast("Mapping[Any, Any]", value).items()}
    return value if isinstance(value, bool | int | float | None) else HIDDEN
