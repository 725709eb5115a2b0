"""The inventory of personal data: which fields of the catalogue hold some, how one can tell, and what is done about it.

Pure. A field is a path; what several sources and events send at it is one entry, but traits of people and of groups are
not one.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Literal, NamedTuple

from msgspec import Struct, field

from trackway.catalogue.entries import EventEntry, PathEntry
from trackway.catalogue.shapes import ANY_KEY, looked_at, steps_of
from trackway.events.personal_fields import LEVELS, Level, is_likely, kind_of_key, may_be
from trackway.workspace.governance import Privacy, PrivacyRule
from trackway.workspace.plans.model import ITEM

_ORDER: dict[Level, int] = {"red": 0, "yellow": 1, "green": 2}
_CONTAINERS = frozenset({"object", "array", "null"})


class Event(NamedTuple):
    """An event that has a field."""

    source: str
    type: str
    name: str


class Field(Struct, kw_only=True):
    """A field that holds personal data, or seems to."""

    path: str
    """As in the catalogue: `$` is each member of an array, `*` stands for keys that are data."""
    level: Level
    """`red` is highly restricted, `yellow` moderately; `green` is nothing personal."""
    kind: str
    """Such as `email`; `""` where only the settings say so."""
    told_by: Literal["key", "values", "settings"]
    looks: dict[str, int]
    """How many of the texts that were looked at look like which kind."""
    values: int
    first_ms: int
    last_ms: int
    events: list[Event] = field(default_factory=list[Event])
    rules: list[str] = field(default_factory=list[str])
    """What `privacy.rules` do to it, before the catalogue sees it: `hash`, or `mask if type = 'track'`."""


def inventory(events: Iterable[EventEntry], privacy: Privacy) -> list[Field]:
    """Return the fields of the catalogue that hold personal data, red ones first, then by path."""
    found: dict[tuple[str, str], Field] = {}
    for event, path in _fields(events):
        one = _judged(event, path, privacy)
        if one.level == "green":
            continue
        key = (path.path, "group" if event.type == "group" else "")
        known = found.get(key)
        if known is None:
            known = found[key] = one
        else:
            _add(known, one)
        known.events.append(Event(event.source, event.type, event.name))
    return sorted(found.values(), key=lambda one: (_ORDER[one.level], one.path))


def _fields(events: Iterable[EventEntry]) -> Iterator[tuple[EventEntry, PathEntry]]:
    """Yield what has values of its own: of an address not the object, but what is in it."""
    for event in events:
        for path in event.paths:
            if not _CONTAINERS.issuperset(path.types):
                yield event, path


def _judged(event: EventEntry, path: PathEntry, privacy: Privacy) -> Field:
    steps = steps_of(path.path)
    kind = _kind_of_path(steps, event.type, path.types)
    by_key = kind is not None
    if kind is None or LEVELS[kind] != "red":
        texts = looked_at(path.types.get("string", 0))
        likely = [one for one, count in path.looks.items() if is_likely(one, count, texts)]
        seen = min(likely, key=lambda one: _ORDER[LEVELS[one]], default=None)
        if seen is not None and (kind is None or _ORDER[LEVELS[seen]] < _ORDER[LEVELS[kind]]):
            kind, by_key = seen, False
    level: Level = "green" if kind is None else LEVELS[kind]
    said: Level | None = next((one.level for one in privacy.fields if _is_meant(one.path.keys, steps)), None)
    rules = [rule for rule in privacy.rules if _lies_in(rule.path.keys, steps)]
    return Field(
        path=path.path,
        level=said or level,
        kind=kind or "",
        told_by="settings" if said not in (None, level) else "key" if by_key else "values",
        looks=dict(path.looks),
        values=sum(path.types.values()),
        first_ms=path.first_ms,
        last_ms=path.last_ms,
        rules=[_in_words(rule) for rule in rules],
    )


def _add(known: Field, one: Field) -> None:
    """Add what another event has at the same path."""
    if _ORDER[one.level] < _ORDER[known.level]:
        known.level, known.kind, known.told_by = one.level, one.kind, one.told_by
    for kind, count in one.looks.items():
        known.looks[kind] = known.looks.get(kind, 0) + count
    known.values += one.values
    known.first_ms, known.last_ms = min(known.first_ms, one.first_ms), max(known.last_ms, one.last_ms)


def _kind_of_path(steps: list[str], event_type: str, types: Collection[str]) -> str | None:
    """Return what the innermost key says, else what the keys above it do: a country within an address is personal."""
    if event_type == "identify" and steps == ["traits", "name"]:
        return "name"  # of a group or a product it is nobody's
    kinds = (kind_of_key(step) for step in reversed(steps[1:]) if step != ITEM)
    return next((kind for kind in kinds if kind is not None and may_be(kind, types)), None)


def _is_meant(keys: tuple[str, ...], steps: list[str]) -> bool:
    """Tell whether `privacy.fields` mean a field by a path: as rules do, but a single key wherever it stands."""
    if len(keys) == 1:
        return keys[0].lower() in (step.lower() for step in steps[1:])
    return _lies_in(keys, steps)


def _lies_in(keys: tuple[str, ...], steps: list[str]) -> bool:
    """Tell whether a field stands at a path of the settings, or within what does."""
    own = [step for step in steps if step != ITEM]
    return len(keys) <= len(own) and all(one in (ANY_KEY, step) for one, step in zip(keys, own, strict=False))


def _in_words(rule: PrivacyRule) -> str:
    condition = "" if rule.if_ == "all" else f" if {rule.if_}"
    where = "" if rule.sources is None else f" of {', '.join(rule.sources)}"
    return f"{rule.do}{condition}{where}"
