"""Stories while the workspace's files change, and while one of them is missing."""

import json
from contextlib import closing
from pathlib import Path

from trackway.events.records import (
    EVENTS,
    QUARANTINE,
    RAW,
    EventRecord,
    Place,
    QuarantineRecord,
    RawRecord,
    Refusal,
    encode,
)
from trackway.node.logs import open_clean_log, open_raw_log
from trackway.node.tracing.index import Located
from trackway.node.tracing.story import Story, Teller
from trackway.workspace import load_workspace

CALL = {"type": "track", "event": "Signed Up", "userId": "u", "messageId": "m1", "properties": {"plan": "pro"}}


def stages(story: Story) -> dict[str, list[str]]:
    return {stage.stage: [found.code for found in stage.findings] for stage in story.stages}


def test_a_story_follows_changed_files_and_is_told_without_stages_where_one_is_missing(tmp_path: Path):
    (tmp_path / "trackway.yaml").write_text("sources: {web: {write_keys: [wk], functions: [tidy]}}")
    (tmp_path / "plans").mkdir()
    settings = load_workspace(tmp_path)
    body = json.dumps(CALL).encode()
    with closing(open_raw_log(settings)) as raw, closing(open_clean_log(settings)) as clean:
        with raw.writer(0) as calls, clean.writer(0) as events:
            calls.append({RAW: [encode(RawRecord("web", "track", "m1", 0, body))]})
            event = EventRecord("web", "track", "m1", "Signed Up", "u", None, 0, 0, Place(0, 0), body)
            events.append({EVENTS: [encode(event)]})
        teller = Teller(lambda: settings, raw, clean, None)

        def tell() -> Story:
            [story] = teller.tell([Located(EVENTS, Place(0, 0))])
            return story

        missing = tell()
        assert missing.event == CALL and stages(missing) == {"pipeline": ["not_shown_now"]}
        assert "there is no function tidy" in missing.stages[0].findings[0].detail
        (tmp_path / "functions").mkdir()
        (tmp_path / "functions" / "tidy.py").write_text("def on_track(event, context): return event")
        assert stages(tell())["plan"] == []
        (tmp_path / "plans" / "web.yaml").write_text("track:\n  Signed Up:\n    properties: {plan: number}\n")
        assert stages(tell())["plan"] == ["plan_invalid_type"]


def test_a_refused_call_is_told_by_its_name_and_without_functions_of_other_sources(tmp_path: Path):
    (tmp_path / "trackway.yaml").write_text(
        "sources: {web: {write_keys: [wk]}, app: {write_keys: [wk2], functions: [tidy]}}"
    )
    (tmp_path / "functions").mkdir()
    (tmp_path / "functions" / "tidy.py").write_text("def on_track(event, context): return event")
    settings = load_workspace(tmp_path)
    body = json.dumps(CALL).encode()
    with closing(open_raw_log(settings)) as raw, closing(open_clean_log(settings)) as clean:
        with raw.writer(0) as calls, clean.writer(0) as events:
            calls.append({RAW: [encode(RawRecord(source, "track", "m1", 0, body)) for source in ("web", "app")]})
            refused = [
                encode(
                    QuarantineRecord(source, "track", "m1", 0, Place(0, at), "plan", Refusal("unplanned", "", ""), body)
                )
                for at, source in enumerate(("web", "app"))
            ]
            events.append({QUARANTINE: refused})
        teller = Teller(lambda: settings, raw, clean, None)
        web, app = teller.tell([Located(QUARANTINE, Place(0, at)) for at in (0, 1)])
        assert (web.name, app.name) == ("Signed Up", "Signed Up")
        assert "function tidy" not in stages(web)
        assert "function tidy" in stages(app)
