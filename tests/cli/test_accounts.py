"""`trackway ledger`, `trace`, `quarantine` and `replay` against the whole product, running and stopped."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.promises.sink import Sink
from tests.running import Trackway, send, start_trackway
from trackway.cli import app

pytestmark = pytest.mark.xdist_group("accounts")  # the tests follow on each other: one worker's


def answer(event: dict[str, Any]) -> int:
    return 400 if event["event"] == "Refused There" else 200


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    sink = Sink(answer)
    yield sink
    sink.close()


@pytest.fixture(scope="module")
def trackway(tmp_path_factory: pytest.TempPathFactory, sink: Sink) -> Iterator[Trackway]:
    """The product with five calls: an event, its duplicate, one that is refused, one that the webhook refuses, and one
    that is not for it."""
    folder = tmp_path_factory.mktemp("accounts")
    destinations = {"hook": {"type": "webhook", "settings": {"url": sink.url}}}
    with start_trackway(folder, destinations=destinations, delivery={"allow_private_addresses": True}) as trackway:
        batch = [
            call("good", "Signed Up", userId=7),
            call("good", "Signed Up", userId=7),
            {"type": "track", "messageId": "nameless", "userId": "ann"},
            call("bad", "Refused There", context={"app": {"version": "2.0"}}),
            call("other", "Kept Away", integrations={"All": False}),
        ]
        assert trackway.post("/v1/batch", {"batch": batch}).status == 200
        trackway.settle()
        trackway.wait_for(lambda: pending(folder) == [0], what="delivery", timeout_s=30)
        yield trackway


def call(message_id: str, event: str, **more: Any) -> dict[str, Any]:
    return {"type": "track", "messageId": message_id, "userId": "ann", "event": event, **more}


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--workspace", str(folder)], env={"COLUMNS": "200"})


def run_json(folder: Path, *arguments: str) -> list[Any]:
    ran = run(folder, *arguments, "--json")
    assert ran.exit_code == 0, ran.output
    return [json.loads(line) for line in ran.stdout.splitlines()]


def ledger(folder: Path) -> Any:
    return run_json(folder, "ledger")[0]


def pending(folder: Path) -> list[int]:
    """What waits for each destination that has begun."""
    return [line["pending"] for line in ledger(folder)["destinations"]]


def outcomes(folder: Path, message_id: str) -> list[tuple[str, list[tuple[str, int | None]]]]:
    """Each story's outcome, and its outcomes at destinations with the number of the replay."""
    return [
        (story["outcome"], [(one["outcome"], one["replay"]) for one in story["destinations"]])
        for story in run_json(folder, "trace", message_id)
    ]


def test_a_breakdown_finds_the_release_whose_events_fail(trackway: Trackway) -> None:
    rows = run_json(trackway.folder, "breakdown", "hook")
    ends = {(row["version"], row["name"]): row.get("destinations", {}).get("hook") for row in rows}
    assert ends == {
        ("", "Signed Up"): {"delivered": 1},
        ("2.0", "Refused There"): {"failed": {"400": 1}},
        ("", "Kept Away"): {"discarded": {"FILTERED_BY_INTEGRATIONS_OBJECT": 1}},
        ("", ""): None,
    }
    assert [row["refused"] for row in rows if "refused" in row] == [{"event_not_defined": 1}]
    shown = run(trackway.folder, "breakdown", "hook", "--by", "version", "--where", "event != 'Kept Away'").stdout
    assert [line.split() for line in shown.splitlines()][1:] == [
        ["(none)", "1", "0", "1", "1", "0", "0", "0"],
        ["2.0", "1", "0", "0", "0", "0", "1", "0"],
    ]
    assert "no destination nowhere" in run(trackway.folder, "breakdown", "nowhere").output
    assert "Nothing that fits" in run(trackway.folder, "breakdown", "--where", "event = 'x'").output


def test_the_ledger_shows_every_end_with_its_reason(trackway: Trackway) -> None:
    found = ledger(trackway.folder)
    assert (found["balances"], found["differences"], found["accepted"], found["waiting"]) == (True, {}, 5, 0)
    [source] = found["sources"]
    assert (source["events"], source["quarantined"], source["dropped"]) == (
        3,
        {"event_not_defined": 1},
        {"duplicate": 1},
    )
    [hook] = found["destinations"]
    assert (hook["delivered"], hook["failed"]) == (1, {"400": 1})
    assert hook["discarded"] == {"FILTERED_BY_INTEGRATIONS_OBJECT": 1}
    for words in ("Difference: 0", "FILTERED_BY_INTEGRATIONS_OBJECT", "The same `messageId` came before"):
        assert words in run(trackway.folder, "ledger").stdout


def test_a_trace_tells_the_story_from_the_call_to_the_answer(trackway: Trackway) -> None:
    event, duplicate = run_json(trackway.folder, "trace", "good")
    assert json.loads(event["call"]["body"])["userId"] == 7
    by_stage = {stage["stage"]: stage for stage in event["stages"]}
    assert {"pointer": "/userId", "before": 7, "after": "7"} in by_stage["common_fields"]["changes"]
    assert [found["code"] for found in by_stage["common_fields"]["findings"]] == ["id_was_number"]
    assert event["today"] == []
    [hook] = event["destinations"]
    assert (hook["outcome"], [one["status"] for one in hook["attempts"]]) == ("delivered", [200])
    [warehouse] = event["warehouses"]
    assert {row["table"] for row in warehouse["rows"]} == {"web.tracks", "web.signed_up"}
    assert (duplicate["outcome"], duplicate["reason"]) == ("dropped", "duplicate")
    assert duplicate["original"] == event["position"]


def test_a_trace_of_what_was_refused_names_stage_reason_and_place(trackway: Trackway) -> None:
    [story] = run_json(trackway.folder, "trace", "nameless")
    assert (story["outcome"], story["stage"], story["reason"], story["pointer"]) == (
        "quarantined",
        "collector",
        "event_not_defined",
        "/event",
    )
    [bad] = run_json(trackway.folder, "trace", "bad")
    assert (bad["destinations"][0]["outcome"], bad["destinations"][0]["reason"]) == ("failed", "400")
    assert '"messageId":"bad"' in bad["destinations"][0]["request"]
    for words in ("event_not_defined in collector at /event", "needs `event`"):
        assert words in run(trackway.folder, "trace", "nameless").stdout


def test_traces_are_found_by_user_and_by_words(trackway: Trackway) -> None:
    by_user = run_json(trackway.folder, "trace", "--user", "ANN", "--limit", "2")
    assert [story["message_id"] for story in by_user] == ["bad", "other"]
    [by_text] = run_json(trackway.folder, "trace", "--text", "kept away")
    assert by_text["message_id"] == "other"
    nothing = run(trackway.folder, "trace", "nobody-sent-this")
    assert nothing.exit_code == 1
    assert "never sent, or deleted by now" in nothing.stderr


def test_a_mended_call_goes_through_the_pipeline_and_is_counted(trackway: Trackway, sink: Sink) -> None:
    folder = trackway.folder
    [group] = run_json(folder, "quarantine", "group")
    assert (group["count"], group["reason"], group["newest"]) == (1, "event_not_defined", "quarantine/0/0")
    assert "→ /event is not there" in run(folder, "quarantine", "show", "quarantine/0/0").stdout
    unchanged = run_json(folder, "quarantine", "release", "--reason", "event_not_defined")
    assert (unchanged[0]["accepted"], unchanged[-1]) == (False, {"released": 0})
    broken = folder / "fix.py"
    broken.write_text("def fix(call): return call['no']")
    failed = run(folder, "quarantine", "fix", "quarantine/0/0", "--with", str(broken))
    assert failed.exit_code == 1 and "quarantine/0/0: KeyError: 'no' (line 1 of fix.py)" in failed.stderr
    assert "1 could not be changed; they stay where they are." in failed.stderr
    fixed = run_json(folder, "quarantine", "fix", "quarantine/0/0", "--set", "/event=Signed Up")
    assert fixed[-1] == {"released": 1}
    trackway.settle()
    trackway.wait_for(lambda: "nameless" in sink.keys, what="the mended event to be delivered", timeout_s=30)
    trackway.wait_for(lambda: pending(folder) == [0], what="its end", timeout_s=30)
    waited, mended = run_json(folder, "trace", "nameless")
    assert (waited["outcome"], mended["outcome"]) == ("quarantined", "event")
    assert mended["call"]["released"] == {"topic": "quarantine", "partition": 0, "offset": 0}
    assert run_json(folder, "quarantine", "list") == []
    found = ledger(folder)
    assert (found["balances"], found["accepted"]) == (True, 6)
    assert found["sources"][0]["released"] == {"event_not_defined": 1}


def test_a_replay_sends_what_the_destination_lacks(trackway: Trackway, sink: Sink) -> None:
    folder = trackway.folder
    [seen] = run_json(folder, "replay", "--to-destination", "hook", "--where", "event = 'Kept Away'", "--dry-run")
    assert (seen["to_send"], [one["message_id"] for one in seen["samples"]]) == (1, ["other"])
    assert "other" not in sink.keys
    [done] = run_json(folder, "replay", "--to-destination", "hook", "--from", "1 h", "--through-pipeline")
    assert (done["state"], done["delivered"], done["failed"], done["difference"]) == ("done", 1, {"400": 1}, 0)
    assert sink.keys["other"] == {"other"}
    assert outcomes(folder, "other") == [("event", [("discarded", None), ("delivered", done["id"])])]
    [again] = run_json(folder, "replay", "--to-destination", "hook")
    assert again["delivered"] == 0
    assert ledger(folder)["balances"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["replay", "--to-destination", "nowhere"], "there is no destination nowhere; there are: hook"),
        (["replay", "--to-destination", "hook", "--where", "event =="], "event ==\n"),
        (["replay", "--to-destination", "hook", "--from", "soon"], "Invalid value for --from: soon is neither a time"),
        (["replay", "--to-destination", "hook", "--from", "1m", "--to", "2m"], "Invalid value for --to"),
        (["quarantine", "fix", "quarantine/0/0", "--with", "nope.py"], "nope.py cannot be read: No such file"),
        (["quarantine", "show", "quarantine/0/99"], "there is no call at quarantine/0/99"),
        (["quarantine", "show", "12"], "write it like quarantine/0/12"),
        (["quarantine", "release"], "say which calls"),
        (["quarantine", "fix", "quarantine/0/0"], "say how to change"),
        (["ledger", "--source", "nobody"], "there is no source nobody; there are: web"),
        (["trace"], "give a message id"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_said(trackway: Trackway, arguments: list[str], complaint: str) -> None:
    ran = run(trackway.folder, *arguments)
    assert ran.exit_code != 0
    assert complaint in ran.output


def test_the_console_answers_with_the_same(trackway: Trackway) -> None:
    headers = {"Authorization": f"Bearer {trackway.token}"}
    told = send(f"{trackway.console_url}/api/ledger", method="GET", headers=headers).json()
    assert (told["differences"], told["accepted"]) == ({}, ledger(trackway.folder)["accepted"])
    stories = send(f"{trackway.console_url}/api/trace/good", method="GET", headers=headers).json()["stories"]
    assert [story["outcome"] for story in stories] == ["event", "dropped"]
    assert send(f"{trackway.console_url}/api/trace/good", method="GET").status == 401


def test_all_of_it_works_while_the_server_is_stopped(trackway: Trackway) -> None:
    """The last one here: it stops the product."""
    folder = trackway.folder
    running = [story["outcome"] for story in run_json(folder, "trace", "good")]
    trackway.stop()
    assert [story["outcome"] for story in run_json(folder, "trace", "good")] == running == ["event", "dropped"]
    [_, warehouse] = [story["warehouses"] for story in run_json(folder, "trace", "nameless")]
    assert {row["table"] for row in warehouse[0]["rows"]} == {"web.tracks", "web.signed_up"}
    assert ledger(folder)["balances"]
    [ordered] = run_json(folder, "replay", "--to-destination", "hook", "--no-wait")
    assert run_json(folder, "replay", "list")[0]["state"] == "waiting"
    assert run(folder, "replay", "cancel", str(ordered["id"])).exit_code == 0
