"""The catalogue's tables: however events are split into batches, through restarts and failures, each counts once."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select

from tests.catalogue.making import event
from tests.fresh_state import fresh_state
from tests.memory import memory_folder
from trackway.catalogue import model, store
from trackway.catalogue.entries import CatalogueReader
from trackway.catalogue.store import Catalogue, CatalogueError
from trackway.events.records import EventRecord, Place
from trackway.state.engine import writing
from trackway.state.tables import (
    catalogue_beyond,
    catalogue_events,
    catalogue_findings,
    catalogue_paths,
    catalogue_positions,
    catalogue_volumes,
    plan_violations,
)

TABLES = (
    catalogue_volumes,
    plan_violations,
    catalogue_paths,
    catalogue_events,
    catalogue_beyond,
    catalogue_findings,
    catalogue_positions,
)


@pytest.fixture(scope="module")
def database() -> Iterator[Engine]:
    with memory_folder() as folder:
        engine = fresh_state(folder / "state.db")
        yield engine
        engine.dispose()


@pytest.fixture
def engine(database: Engine) -> Engine:
    """Return the database of all tests here, emptied: making its tables takes longer than a test."""
    empty(database)
    return database


def empty(engine: Engine) -> None:
    with writing(engine) as connection:
        for table in TABLES:
            connection.execute(delete(table))
        connection.exec_driver_sql("delete from sqlite_sequence where name = 'catalogue_findings'")


def contents(engine: Engine) -> list[Any]:
    """Return all rows, with events by name: their numbers mean nothing."""
    paths = select(catalogue_events, catalogue_paths).outerjoin(catalogue_paths)
    volumes = select(catalogue_events, catalogue_volumes).join(catalogue_volumes)
    queries = [
        paths,
        volumes,
        *map(select, (catalogue_beyond, catalogue_findings, catalogue_positions, plan_violations)),
    ]
    with engine.connect() as connection:
        found = [connection.execute(query).mappings().all() for query in queries]
    meaningless = {catalogue_events.c.id.name, catalogue_paths.c.event.name}
    rows = [[{name: row[name] for name in row if name not in meaningless} for row in part] for part in found]
    return [sorted(part, key=repr) for part in rows]


def take(catalogue: Catalogue, events: list[EventRecord], first: int) -> int:
    placed = [(one, Place(0, offset)) for offset, one in enumerate(events, first)]
    catalogue.take(placed, {0: first + len(events)})
    return first + len(events)


VALUES = st.recursive(
    st.sampled_from(["free", "pro", "ann@example.com", "2026-11-20T10:00:00Z", "", 1, 2.5, True, None]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a.b", "c\\", "$", "id"]), inner),
    max_leaves=5,
)
EVENTS = st.builds(
    event,
    st.sampled_from(["Order Completed", "order_completed", "Cart Viewed", "Signed Up"]),
    st.none() | st.dictionaries(st.sampled_from(["plan", "kind", "list", "token", "x@y.z"]), VALUES, max_size=3),
    kind=st.sampled_from(["track", "page", "identify", "alias"]),
    source=st.sampled_from(["web", "app"]),
    at_ms=st.integers(0, 50),
)


@given(
    events=st.lists(EVENTS, min_size=6, max_size=25),
    cuts=st.sets(st.integers(1, 24)),
    restarts=st.sets(st.integers(1, 24)),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_split_and_any_restart_gives_the_same(
    engine: Engine, events: list[EventRecord], cuts: set[int], restarts: set[int]
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, "MAX_NAMES", 3)
        patch.setattr(model, "MAX_SOURCE_PATHS", 12)
        empty(engine)
        take(Catalogue(engine), events, 0)
        whole = contents(engine)
        empty(engine)
        catalogue, ends, at = Catalogue(engine), sorted(one for one in cuts | restarts if one < len(events)), 0
        for end in [*ends, len(events)]:
            at = take(catalogue, events[at:end], at)
            if end in restarts:
                catalogue = Catalogue(engine)
        assert contents(engine) == whole


@given(events=st.lists(EVENTS, max_size=20))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_counts_are_those_of_a_recount(engine: Engine, events: list[EventRecord]):
    empty(engine)
    take(Catalogue(engine), events, 0)
    listed = CatalogueReader(engine).events()
    counted = Counter((one.source, one.type, one.name) for one in events)
    assert {(one.source, one.type, one.name): one.count for one in listed} == counted
    for one in listed:
        times = [
            each.received_at_ms
            for each in events
            if (each.source, each.type, each.name) == (one.source, one.type, one.name)
        ]
        assert (one.first_ms, one.last_ms) == (min(times), max(times))
    assert Counter(one.code for one in CatalogueReader(engine).findings())["new_event"] == len(counted)


def test_a_failed_transaction_is_entered_again_whole(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    catalogue = Catalogue(engine)
    at = take(catalogue, [event(members={"a": 1})], 0)
    before = contents(engine)
    write = store._add_findings
    monkeypatch.setattr(store, "_add_findings", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        take(catalogue, [event(members={"a": 1, "b": 2}), event("Cart Viewed")], at)
    assert contents(engine) == before
    monkeypatch.setattr(store, "_add_findings", write)
    take(catalogue, [event(members={"a": 1, "b": 2}), event("Cart Viewed")], at)
    [cart, order] = CatalogueReader(engine).events()
    assert (cart.count, order.count) == (1, 2)
    assert {path.path: path.types for path in order.paths} == {
        "properties.a": {"integer": 2},
        "properties.b": {"integer": 1},
    }
    assert [one.code for one in CatalogueReader(engine).findings()] == ["new_event", "new_property", "new_event"]


def test_two_processes_do_not_count_the_same_events(engine: Engine):
    one, other = Catalogue(engine), Catalogue(engine)
    take(one, [event()], 0)
    take(other, [event()], 1)
    with pytest.raises(CatalogueError):
        take(one, [event()], 1)
    assert CatalogueReader(engine).events()[0].count == 2
    take(one, [event()], one.positions()[0])
    assert CatalogueReader(engine).events()[0].count == 3


def test_findings_are_bounded_to_the_newest(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store, "MAX_FINDINGS", 4)
    catalogue, at = Catalogue(engine), 0
    for letter in "abcdef":
        at = take(catalogue, [event(f"{letter}aaa Viewed", kind="page", message_id=letter)], at)
    assert [one.message_id for one in CatalogueReader(engine).findings()] == list("cdef")
    at = take(catalogue, [event(f"{letter} page", kind="page", message_id=letter) for letter in "ghijkl"], at)
    assert [one.message_id for one in CatalogueReader(engine).findings()] == list("ijkl")
    assert [one.message_id for one in CatalogueReader(engine).findings(limit=2)] == list("kl")


def test_samples_are_shown_once_they_are_frequent(engine: Engine):
    values = ["pro"] * 6 + ["free"] * 5 + ["Rosebud"]
    take(Catalogue(engine), [event(members={"plan": value, "email": "Rosebud"}) for value in values], 0)
    [order] = CatalogueReader(engine).events()
    assert {path.path: path.samples for path in order.paths} == {
        "properties.email": [],
        "properties.plan": ["pro", "free"],
    }


def test_a_restart_forgets_nothing_of_a_path(engine: Engine):
    at = take(Catalogue(engine), [event(members={"plan": "pro", "kind": "x@y.z", "a.b": {"$": [1]}})] * 3, 0)
    take(Catalogue(engine), [event(members={"plan": "pro", "kind": "free", "a.b": {"$": [1]}})] * 5, at)
    [order] = CatalogueReader(engine).events()
    assert {path.path: (path.types, path.samples) for path in order.paths} == {
        "properties.a\\.b": ({"object": 8}, []),
        "properties.a\\.b.*": ({"array": 8}, []),
        "properties.a\\.b.*.$": ({"integer": 8}, []),
        "properties.kind": ({"string": 8}, []),
        "properties.plan": ({"string": 8}, ["pro"]),
    }
    with engine.connect() as connection:
        samples = connection.execute(select(catalogue_paths.c.path, catalogue_paths.c.samples)).all()
    assert dict(map(tuple, samples))["properties.plan"] == '{"pro":8}'
    assert dict(map(tuple, samples))["properties.kind"] is None


def test_what_an_older_trackway_kept_of_a_personal_field_is_forgotten(engine: Engine):
    at = take(Catalogue(engine), [event(members={"religion": "none"})] * 6, 0)
    kept = catalogue_paths.update().values(samples='{"none":6}')
    with writing(engine) as connection:
        connection.execute(kept)
    assert [path.samples for one in CatalogueReader(engine).events() for path in one.paths] == [["none"]]
    take(Catalogue(engine), [event(members={"religion": "none"})], at)
    assert [path.samples for one in CatalogueReader(engine).events() for path in one.paths] == [[]]


def test_what_is_asked_for(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(model, "MAX_NAMES", 1)
    events = [event(), event("", kind="identify"), event(source="app"), event("Cart Viewed"), event("Cart Viewed")]
    take(Catalogue(engine), events, 0)

    def names(**wanted: Any) -> list[tuple[str, str]]:
        return [(one.source, one.name or one.type) for one in CatalogueReader(engine).events(**wanted)]

    assert names() == [("app", "Order Completed"), ("web", "identify"), ("web", "Order Completed")]
    assert names(source="app") == [("app", "Order Completed")]
    assert names(event="identify") == [("web", "identify")]
    assert names(event="track") == []
    assert [(one.source, one.type, one.count) for one in CatalogueReader(engine).beyond()] == [("web", "track", 2)]
    assert CatalogueReader(engine).beyond(source="app") == []
    assert [one.code for one in CatalogueReader(engine).findings(event="Cart Viewed")] == ["too_many_names"]
    assert {one.source for one in CatalogueReader(engine).findings(source="app")} == {"app"}
