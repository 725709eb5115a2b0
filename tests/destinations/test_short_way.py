"""The short way through a mapping and the general one make the same of every event, whatever operators have changed."""

import copy
import json
import random
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.destinations import kit, registry
from trackway.destinations.destination import Destination
from trackway.destinations.kit import Action, Field, Mapping, Rule, at, field
from trackway.destinations.kit.outlines import read_outline, without_page
from trackway.destinations.kit.overrides import read_source
from trackway.destinations.kit.short_way import short_way
from trackway.errors import TrackwayError
from trackway.events.records import EventRecord, Place
from trackway.testing.destinations import cases

KINDS = ["mixpanel", "posthog", "amplitude"]
"""Of the last one no mapping has a short way."""
SOURCES: list[Any] = [
    None,
    "const",
    "$.properties.plan",
    "$.context.page.title",
    "$.context.traits.email",
    "$.context",
    "$.properties",
    "$.mine",
    "{{name}} on {{context.page.path}}",
    {"first_of": ["$.context.page.url", "$.context.ip", "$.properties.url"]},
    {"merge": ["$.properties", "$.context.device", {"language": "$.context.locale", "page": "$.context.page.path"}]},
    {"without": ["$.properties", "price", "products"]},
    {"@transform": {"apply": {"a": {"@path": "$.context.page"}}, "mapping": {"@path": "$.a.url"}}},
    {"@arrayPath": ["$.properties.products", {"id": {"@path": "$.product_id"}}]},
]
NAMES = ["$device_id", "$current_url", "id", "time", "language", "page", "name", "price", "userId", "context"]
OTHERS: list[Any] = [
    *(None, "", "x", "é\u2028", "2026-11-20T10:00:00Z", 0, 1.5, True, [], ["a", {"name": "b"}], {}, {"name": 1}),
    *({"path": "/", "url": "https://a.example/"}, {"page": {"path": "/"}, "ip": "::1"}, '"page":{}'),
]
EVENTS = [
    msgspec.json.decode(event) for kind in registry.known() for case in cases(kind).values() for event in case.events
]


@cache
def destinations(kind: str) -> list[Destination]:
    """Return a destination as its cases have it, and with mappings that an operator has changed."""
    chance = random.Random(kind)
    written = [case.settings for case in list(cases(kind).values())[:3]]
    found = [registry.load(kind, one, where="settings") for one in written]
    fields = {name: [*action.fields] for name, action in registry.find(kind).ACTIONS.items()}
    while len(found) < 12:
        name, mapping = chance.choice([*found[0].mappings.items()])
        changed = {one: chance.choice(SOURCES) for one in chance.choices(fields[mapping.action], k=3)}
        mappings = {name: {"enabled": True, "fields": changed}}
        try:
            found.append(registry.load(kind, chance.choice(written) | {"mappings": mappings}, where="settings"))
        except TrackwayError:  # a source that such a field cannot have
            continue
    return found


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all members within."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, member in members:
        yield (*path, name)
        yield from places(member, (*path, name))


def changed(event: Any, chance: random.Random) -> Any:
    """Return an event with some of its members gone, replaced, or come."""
    found = copy.deepcopy(event)
    for _ in range(chance.randint(0, 3)):
        *path, last = chance.choice([*places(found)] or [("type",)])
        parent = found
        for step in path:
            parent = parent[step]
        if isinstance(parent, dict) and chance.random() < 0.3:
            parent.pop(last, None)
        else:
            last = chance.choice(NAMES) if isinstance(parent, dict) and chance.random() < 0.3 else last
            parent[last] = copy.deepcopy(chance.choice(OTHERS))
    return found


def made(destination: Destination, body: bytes, plain: dict[str, Any] | None) -> Any:
    record = EventRecord("shop", "", "m-1", "", None, None, 0, 0, Place(0, 0), body)
    rows = destination.rows(kit.Event(record, destination.name, plain))
    if isinstance(rows, kit.Skipped | kit.Rejected):
        return rows
    return [(typed(json.loads(bytes(row.value))), row.route, row.rejected, row.whole, row.message_id) for row in rows]


def typed(value: Any) -> Any:
    """Return a value in which 1, 1.0 and true are not the same."""
    if isinstance(value, dict):
        return {key: typed(one) for key, one in value.items()}
    return [typed(one) for one in value] if isinstance(value, list) else (type(value), value)


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=40)
@given(st.integers(0, 1 << 32))
def test_both_ways_make_the_same_of_an_event(kind: str, seed: int) -> None:
    chance = random.Random(seed)
    destination = chance.choice(destinations(kind))
    # Where contexts are remembered, the second event finds what the first one has left.
    event = changed(chance.choice(EVENTS), chance)
    for one in (event, event, changed(event, chance)):
        body = json.dumps(one, ensure_ascii=chance.random() < 0.5, separators=(",", ":")).encode()
        general = made(destination, body, msgspec.json.decode(body))
        assert made(destination, body, None) == general


ACTIONS = {
    "send": Action(
        fields={
            "name": Field.text(at("event"), required=True),
            "id": Field.text(kit.first_of(at("userId"), at("context.device.id"))),
            "amount": Field.number(at("properties.amount")),
            "properties": Field.object(at("properties")),
            "url": Field.text(at("context.page.url")),
            "language": Field.text(at("context.locale")),
        },
        rules=[Rule(kit.no(kit.equals(field("name"), "Secret")), "secret")],
        row=kit.row(
            name=field("name"),
            more=kit.merge(
                {"id": field("id"), "url": field("url"), "language": field("language")}, field("properties")
            ),
        ),
    )
}
CONTEXT = {"locale": "de", "page": {"url": "https://a.example/"}, "device": {"id": "d"}}
EVENT = {"type": "track", "event": "A", "messageId": "m", "userId": "u", "properties": {"a": 1}, "context": CONTEXT}


def shortly(event: dict[str, Any], *, mapping: Mapping | None = None, separators: tuple[str, str] = (",", ":")) -> Any:
    way = short_way(ACTIONS["send"], mapping or Mapping(action="send", trigger=""), None, label="send")
    outline = read_outline(json.dumps(event, separators=separators).encode())
    assert way is not None and outline is not None
    text = way(outline)
    return text and json.loads(text)


def test_a_usual_event_goes_the_short_way() -> None:
    whole = {"name": "A", "more": {"id": "u", "url": "https://a.example/", "language": "de", "a": 1}}
    assert shortly(EVENT) == whole
    assert shortly(EVENT, separators=(", ", ": ")) == whole  # the page is not found, so it is not cut out
    assert shortly(EVENT | {"userId": None, "properties": {}}) == {
        "name": "A",
        "more": {"id": "d", "url": "https://a.example/", "language": "de"},
    }
    assert shortly(EVENT | {"context": {}}) == {"name": "A", "more": {"id": "u", "a": 1}}
    assert shortly({"event": "A", "userId": "u"}) == {"name": "A", "more": {"id": "u"}}


@pytest.mark.parametrize(
    "unusual",
    [
        {"properties": {"url": "mine"}},
        {"properties": {"id": None}},
        {"event": "Secret"},
        {"context": {"locale": {}}},
        {"userId": None, "context": {"locale": "de"}},
    ],
    ids=["a name of the row's", "another", "a rule", "a value that does not fit", "nothing of its own"],
)
def test_other_events_go_the_general_way(unusual: dict[str, Any]) -> None:
    try:
        assert shortly(EVENT | unusual) is None
    except kit.values.Unfit:
        assert "context" in unusual


@pytest.mark.parametrize(
    "source",
    ["$.mine", "$.", "Hello {{mine}}", SOURCES[-2]],
)
def test_what_needs_more_than_an_outline_has_no_short_way(source: Any) -> None:
    fields = {"name": read_source(source, "name")}
    assert short_way(ACTIONS["send"], Mapping(action="send", trigger="", fields=fields), None, label="send") is None


def test_a_page_that_is_none_is_not_cut_out() -> None:
    for context in (
        {"device": {"page": {"a": 1}}},
        {"device": {"page": {"a": 1}}, "page": {"a": 2}},
        {"page": {"a": {"b": 1}}},
        {"note": '"page":{}'},
    ):
        outline = read_outline(msgspec.json.encode({"context": context}))
        assert outline is not None
        text, rest, page = outline.context
        assert json.loads(text) == context
        if rest is not None and (found := without_page_or_none(rest)) is not None:
            assert json.loads(b"{%s}" % page) == context["page"]
            assert found == {name: value for name, value in context.items() if name != "page"}
    cut = read_outline(msgspec.json.encode({"context": CONTEXT}))
    assert cut is not None and cut.context[1] is not None
    assert without_page(cut.context[1]) == {"locale": "de", "device": {"id": "d"}}


def without_page_or_none(rest: tuple[bytes, bytes]) -> Any:
    try:
        return without_page(rest)
    except msgspec.DecodeError:
        return None


def test_where_no_context_comes_again_events_are_read_whole_until_they_do() -> None:
    destination = registry.load("mixpanel", cases("mixpanel")["track"].settings, where="settings")

    def send(count: int, context: Any) -> None:
        for number in range(count):
            destination.rows(kit.Event.from_json(msgspec.json.encode(EVENT | {"context": context(number)})))

    send(2000, lambda number: CONTEXT)
    assert destination.shortens
    send(2000, lambda number: CONTEXT | {"ip": f"203.0.113.{number}"})
    assert not destination.shortens
    send(17_000, lambda number: CONTEXT)
    assert destination.shortens


def test_where_hardly_an_event_goes_the_short_way_all_are_read_whole() -> None:
    settings = next(iter(cases("customerio").values())).settings
    destination = registry.load("customerio", settings, where="settings")
    assert destination.shortens  # for what few events ask
    for number in range(1100):
        destination.rows(kit.Event.from_json(msgspec.json.encode(EVENT | {"messageId": f"m-{number}"})))
    assert not destination.shortens


@pytest.mark.parametrize("kind", ["mixpanel", "posthog"])
def test_usual_events_go_the_short_way(kind: str) -> None:
    """Otherwise the tests above would compare the general way with itself."""
    destination = destinations(kind)[0]
    went = 0
    for number in range(20):
        event = EVENT | {"messageId": f"m-{number}", "timestamp": "2026-11-20T10:00:00Z"}
        made = kit.Event.from_json(msgspec.json.encode(event | {"receivedAt": "2026-11-20T10:00:01Z"}))
        assert not isinstance(destination.rows(made), kit.Skipped | kit.Rejected)
        went += made.plain is None
    assert went == 20
