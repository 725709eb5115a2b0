import re
import subprocess
import sys
from collections.abc import Sequence
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from msgspec import Struct

from trackway.destinations import kit, registry
from trackway.destinations.destination import UnreadableAnswer
from trackway.destinations.registry import DestinationError
from trackway.workspace import WorkspaceError

URL = "https://hooks.example.com/"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    key: kit.Secret
    more: list[dict[str, kit.Secret]] = []


def module(**parts: Any) -> ModuleType:
    found = ModuleType("beacon")

    def request(settings: Settings, rows: Sequence[kit.Row]) -> kit.Request:
        return kit.Request(method="POST", url=URL, json=[row.value for row in rows])

    for name, value in {"NAME": "Beacon", "Settings": Settings, "LIMITS": kit.Limits(), "request": request}.items():
        setattr(found, name, value)
    for name, value in parts.items():
        setattr(found, name, value)
    return found


@pytest.fixture
def beacon(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A destination that an installed package brings."""
    found = module()
    points = [SimpleNamespace(name="beacon", load=lambda: found)]
    monkeypatch.setattr(
        registry, "entry_points", lambda group, name=None: [p for p in points if name in (None, p.name)]
    )
    return found


def load(**settings: Any) -> registry.Destination:
    return registry.load("beacon", {"key": "k-1"} | settings, where="destinations.b.settings")


def event(body: bytes = b'{"type":"track","messageId":"m-1"}') -> kit.Event:
    return kit.Event.from_json(body)


def test_the_catalogue_is_found_by_type() -> None:
    found = registry.load("webhook", {"url": URL}, where="destinations.hook.settings")
    assert (found.kind, found.name, found.limits.events) == ("webhook", "Webhook", 1)


def test_an_operator_may_give_another_name() -> None:
    assert registry.load("webhook", {"url": URL}, name="My Hook", where="").name == "My Hook"


def test_an_installed_package_may_bring_a_destination(beacon: ModuleType) -> None:
    assert load().name == "Beacon"
    assert {"beacon", "webhook"} <= set(registry.known())


def test_an_unknown_type_is_met_with_the_nearest_one() -> None:
    with pytest.raises(DestinationError, match=r"no destination type webhok; did you mean webhook\?"):
        registry.find("webhok")
    with pytest.raises(WorkspaceError, match=r"trackway.yaml: destinations\.b\.type: .*did you mean webhook\?"):
        registry.load("webhok", {}, where="destinations.b.settings")
    with pytest.raises(DestinationError, match=r"did you mean hubspot\?"):
        registry.find("HubSpot Cloud Mode (Actions)")


def test_a_package_that_cannot_be_imported_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ImportError("no library")

    point = SimpleNamespace(name="beacon", value="my_package.beacon", load=broken)
    monkeypatch.setattr(registry, "entry_points", lambda group, name=None: [point] if name in (None, "beacon") else [])
    with pytest.raises(DestinationError, match=r"my_package\.beacon cannot be imported: ImportError: no library"):
        registry.find("beacon")


@pytest.mark.parametrize("kind", ["", "../webhook", "webhook.x", "os", "__init__", "has space"])
def test_a_type_cannot_reach_out_of_the_catalogue(kind: str) -> None:
    with pytest.raises(DestinationError):
        registry.find(kind)


def test_only_the_named_module_is_imported() -> None:
    program = (
        "import sys; from trackway.destinations import registry; registry.known();"
        "sys.exit('trackway.destinations.catalog.webhook' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_wrong_settings_point_at_their_place() -> None:
    with pytest.raises(WorkspaceError, match=r"destinations\.hook\.settings\.urll is unknown; did you mean url\?"):
        registry.load("webhook", {"urll": URL}, where="destinations.hook.settings")
    with pytest.raises(WorkspaceError, match=r"destinations\.hook\.settings\.batch\.events") as caught:
        registry.load("webhook", {"url": URL, "batch": {"events": 4001}}, where="destinations.hook.settings")
    assert caught.value.where == "destinations.hook.settings.batch.events"


def test_an_empty_secret_that_is_needed_is_refused(beacon: ModuleType) -> None:
    with pytest.raises(WorkspaceError, match=r"destinations\.b\.settings\.key is empty"):
        load(key="")
    load(more=[{"a": ""}])


def test_a_module_that_is_no_destination_is_told_what_it_lacks(beacon: ModuleType) -> None:
    del beacon.Settings, beacon.LIMITS
    with pytest.raises(DestinationError, match="beacon cannot be used: it lacks Settings, LIMITS"):
        registry.find("beacon")


_ACTIONS = {"send": kit.Action(fields={"name": kit.Field.text(kit.at("event")), "at": kit.Field.time()})}


@pytest.mark.parametrize(
    ("parts", "wrong"),
    [
        ({"Settings": dict}, "Settings has to be a msgspec.Struct"),
        ({"LIMITS": 5}, "LIMITS has to be a kit.Limits"),
        ({"limits": lambda settings: 5}, "limits returned int, not a kit.Limits"),
        ({"limits": lambda settings: 1 / 0}, "ZeroDivisionError at test_registry.py"),
        ({"ACTIONS": {"send": 5}, "MAPPINGS": {}}, "ACTIONS has to be a dict of kit.Action"),
        ({"MAPPINGS": {"a": kit.Mapping(action="sent", trigger="all")}}, "there is no action sent"),
        ({"MAPPINGS": {"a": kit.Mapping(action="send", trigger="type =")}}, "but the query ends"),
        ({"MAPPINGS": {"a": kit.Mapping(action="send", trigger="all", fields={"nme": 1})}}, "send has no field nme"),
        ({"MAPPINGS": {"a": kit.Mapping(action="send", trigger="all", fields={"at": "x"})}}, "at must be a date"),
    ],
)
def test_what_is_wrong_in_a_module_is_told_in_a_sentence(beacon: ModuleType, parts: dict[str, Any], wrong: str) -> None:
    beacon.ACTIONS, beacon.MAPPINGS = _ACTIONS, {}
    for name, value in parts.items():
        setattr(beacon, name, value)
    with pytest.raises((DestinationError, WorkspaceError), match=f"beacon cannot be used: .*{wrong}"):
        load()


@pytest.mark.parametrize("rubbish", [5, [5], "text", {"a": 1}])
def test_rubbish_of_a_module_costs_its_own_event_only(beacon: ModuleType, rubbish: Any) -> None:
    beacon.row = lambda settings, event: rubbish
    found = load().rows(event())
    assert isinstance(found, kit.Rejected) and found.reason == "mapping_failed"
    beacon.row = lambda settings, event: kit.Row.of(event, 1)
    beacon.request = lambda settings, rows: rubbish
    with pytest.raises(StopIteration) as done:
        next(load().exchange([kit.Row.of(event(), 1)]))
    assert [outcome.reason for outcome in done.value.value] == ["request_failed"]


def test_secrets_are_found_wherever_they_stand(beacon: ModuleType) -> None:
    assert load(key="longest", more=[{"a": "s-1", "b": "s-22"}, {"c": ""}]).secrets() == ["longest", "s-22", "s-1"]


def test_values_in_the_query_of_a_url_are_secrets_too() -> None:
    found = registry.load("webhook", {"url": "https://u:pass-word@h.example/p?key=k-123456&v=2"}, where="s")
    assert found.secrets() == ["pass-word", "k-123456"]


def test_without_rows_of_its_own_an_event_goes_as_it_stands(beacon: ModuleType) -> None:
    [row] = load().rows(event())  # type: ignore[misc]
    assert bytes(row.value) == b'{"type":"track","messageId":"m-1"}'


def test_a_destination_may_make_several_rows_or_none(beacon: ModuleType) -> None:
    def row(settings: Settings, found: kit.Event) -> Any:
        return [kit.Row.of(found, {"n": n}, route=str(n)) for n in range(len(found.message_id))]

    beacon.row = row
    assert [found.route for found in load().rows(event(b'{"messageId":"abc"}'))] == ["0", "1", "2"]  # type: ignore[union-attr]
    assert load().rows(event(b"{}")) == kit.Skipped("NO_MATCHING_MAPPING")


def test_a_fault_in_a_mapping_costs_that_event_only(beacon: ModuleType) -> None:
    beacon.row = lambda settings, found: kit.Row.of(found, found.json["missing"])
    found = load().rows(event())
    assert isinstance(found, kit.Rejected) and found.reason == "mapping_failed"
    # Where it broke, and no value: that may be secret.
    assert re.fullmatch(r"KeyError at test_registry\.py:\d+", found.detail)


def test_an_answer_that_cannot_be_judged_is_told_apart(beacon: ModuleType) -> None:
    destination = load()
    rows = destination.rows(event())
    for judge in (lambda response, count: response.body[9] and [], lambda response, count: []):
        beacon.judge = judge
        exchange = load().exchange(rows)  # type: ignore[arg-type]
        next(exchange)
        with pytest.raises(UnreadableAnswer):
            exchange.send(kit.Response(status=200))


def test_a_request_that_cannot_be_made_rejects_its_rows(beacon: ModuleType) -> None:
    def request(settings: Settings, rows: Sequence[kit.Row]) -> kit.Request:
        raise RuntimeError("bug")

    beacon.request = request
    destination = load()
    with pytest.raises(StopIteration) as stopped:
        next(destination.exchange(destination.rows(event())))  # type: ignore[arg-type]
    [outcome] = stopped.value.value
    assert outcome.reason == "request_failed" and outcome.detail.startswith("RuntimeError at test_registry.py:")
