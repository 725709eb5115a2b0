"""Drafts for the tests of single stages."""

import copy
from typing import Any

from trackway.events import lenient_json
from trackway.events.records import Place, RawRecord
from trackway.pipeline.draft import Draft

RECEIVED_MS = 1_795_168_801_000  # 2026-11-20T10:00:01.000Z


def draft(event: dict[str, Any], *, source: str = "web", offset: int = 0) -> Draft:
    """Return an event that has passed the stages before; a track call unless it says otherwise."""
    event = {"type": "track", "context": {}, "integrations": {}, **copy.deepcopy(event)}
    raw = RawRecord(source, event["type"], f"m-{offset}", RECEIVED_MS, lenient_json.dumps(event))
    return Draft(raw, Place(0, offset), event, RECEIVED_MS, [])
