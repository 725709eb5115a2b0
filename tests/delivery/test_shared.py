"""Events that several destinations read are decoded once, and one destination never sees another's changes."""

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine

from tests.delivery.harness import CleanLog, FakeTransport, counts, delivering, event, ids_of, started, until, workspace
from trackway.delivery.service import DeliveryService
from trackway.delivery.shared import SharedEvents
from trackway.destinations import kit, registry
from trackway.events.records import encode
from trackway.log.contract import Slice
from trackway.testing.destinations import cases


def block(first: int, count: int = 3, partition: int = 0) -> Slice:
    return Slice(partition, first, 0, [encode(event(n)) for n in range(first, first + count)])


def test_whoever_reads_the_same_block_gets_the_same_decoded_events() -> None:
    shared = SharedEvents()
    shared.readers = 2
    one, other = shared.of(block(0)), shared.of(block(0))
    assert one is other
    assert one[1].json() is other[1].json()
    assert one[1].json() == msgspec.json.decode(one[1].record.body)


def test_what_all_have_had_or_is_too_much_is_forgotten() -> None:
    shared = SharedEvents(remembered_bytes=2 * sum(map(len, block(0).records)))
    shared.readers = 2
    first = shared.of(block(0))
    assert shared.of(block(0)) is first
    assert shared.of(block(0)) is not first  # both had it
    kept = shared.of(block(3))
    shared.of(block(6))
    shared.of(block(9))
    assert shared.of(block(3)) is not kept  # made room


def test_one_alone_remembers_nothing() -> None:
    shared = SharedEvents()
    found = shared.of(block(0))
    assert shared.of(block(0)) is not found
    assert found[0].json() is not found[0].json()


@pytest.mark.parametrize("kind", registry.known())
def test_a_destination_of_the_catalogue_changes_nothing_in_an_event(kind: str) -> None:
    for case in cases(kind).values():
        destination = registry.load(kind, case.settings, where="settings")
        for written in case.events:
            body = msgspec.json.encode(written)
            made = kit.Event.from_json(body, destination.name)
            plain = made.json
            found = destination.rows(kit.Event(made.record, destination.name, plain))
            if isinstance(found, list | tuple) and found:
                routes: dict[str, list[kit.Row]] = {}
                for row in found:
                    routes.setdefault(row.route, []).append(row)
                for rows in routes.values():
                    next(destination.exchange(rows), None)
            assert plain == msgspec.json.decode(body)


SPOILER = '''
"""A destination of somebody's own that changes what it is given."""

import msgspec

from trackway.destinations import kit

NAME = "Spoiler"
LIMITS = kit.Limits()


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    pass


def row(settings, event):
    event.json["userId"] = "somebody else"
    event.json["integrations"] = {"All": False}
    return kit.Row.of(event, event.json)


def request(settings, rows):
    return kit.Request(method="POST", url="http://x.example", json=rows[0].value)
'''


async def test_what_an_own_destination_does_to_an_event_does_not_reach_others(
    log: CleanLog, engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "destinations").mkdir()
    (tmp_path / "destinations" / "spoiler.py").write_text(SPOILER)
    mixpanel = {"type": "mixpanel", "settings": {"project_token": "t", "api_secret": "s"}}
    space = workspace({"a": {"type": "spoiler"}, "b": {"type": "spoiler"}, "c": mixpanel, "d": mixpanel})
    space = msgspec.structs.replace(space, folder=tmp_path)
    networks = {"Spoiler": FakeTransport(), "Mixpanel (Actions)": _Imports()}
    service = DeliveryService(space, log.log, engine, transport=lambda found: networks[found.name])
    async with delivering(service):
        await until(lambda: started(engine, log, "a", "b", "c", "d"))
        log.add_numbers(5, person="ann")
        await until(lambda: all(counts(engine, log, key).delivered == 5 for key in "abcd"))
    sent = [
        row for request in networks["Mixpanel (Actions)"].requests for row in msgspec.json.decode(request.content())
    ]
    assert [row["properties"]["distinct_id"] for row in sent] == ["ann"] * 10
    assert sorted(ids_of(one)[0] for one in networks["Spoiler"].requests) == sorted([f"m-{n}" for n in range(5)] * 2)


class _Imports(FakeTransport):
    async def send(self, request: kit.Request) -> kit.Response:
        self.requests.append(request)
        return kit.Response(status=200)
