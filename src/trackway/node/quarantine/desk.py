"""What the console does with refused calls: lists, groups, shows, tries changes, and lets calls out, many at a time."""

from collections.abc import Callable, Iterator, Sequence
from itertools import dropwhile, islice
from typing import Any

import msgspec
from msgspec import Struct, field
from sqlalchemy import Engine

from trackway.console.jobs import Progress
from trackway.errors import TrackwayError
from trackway.events import lenient_json
from trackway.events.reasons import meaning_of
from trackway.events.records import RAW, Place
from trackway.log.contract import EventLog
from trackway.node.quarantine import fixes
from trackway.node.quarantine.found import Nearby, Quarantined, Wanted, call_of, find, read_one
from trackway.node.quarantine.groups import Group, group_calls, table_row
from trackway.node.quarantine.release import Candidate, prepare, refused_again, release
from trackway.node.tracing.changes import Change, changes
from trackway.pipeline.chain import Stage, build_chain
from trackway.workspace.model import Workspace

MOST_GROUPED = 100_000
"""The newest calls that are looked at for groups."""
_AT_ONCE = 200
_MOST_STILL_REFUSED = 20


class Groups(Struct, kw_only=True):
    """Refused calls in groups."""

    groups: list[Group]
    looked_at: int
    complete: bool
    """False: there are older calls that were not looked at."""
    deleted: int
    """Calls that retention has deleted since the log began."""


class Tried(Struct, kw_only=True):
    """What would become of a call."""

    accepted: bool
    refused: str
    """Why not, `""` when it would be."""
    changes: list[Change] = field(default_factory=list[Change])


class Released(Struct, kw_only=True):
    """What a release did."""

    chosen: int
    released: int
    refused: int
    dry_run: bool
    still_refused: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """The first of them: `position` and `why`."""


class QuarantineDesk:
    """The quarantine of a running product. Its methods block, and are for any thread."""

    def __init__(self, workspace: Callable[[], Workspace], raw: EventLog, clean: EventLog, engine: Engine) -> None:
        self._workspace = workspace
        self._raw = raw
        self._clean = clean
        self._engine = engine

    def page(self, wanted: dict[str, Any], *, before: tuple[int, int] | None, limit: int) -> list[dict[str, Any]]:
        """Return the newest `limit` calls older than `before`, a partition and an offset, without their bodies."""
        found = find(self._clean, self._engine, Wanted(**wanted))
        if before is not None:
            found = dropwhile(lambda one: not _is_older(one.place, before), found)
        return [table_row(one) for one in islice(found, limit)]

    def groups(self, wanted: dict[str, Any]) -> Groups:
        """Return the newest calls in groups, the largest first."""
        counted = _Counted(find(self._clean, self._engine, Wanted(**wanted)), MOST_GROUPED)
        groups = group_calls(counted)
        deleted = sum(self._clean.starts("quarantine").values())
        return Groups(groups=groups, looked_at=counted.count, complete=counted.complete, deleted=deleted)

    def show(self, place: tuple[int, int]) -> dict[str, Any] | None:
        """Return one call with its text; None when it is not there."""
        one = read_one(self._clean, self._engine, Place(*place))
        if one is None:
            return None
        call = call_of(one.record.body)
        body = one.record.body.decode("utf-8", "replace")
        readable = None if call is None else msgspec.json.format(lenient_json.dumps(call), indent=2).decode()
        meaning = meaning_of(one.record.refusal.reason)
        return {**table_row(one), "body": body, "readable": readable, "meaning": meaning}

    def attempt(self, place: tuple[int, int], body: str | None) -> Tried | None:
        """Return what would become of a call with `body` instead of its own; None when it is not there."""
        one = read_one(self._clean, self._engine, Place(*place))
        if one is None:
            return None
        text = one.record.body if body is None else body.encode()
        _, refused = self._judged(build_chain(self._workspace()), Nearby(self._raw, RAW), one, text)
        before, after = call_of(one.record.body), call_of(text)
        return Tried(accepted=not refused, refused=refused, changes=changes(before, after))

    def release(
        self,
        progress: Progress,
        *,
        calls: Sequence[tuple[tuple[int, int], str | None]],
        wanted: dict[str, Any] | None,
        sets: Sequence[str],
        removes: Sequence[str],
        dry_run: bool,
    ) -> Released:
        """Let calls out: those named, each with another text if given, or all `wanted`, changed by `sets`, `removes`.

        What would be refused again stays. Cancelled between two groups of calls, the earlier ones are out.
        """
        chosen = self._choose(calls, wanted, fixes.setting(sets, removes) if sets or removes else None)
        progress.begin(len(chosen))
        told = Released(chosen=len(chosen), released=0, refused=0, dry_run=dry_run)
        chain, raw = build_chain(self._workspace()), Nearby(self._raw, RAW)
        for first in range(0, len(chosen), _AT_ONCE):
            good: list[Candidate] = []
            for one, body in chosen[first : first + _AT_ONCE]:
                candidate, refused = self._judged(chain, raw, one, body)
                if refused:
                    told.refused += 1
                    if len(told.still_refused) < _MOST_STILL_REFUSED:
                        told.still_refused.append({"position": table_row(one)["position"], "why": refused})
                else:
                    good.append(candidate)
                progress.advance()
            if good and not dry_run:
                release(self._raw, self._clean, self._engine, good)
            told.released += len(good)
        return told

    def _choose(
        self,
        calls: Sequence[tuple[tuple[int, int], str | None]],
        wanted: dict[str, Any] | None,
        change: fixes.Fix | None,
    ) -> list[tuple[Quarantined, bytes]]:
        if wanted is None:
            return [
                (one := self._at(place), one.record.body if body is None else body.encode()) for place, body in calls
            ]
        found = find(self._clean, self._engine, Wanted(**wanted))
        # Oldest first: what was sent first enters the log first.
        ordered = sorted(found, key=lambda one: (one.record.received_at_ms, one.place))
        return [(one, _changed(one, change)) for one in ordered]

    def _at(self, place: tuple[int, int]) -> Quarantined:
        one = read_one(self._clean, self._engine, Place(*place))
        if one is None:
            partition, offset = place
            raise TrackwayError(f"there is no call at quarantine/{partition}/{offset}: deleted by now, or never there")
        return one

    def _judged(self, chain: Sequence[Stage], raw: Nearby, one: Quarantined, body: bytes) -> tuple[Candidate, str]:
        candidate = prepare(self._workspace(), raw, one.place, one.record, body)
        return candidate, refused_again(chain, candidate)


class _Counted:
    """Yields calls up to a number, and counts them."""

    def __init__(self, calls: Iterator[Quarantined], most: int) -> None:
        self._calls, self._most = calls, most
        self.count = 0
        self.complete = True

    def __iter__(self) -> Iterator[Quarantined]:
        for one in self._calls:
            if self.count >= self._most:
                self.complete = False
                return
            self.count += 1
            yield one


def _is_older(place: Place, before: tuple[int, int]) -> bool:
    """Tell whether `find` yields `place` behind `before`."""
    return place.partition > before[0] or (place.partition == before[0] and place.offset < before[1])


def _changed(one: Quarantined, change: fixes.Fix | None) -> bytes:
    """Return a call's text after a change; as it is where the change does not fit it, to be refused again."""
    call = call_of(one.record.body) if change else None
    if change is None or call is None:
        return one.record.body
    try:
        fixed = fixes.apply(change, call)
    except fixes.FixFailed:
        return one.record.body
    return one.record.body if fixed is None else lenient_json.dumps(fixed)
