"""The stage of blocked calls, and that the short way lets none of them by."""

from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.drafts import draft
from tests.pipeline.test_short_way import check, raw_of
from trackway.events.records import DroppedRecord, Place, decode_dropped, encode
from trackway.pipeline.chain import build_chain
from trackway.pipeline.draft import Draft, Drop
from trackway.pipeline.stages.block import BlockStage
from trackway.workspace import load_workspace
from trackway.workspace.governance import Block
from trackway.workspace.load import WorkspaceError
from trackway.workspace.query import Query


def ends(stage: BlockStage, *events: dict[str, Any]) -> list[Any]:
    drafts: list[Draft] = [draft(event) for event in events]
    stage.run(drafts)
    return [one.end for one in drafts]


def test_names_and_queries_of_the_source_alone_are_blocked():
    stage = BlockStage({"web": ["Mouse Moved", Block(page="Health"), Block(if_=Query("properties.internal = true"))]})
    assert ends(
        stage,
        {"event": "Mouse Moved"},
        {"event": "Mouse moved"},
        {"type": "page", "name": "Health"},
        {"type": "screen", "name": "Health"},
        {"event": "Other", "properties": {"internal": True}},
        {"event": "Other", "properties": {"internal": 1}},
    ) == [Drop("blocked"), None, Drop("blocked"), None, Drop("blocked", "properties.internal = true"), None]
    other = draft({"event": "Mouse Moved"}, source="app")
    stage.run([other])
    assert other.end is None


def test_what_a_query_blocks_can_be_written_down():
    [end] = ends(BlockStage({"web": [Block(if_=Query("type = 'track'"))]}), {"event": "E"})
    record = DroppedRecord("web", "track", "m", 0, Place(0, 0), end.reason, stage="block", detail=end.detail)
    assert decode_dropped(encode(record)).detail == "type = 'track'"


@pytest.mark.parametrize("rename", [True, False])
def test_a_semantic_event_is_blocked_under_its_old_names_where_these_are_renamed(tmp_path: Path, rename: bool):
    (tmp_path / "trackway.yaml").write_text(f"""
pipeline: {{rename_events: {str(rename).lower()}}}
sources:
  web: {{write_keys: [a], block: [Completed Order, {{screen: Splash}}]}}
  plain: {{write_keys: [b], block: [Completed Order], skip: [semantic_events]}}
""")
    chain = build_chain(load_workspace(tmp_path))
    order = {"userId": "u", "properties": {"order_id": "o", "total": 1, "products": []}}

    def passes_short_way(event: str, source: str = "web") -> bool:
        return check(chain, raw_of({**order, "event": event}, source=source)) is not None

    # `check` holds what the short way takes against the stages: none of it may have ended there.
    assert passes_short_way("Order Completed") is not rename
    assert not passes_short_way("Completed Order")
    assert passes_short_way("Order Completed", source="plain")
    assert not passes_short_way("Completed Order", source="plain")
    splash = {"userId": "u", "name": "Splash"}
    assert check(chain, raw_of(splash, type="screen", source="web")) is None
    assert check(chain, raw_of(splash, type="page", source="web")) is not None


@pytest.mark.parametrize(
    ("rule", "says"),
    [("{page: A, screen: B}", "give one of page, screen and if"), ("{}", "give one of"), ("{if: 'type ='}", "type =")],
)
def test_a_mistake_keeps_the_file_from_being_used(tmp_path: Path, rule: str, says: str):
    (tmp_path / "trackway.yaml").write_text(f"sources: {{web: {{write_keys: [a], block: [{rule}]}}}}")
    with pytest.raises(WorkspaceError, match=says) as told:
        load_workspace(tmp_path)
    assert told.value.where == "sources.web.block[0]" or told.value.where == "sources.web.block[0].if"
