"""`trackway filter`, and `--where` of other commands."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from trackway.cli import app
from trackway.events.records import EVENTS, EventRecord, Place, encode
from trackway.node.logs import open_clean_log
from trackway.workspace import load_workspace

AT = 1_795_168_800_000


def run(*arguments: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, list(map(str, arguments)))
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def events(tmp_path: Path) -> Path:
    file = tmp_path / "events.jsonl"
    file.write_text('{"type":"track","event":"A","n":1}\n\n[1]\n{"type":"page","n":12}\n')
    return file


def test_the_events_that_a_query_asks_for(events: Path):
    result = run("filter", "test", "n > 5", events)
    assert result.stdout == '{"type":"page","n":12}\n'
    assert f"{events}:3: an event is a JSON object" in result.stderr
    assert "1 of 2 events." in result.stderr
    assert run("filter", "test", "n > 5", events, "--not").stdout == '{"type":"track","event":"A","n":1}\n'
    assert run("filter", "test", "n > 5", events, "--count").stdout == "1\n"
    assert json.loads(run("filter", "test", "all", events, "--count", "--json").stdout) == {"matched": 2, "total": 2}
    run("filter", "test", "n > 50", events, code=1)


def test_a_wrong_query_is_pointed_at(events: Path):
    output = run("filter", "test", "type == 'page'", events, code=1).output
    assert output.splitlines()[1:3] == ["  type == 'page'", "        ^"]


def test_a_querys_other_forms():
    shown = run("filter", "show", "(type='track') and !(  event = \"A\" )").stdout.splitlines()
    assert shown == [
        "type = 'track' and !(event = 'A')",
        '["and",["=","type",{"value":"track"}],["!",["=","event",{"value":"A"}]]]',
    ]


def test_where(tmp_path: Path):
    (tmp_path / "trackway.yaml").write_text("sources: {web: {write_keys: [wk]}}")
    clean = open_clean_log(load_workspace(tmp_path))
    with clean.writer(0) as writer:
        records = [
            EventRecord("web", "track", f"m{n}", "A", "u", None, AT, AT, Place(0, n), b'{"properties":{"n":%d}}' % n)
            for n in range(6)
        ]
        writer.append({EVENTS: [encode(record) for record in records]})
    clean.close()
    where = ("--where", "properties.n in [2, 4]", "-w", tmp_path)
    exported = [json.loads(line)["messageId"] for line in run("log", "export", *where).stdout.splitlines()]
    assert exported == ["m2", "m4"]
    tailed = [
        json.loads(line)["messageId"] for line in run("tail", "--no-follow", "--json", *where).stdout.splitlines()
    ]
    assert tailed == ["m2", "m4"]
    assert "^" in run("tail", "--no-follow", "--where", "n >", "-w", tmp_path, code=1).output
