"""Stories on the screen."""

import json

from trackway.cli.trace_shown import show_story
from trackway.delivery.trace import DestinationStory
from trackway.events.records import Place, RawRecord
from trackway.node.tracing.stages import run_again
from trackway.node.tracing.story import Position, Story
from trackway.pipeline.draft import Draft


class Splits:
    """A stage that makes three events of each."""

    name = "function lines"

    def run(self, drafts: list[Draft]) -> list[Draft]:
        return [one for draft in drafts for one in draft.split([{**draft.event, "line": n} for n in range(3)])]


class Nothing:
    """A stage that does nothing."""

    name = "plan"

    def run(self, drafts: list[Draft]) -> list[Draft]:
        return drafts


def test_a_split_names_the_other_events_and_a_traceback_has_its_lines():
    body = json.dumps({"type": "track", "event": "E", "userId": "u", "messageId": "m1"}).encode()
    run = run_again([Splits(), Nothing()], RawRecord("web", "track", "m1", 0, body), Place(0, 0), "m1")
    failed = DestinationStory(
        destination="hook", outcome="failed", reason="function_failed", detail="crm: Traceback:\n  line 7\nKeyError"
    )
    story = Story(
        position=Position(topic="events", partition=0, offset=0),
        outcome="event",
        message_id="m1",
        source="web",
        type="track",
        name="E",
        received_at_ms=0,
        call=None,
        stages=run.stages,
        destinations=[failed],
    )
    lines = show_story(story).plain.splitlines()
    assert "                     split; the other events are m1:1, m1:2" in lines
    assert "plan                 changes nothing" in lines
    assert lines[-3:] == [
        "hook                 failed  function_failed  crm: Traceback:",
        "                         line 7",
        "                       KeyError",
    ]
