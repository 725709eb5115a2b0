"""The inventory of personal data: what it lists, at which level, and what it says of the rules."""

from typing import Any

import msgspec
import pytest

from tests.catalogue.making import event
from trackway.catalogue import shapes
from trackway.catalogue.entries import EventEntry, PathEntry
from trackway.catalogue.inventory import Field, inventory
from trackway.catalogue.model import SourceModel
from trackway.events.records import Place
from trackway.workspace.governance import Privacy

PHONE = ("yellow", "traits.phone", "phone", "key")


def learn(*events: tuple[str, str, dict[str, Any]], source: str = "web") -> list[EventEntry]:
    """Return the catalogue's entries for events: type, name, and properties or traits."""
    model = SourceModel(source)
    for type_, name, members in events:
        model.add(event(name, members, kind=type_, source=source), Place(0, 0))
    return [
        EventEntry(
            source=source,
            type=type_,
            name=name,
            count=shape.count,
            first_ms=shape.first_ms,
            last_ms=shape.last_ms,
            unlisted=0,
            paths=[
                PathEntry(path=node.path, types=node.types(), first_ms=1, last_ms=2, samples=[], looks=node.looks)
                for node in shape.take_changed()
            ],
        )
        for (type_, name), shape in model.shapes.items()
    ]


def privacy(**settings: Any) -> Privacy:
    def hook(kind: type, value: Any) -> Any:
        return getattr(kind, "decode")(value)  # noqa: B009 - whatever type has it

    return msgspec.convert(settings, Privacy, dec_hook=hook)


def told(fields: list[Field]) -> list[tuple[str, str, str, str]]:
    return [(one.level, one.path, one.kind, one.told_by) for one in fields]


def test_fields_are_told_by_keys_and_by_values_red_ones_first():
    loan = {"contact": "ann@example.com", "ssn": 123456789, "amount": 5, "reason": "car", "email": True}
    traits = {"name": "Ann", "address": {"country": "DE", "lines": ["1 Long Street"]}, "phones": ["+49 30 901820"]}
    found = inventory(learn(("track", "Loan Requested", loan), ("identify", "", traits)), Privacy())
    assert told(found) == [
        ("red", "properties.ssn", "social security number", "key"),
        ("yellow", "properties.contact", "email", "values"),
        ("yellow", "traits.address.country", "address", "key"),
        ("yellow", "traits.address.lines.$", "address", "key"),
        ("yellow", "traits.name", "name", "key"),
        ("yellow", "traits.phones.$", "phone", "key"),
    ]
    assert found[1].looks == {"email": 1}


def test_what_a_group_is_called_is_nobodys_name():
    found = inventory(learn(("group", "", {"name": "Acme", "phone": "1"}), ("identify", "", {"phone": "2"})), Privacy())
    assert [(one.path, [each.type for each in one.events]) for one in found] == [
        ("traits.phone", ["group"]),
        ("traits.phone", ["identify"]),
    ]


def test_events_that_have_a_field_are_counted_together_but_not_those_whose_values_are_harmless():
    web = learn(
        ("track", "Products Searched", {"query": "lamp", "email": "a@example.com"}),
        ("track", "Products Searched", {"query": "bob@example.com"}),
        ("page", "Search", {"query": "lamp", "email": "b@example.com"}),
    )
    app = learn(("track", "Products Searched", {"query": "eve@example.com"}), source="app")
    email, query = inventory([*web, *app], Privacy())
    assert (email.path, email.values, email.events) == (
        "properties.email",
        2,
        [("web", "track", "Products Searched"), ("web", "page", "Search")],
    )
    assert (query.values, query.looks) == (3, {"email": 2})
    assert query.events == [("web", "track", "Products Searched"), ("app", "track", "Products Searched")]


def test_a_card_is_told_by_its_values_only_when_many_look_like_one():
    number = "4111111111111111"
    one_of_ten = [("track", "Paid", {"reference": number if i == 3 else f"42{i:014}"}) for i in range(10)]
    assert inventory(learn(*one_of_ten), Privacy()) == []
    assert told(inventory(learn(("track", "Paid", {"reference": number})), Privacy())) == [
        ("red", "properties.reference", "credit card", "values")
    ]


@pytest.mark.parametrize(
    ("texts", "findings"),
    [
        (["4111111111111111", "x"], 1),
        (["x", "y", "4111111111111111"], 1),
        (["x", "y", "z", "4111111111111111"], 0),
        (["x", "y", "z", "ann@example.com", "bob@example.com"], 1),
    ],
)
def test_a_finding_tells_what_the_inventory_would(texts: list[str], findings: int):
    model = SourceModel("web")
    found = [one for text in texts for one in model.add(event("Paid", {"reference": text}), Place(0, 0))]
    assert [one.code for one in found].count("personal_data") == findings
    paid = [("track", "Paid", {"reference": text}) for text in texts]
    assert len(inventory(learn(*paid), Privacy())) == findings


def test_of_many_texts_some_are_looked_at():
    model = SourceModel("web")
    for number in range(1_000):
        model.add(event("Paid", {"reference": "4111111111111111", "n": f"x{number}"}), Place(0, 0))
    nodes = {node.path: node for node in model.shapes["track", "Paid"].take_changed()}
    looked_at = shapes.looked_at(1_000)
    assert nodes["properties.reference"].looks == {"credit card": looked_at}
    assert 100 < looked_at < 200
    assert nodes["properties.n"].looks == {}


@pytest.mark.parametrize(
    ("path", "level", "expected"),
    [
        ("SIN", "red", [("red", "traits.club.sin", "", "settings"), PHONE]),
        ("traits.*.sin", "red", [("red", "traits.club.sin", "", "settings"), PHONE]),
        ("traits.sin", "red", [PHONE]),
        ("traits.phone", "green", []),
        ("club", "red", [("red", "traits.club.sin", "", "settings"), PHONE]),
        ("traits.club", "red", [("red", "traits.club.sin", "", "settings"), PHONE]),
        ("phone", "red", [("red", "traits.phone", "phone", "settings")]),
    ],
)  # fmt: skip
def test_settings_have_the_last_word(path: str, level: str, expected: list[Any]):
    entries = learn(("identify", "", {"club": {"sin": "x"}, "phone": "1"}))
    assert told(inventory(entries, privacy(fields=[{"path": path, "level": level}]))) == expected


def test_rules_about_what_a_field_lies_in_are_told():
    rules = [{"path": "traits.address", "do": "mask"}, {"path": "traits.address.city.x", "do": "drop"}]
    [found] = inventory(learn(("identify", "", {"address": {"city": "Bonn"}})), privacy(rules=rules))
    assert found.rules == ["mask"]


def test_rules_are_told():
    rules = [
        {"path": "traits.emails", "do": "hash"},
        {"path": "traits.*", "do": "mask", "if": "type = 'identify'", "sources": ["web", "app"]},
        {"path": "properties.emails", "do": "drop"},
        {"path": "emails", "do": "drop"},
    ]
    [found] = inventory(learn(("identify", "", {"emails": ["a@example.com"]})), privacy(rules=rules))
    assert found.rules == ["hash", "mask if type = 'identify' of web, app"]
