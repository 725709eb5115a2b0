"""What holds for every stage of a chain that has all of them, whatever comes in.

Unknown fields survive, any split into batches gives the same events, and a second run changes nothing more. The stages'
own tests say what each does.
"""

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pipeline.mmdb import write_mmdb
from tests.pipeline.test_chain import Call, bodies, call, shown
from tests.pipeline.test_geo import LYON
from trackway.events.records import RawRecord
from trackway.pipeline import stages as package
from trackway.pipeline.chain import Stage, build_chain, run_chain
from trackway.workspace import load_workspace
from trackway.workspace.suppression import change_suppression

SETTINGS = """
pipeline: {geo_file: places.mmdb}
privacy:
  salt: {file: salt}
  rules:
  - {path: traits.email, do: hash}
  - {path: properties.price, do: mask}
  - {path: properties.b, do: drop, if: 'event != "Mine"'}
sources:
  web: {write_keys: [a]}
  app: {write_keys: [b]}
"""
PLAN = """
plan: Shop
violations: {unplanned_properties: omit, track: omit, unplanned_events: allow}
track:
  Order Completed:
    properties: {total: number, currency: string, unknown: any, products: array}
  Mine:
    properties: {x: any, unknown: any, price: number}
"""
_UNKNOWN = {"mine": [1, {"a": None}], "text": "ü"}


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> list[Stage]:
    folder = tmp_path_factory.mktemp("workspace")
    (folder / "plans").mkdir()
    (folder / "plans" / "shop.yaml").write_text(PLAN)
    (folder / "salt").write_text("salt")
    (folder / "trackway.yaml").write_text(SETTINGS)
    write_mmdb(folder / "places.mmdb", {"203.0.113.0/24": LYON})
    workspace = load_workspace(folder)
    change_suppression(workspace.data, ["u-gone"], suppressed=True)
    return build_chain(workspace)


calls = st.lists(
    st.tuples(
        bodies,
        st.sampled_from(["track", "track", "identify", "page", "group", "alias", "screen"]),
        st.sampled_from(["web", "app"]),
        st.sampled_from(["u", "u-gone"]),
    ),
    min_size=1,
    max_size=6,
)


def made_of(found: Any) -> list[Call]:
    made: list[Call] = []
    for number, (body, kind, source, user) in enumerate(found):
        context = body.get("context") or {}
        known = {"unknown": _UNKNOWN, "userId": user, "context": {**context, "unknown": _UNKNOWN}}
        for member in ("properties", "traits"):
            known[member] = {**(body.get(member) or {}), "unknown": _UNKNOWN}
        raw, place = call(number, {**body, **known}, kind, client_side=True, ip="203.0.113.9")
        made.append((RawRecord(source, *tuple(getattr(raw, name) for name in raw.__struct_fields__[1:])), place))
    return made


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(calls)
def test_unknown_fields_survive_every_stage(chain: list[Stage], found: Any):
    drafts = run_chain([], made_of(found))
    for stage in chain:
        drafts = [draft for draft in stage.run(drafts) if draft.end is None]
        for draft in drafts:
            event = draft.event
            kept = [event, event["context"], event["properties"], event["traits"]]
            assert [one["unknown"] for one in kept] == [_UNKNOWN] * 4, stage.name


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(calls, st.data())
def test_any_split_into_batches_gives_the_same_of_every_stage(chain: list[Stage], found: Any, data: st.DataObject):
    cut = data.draw(st.integers(0, len(found)))
    whole, first, second = (run_chain([], made_of(found)) for _ in range(3))
    first, second = first[:cut], second[cut:]
    for stage in chain:
        whole, first, second = (
            [draft for draft in stage.run(drafts) if draft.end is None] for drafts in (whole, first, second)
        )
        assert shown(whole) == shown([*first, *second]), stage.name


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(calls)
def test_every_stage_run_twice_changes_nothing_more(chain: list[Stage], found: Any):
    drafts = run_chain([], made_of(found))
    for stage in chain:
        drafts = [draft for draft in stage.run(drafts) if draft.end is None]
        once = copy.deepcopy([draft.event for draft in drafts])
        # Times renames the client's time, and a masked value that stays is remarked on again: both are run once only.
        if stage.name != "times":
            stage.run(drafts)
        assert [draft.event for draft in drafts] == once, stage.name
        for draft in drafts:
            draft.findings.clear()


def test_every_stage_is_asked(chain: list[Stage]):
    folder = Path(package.__path__[0])
    files = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    asked = {type(stage).__module__.rpartition(".")[2] for stage in chain}
    # `read` makes the drafts; functions are people's own, `test_functions_stage.py` has them.
    assert asked | {"read", "functions"} == files
