"""Write a destination type to begin with."""

import keyword
import re
from pathlib import Path

from trackway.destinations import registry
from trackway.errors import TrackwayError

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_MODULE = '''"""{title}: what it is for.

Source:   https://docs.example.com/api, read on a day.
Limits:   100 rows a request.
Repeats:  rows with the same `id` count once.
"""

from collections.abc import Sequence

from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.kit import Action, Field, Mapping, at, first_of

NAME = "{title}"
LIMITS = kit.Limits(events=100, wait_s=1.0)


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator fills in."""

    api_key: kit.Secret
    """Where to find it."""


ACTIONS = {{
    "track": Action(
        fields={{
            "id": Field.text(at("messageId")),
            "user": Field.text(first_of(at("userId"), at("anonymousId")), required=True),
            "name": Field.text(at("event"), required=True),
            "time": Field.whole(kit.epoch_ms(at("timestamp"))),
            "properties": Field.object(at("properties")),
        }},
        about="An event.",
    ),
}}
MAPPINGS = {{"track": Mapping(action="track", trigger='type = "track"')}}


def request(settings: Settings, rows: Sequence[kit.Row]) -> kit.Request:
    """Return the request for rows of one route."""
    return kit.Request(
        method="POST",
        url="https://api.example.com/events",
        headers={{"Authorization": f"Bearer {{settings.api_key.reveal()}}"}},
        json={{"rows": [row.value for row in rows]}},
    )
'''
_CASE = """{
  "about": "an event in the vendor's terms",
  "settings": {"api_key": "k-test-1"},
  "events": [
    {"type": "track", "messageId": "m-1", "userId": "u-1", "event": "Signed Up", "timestamp": "2026-11-20T10:00:00Z"}
  ],
  "request": {
    "method": "POST",
    "url": "https://api.example.com/events",
    "headers": {"Authorization": "Bearer k-test-1"},
    "json": {"rows": [{"id": "m-1", "user": "u-1", "name": "Signed Up", "time": 1795168800000}]}
  }
}
"""


def write(folder: Path, name: str) -> Path:
    """Write a module and a case into the workspace in `folder`, and return the module's file.

    Raises:
        TrackwayError: the name cannot be a type's, or there is one already.
    """
    if keyword.iskeyword(name):
        raise TrackwayError(f"{name!r} cannot be a type: it is a word of Python; choose another")
    if not _NAME.fullmatch(name):
        raise TrackwayError(f"{name!r} cannot be a type; write it in lower case, with letters, digits and _")
    if name in registry.known(folder):
        raise TrackwayError(f"there is a destination type {name} already")
    if not folder.is_dir():
        raise TrackwayError(f"{folder} is no folder; `trackway up` makes a workspace")
    file = folder / registry.OWN / f"{name}.py"
    cases = file.with_suffix(".cases")
    cases.mkdir(parents=True, exist_ok=True)
    file.write_text(_MODULE.format(title=name.replace("_", " ").title()), "utf-8")
    (cases / "track.json").write_text(_CASE, "utf-8")
    return file
