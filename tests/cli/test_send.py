import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.cli.serving import Collector
from trackway.cli import app


def bodies(collector: Collector) -> list[dict[str, object]]:
    return [json.loads(call.body) for call in collector.calls()]


def test_an_event_from_flags_arrives_as_it_was_meant(collector: Collector, runner: CliRunner) -> None:
    flags = ["--user", "u1", "-p", "revenue=19.99", "-p", "coupon=SAVE5", "-p", 'tags=["a"]', "-p", "note=007a"]
    more = ["--context", "app.name=Shop", "--context", "app.build=12", "--timestamp", "2026-11-20T10:00:00Z"]
    result = runner.invoke(app, ["send", "Order Completed", *flags, *more])
    assert result.exit_code == 0, result.output
    assert "Accepted" in result.output
    [record] = collector.calls()
    [call] = bodies(collector)
    assert record.source == "web"
    assert record.message_id == call["messageId"]
    assert record.message_id in result.output
    library = call["context"].pop("library")  # type: ignore[attr-defined]
    assert library["name"] == "trackway-cli"
    assert {key: value for key, value in call.items() if key != "messageId"} == {
        "type": "track",
        "event": "Order Completed",
        "userId": "u1",
        "properties": {"revenue": 19.99, "coupon": "SAVE5", "tags": ["a"], "note": "007a"},
        "context": {"app": {"name": "Shop", "build": 12}},
        "timestamp": "2026-11-20T10:00:00.000Z",
    }
    assert record.sent_at


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--type", "identify", "-u", "u1", "-p", "email=a@b.c"], {"userId": "u1", "traits": {"email": "a@b.c"}}),
        (
            ["Home", "--type", "page", "--anonymous", "a1", "--category", "Start"],
            {"name": "Home", "anonymousId": "a1", "category": "Start", "properties": {}},
        ),
        (["--type", "screen", "-u", "u1"], {"userId": "u1", "properties": {}}),
        (
            ["--type", "group", "-u", "u1", "--group", "g1", "-p", "seats=3"],
            {"userId": "u1", "groupId": "g1", "traits": {"seats": 3}},
        ),
        (["--type", "alias", "-u", "u1", "--previous", "a1"], {"userId": "u1", "previousId": "a1"}),
    ],
)
def test_every_type_of_call(
    collector: Collector, runner: CliRunner, flags: list[str], expected: dict[str, object]
) -> None:
    assert runner.invoke(app, ["send", *flags]).exit_code == 0
    [call] = bodies(collector)
    assert call.pop("type") == flags[flags.index("--type") + 1]
    assert {key: call[key] for key in call if key not in ("messageId", "context", "timestamp")} == expected


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ([], "NAME"),
        (["X", "--type", "purchase"], "--type"),
        (["X", "--type", "identify"], "NAME"),
        (["X", "-p", "revenue"], "-p"),
        (["--type", "alias", "-p", "a=1"], "-p"),
        (["X", "--context", "library.name.first=x"], "--context"),
        (["X", "--timestamp", "yesterday"], "--timestamp"),
        (["X", "--file", "y"], "NAME"),
        (["--file", "y", "--resume", "what"], "--resume"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(runner: CliRunner, flags: list[str], named: str) -> None:
    result = runner.invoke(app, ["send", *flags])
    assert result.exit_code == 2
    assert named in result.output


def test_a_refusal_is_told_and_is_exit_code_1(collector: Collector, runner: CliRunner) -> None:
    result = runner.invoke(app, ["send", "Signed Up"])
    assert result.exit_code == 1
    assert "/userId" in result.stderr
    assert "no_user_anon_id" in result.stderr
    assert [call.refusal.reason for call in collector.calls() if call.refusal] == ["no_user_anon_id"]


def test_json_prints_the_verdict(collector: Collector, runner: CliRunner) -> None:
    good = json.loads(runner.invoke(app, ["send", "X", "-u", "u1", "--message-id", "m-1", "--json"]).stdout)
    assert good == {"messageId": "m-1", "verdict": "accepted"}
    bad = runner.invoke(app, ["send", "X", "--message-id", "m-2", "--json"])
    assert bad.exit_code == 1
    verdict = json.loads(bad.stdout)
    assert verdict.pop("message")
    assert verdict == {"messageId": "m-2", "verdict": "invalid", "reason": "no_user_anon_id", "pointer": "/userId"}


def test_source_and_write_key_choose_the_source(collector: Collector, runner: CliRunner) -> None:
    assert runner.invoke(app, ["send", "A", "-u", "u", "--source", "app"]).exit_code == 0
    assert runner.invoke(app, ["send", "B", "-u", "u", "--write-key", "wk_app_old"]).exit_code == 0
    assert runner.invoke(app, ["send", "C", "-u", "u"]).exit_code == 0
    assert [call.source for call in collector.calls()] == ["app", "app", "web"]
    unknown = runner.invoke(app, ["send", "A", "-u", "u", "--source", "apq"])
    assert unknown.exit_code == 1
    assert "web, app" in unknown.stderr


def test_url_and_write_key_need_no_workspace(
    collector: Collector, runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKWAY_WORKSPACE", str(tmp_path / "nothing"))
    flags = ["--url", collector.url + "/", "--write-key", "wk_web"]
    assert runner.invoke(app, ["send", "A", "-u", "u", *flags]).exit_code == 0
    assert len(collector.calls()) == 1
    without = runner.invoke(app, ["send", "A", "-u", "u"])
    assert without.exit_code == 1
    assert "trackway up" in without.stderr


def test_a_wrong_write_key_is_one_sentence(collector: Collector, runner: CliRunner) -> None:
    result = runner.invoke(app, ["send", "A", "-u", "u", "--write-key", "nope"])
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "No source has this write key" in result.stderr


def test_nobody_there_is_one_sentence(collector: Collector, runner: CliRunner) -> None:
    collector.stop()
    result = runner.invoke(app, ["send", "A", "-u", "u"])
    assert result.exit_code == 1
    assert "`trackway up`" in result.stderr


def write_lines(file: Path, count: int) -> None:
    with file.open("w") as out:
        for number in range(1, count + 1):
            call = {"type": "track", "event": "Imported", "userId": "u1", "properties": {"line": number}}
            out.write(json.dumps(call) + "\n")


@pytest.mark.parametrize("gzip", [[], ["--gzip"]])
def test_every_line_of_a_file_arrives_once(
    collector: Collector, runner: CliRunner, tmp_path: Path, gzip: list[str]
) -> None:
    write_lines(tmp_path / "events.jsonl", 1234)
    result = runner.invoke(app, ["send", "--file", str(tmp_path / "events.jsonl"), "--batch", "50", *gzip])
    assert result.exit_code == 0, result.output
    assert "1,234 accepted, 0 refused" in result.stdout
    lines = [call["properties"]["line"] for call in bodies(collector)]  # type: ignore[index]
    assert sorted(lines) == list(range(1, 1235))
    assert len({call.message_id for call in collector.calls()}) == 1234


def test_refused_lines_are_named(collector: Collector, runner: CliRunner, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(
        '{"type":"track","event":"A","userId":"u","messageId":"m-1"}\n'
        "\n"
        "nonsense\n"
        '{"type":"track","userId":"u"}\n'
        '{"type":"identify","userId":"u","traits":{"n":NaN}}\n'
        '{"event":"no type","userId":"u"}\n'
    )
    result = runner.invoke(app, ["send", "-f", str(file), "--json"])
    assert result.exit_code == 1
    *refused, summary = map(json.loads, result.stdout.splitlines())
    assert [(one["line"], one["reason"], one.get("pointer")) for one in refused] == [
        (3, "body_not_json", None),
        (4, "event_not_defined", "/event"),
        (6, "type_unknown", "/type"),
    ]
    assert (summary["sent"], summary["accepted"], summary["refused"], summary["resume"]) == (5, 2, 3, None)
    accepted = [json.loads(call.body) for call in collector.calls() if call.refusal is None]
    assert accepted[0]["messageId"] == "m-1"
    assert accepted[1]["traits"] == {"n": None}
    shown = runner.invoke(app, ["send", "-f", str(file)])
    assert "line 4: refused at /event" in shown.stderr


def test_standard_input_is_read_too(collector: Collector, runner: CliRunner) -> None:
    lines = '{"type":"page","userId":"u1"}\n{"type":"page","userId":"u2"}'
    result = runner.invoke(app, ["send", "--file", "-"], input=lines)
    assert result.exit_code == 0, result.output
    assert [call["userId"] for call in bodies(collector)] == ["u1", "u2"]


def test_a_missing_file_is_one_sentence(collector: Collector, runner: CliRunner, tmp_path: Path) -> None:
    result = runner.invoke(app, ["send", "--file", str(tmp_path / "none.jsonl")])
    assert result.exit_code == 1
    assert "No such file" in result.stderr
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_a_call_that_came_before_is_a_duplicate_and_no_refusal(
    collector: Collector, runner: CliRunner, tmp_path: Path
) -> None:
    twice = ["send", "Signed Up", "-u", "u1", "--message-id", "m-twice"]
    assert runner.invoke(app, twice).exit_code == 0
    again = runner.invoke(app, twice)
    assert again.exit_code == 0 and "Duplicate  message id m-twice" in again.output and "refused" not in again.output
    assert json.loads(runner.invoke(app, [*twice, "--json"]).output)["verdict"] == "duplicate"

    file = tmp_path / "events.jsonl"
    file.write_text('{"type":"track","event":"Signed Up","userId":"u1","messageId":"m-twice"}\n')
    result = runner.invoke(app, ["send", "--file", str(file)])
    assert result.exit_code == 0 and "0 accepted, 1 duplicates, 0 refused." in result.output
