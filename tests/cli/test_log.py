"""`trackway log` over real logs."""

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from trackway.cli import app
from trackway.events.records import (
    DROPPED,
    EVENTS,
    QUARANTINE,
    RAW,
    DroppedRecord,
    EventRecord,
    Finding,
    Place,
    QuarantineRecord,
    RawRecord,
    encode,
)
from trackway.events.verdicts import refuse
from trackway.node.logs import open_clean_log, open_raw_log
from trackway.workspace import load_workspace

AT = 1_795_168_800_000  # 2026-11-20T10:00:00Z


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "trackway.yaml").write_text("sources: {web: {write_keys: [wk]}}")
    workspace = load_workspace(tmp_path)
    raw, clean = open_raw_log(workspace), open_clean_log(workspace)
    with raw.writer(0) as writer:
        body = b'{"event":"A","userId":"u1"}'
        writer.append(
            {RAW: [encode(RawRecord("web", "track", "m1", AT, body, shared=b'{"context":{}}', ip="1.2.3.4"))]}
        )
    names = ("B", "A", "B", "A", "B")
    events = [
        EventRecord("web", "track", f"m{n}", name, f"u{n}", None, AT + n * 1000, AT, Place(0, n), b'{"n":%d}' % n)
        for n, name in enumerate(names)
    ]
    events[0] = EventRecord(*[getattr(events[0], f) for f in events[0].__struct_fields__[:-1]], [Finding("c", "/p")])
    bad = QuarantineRecord("web", "", "m7", AT, Place(0, 7), "collector", refuse("body_not_json"), b"{")
    again = DroppedRecord("web", "track", "m1", AT, Place(0, 8), "duplicate", Place(0, 1))
    with clean.writer(0) as writer:
        writer.append({EVENTS: [encode(e) for e in events], QUARANTINE: [encode(bad)], DROPPED: [encode(again)]})
    raw.close()
    clean.close()
    return tmp_path


def run(folder: Path, *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["log", *arguments, "-w", str(folder)])
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.output


def test_ls_names_every_segment_and_what_stands_in_it(folder: Path):
    raw, clean = [json.loads(line) for line in run(folder, "ls", "--json").splitlines()]
    assert (raw["log"], raw["offsets"]) == ("raw", {"raw": [0, 1]})
    assert clean["offsets"] == {"dropped": [0, 1], "events": [0, 5], "quarantine": [0, 1]}
    assert Path(clean["path"]).exists() and clean["size_bytes"] > 0
    assert "quarantine" in run(folder, "ls")


def test_show_prints_one_record_in_the_words_of_the_wire(folder: Path):
    assert json.loads(run(folder, "show", "events/0/0")) == {
        "topic": "events",
        "partition": 0,
        "offset": 0,
        "source": "web",
        "type": "track",
        "messageId": "m0",
        "name": "B",
        "userId": "u0",
        "receivedAt": "2026-11-20T10:00:00.000Z",
        "timestamp": "2026-11-20T10:00:00.000Z",
        "raw": {"partition": 0, "offset": 0},
        "call": {"n": 0},
        "findings": [{"code": "c", "pointer": "/p", "detail": ""}],
    }
    shown = json.loads(run(folder, "show", "raw/0/0"))
    assert shown["call"] == {"event": "A", "userId": "u1"} and shown["shared"] == {"context": {}}
    shown = json.loads(run(folder, "show", "quarantine/0/0"))
    assert shown["call"] == "{" and shown["refusal"]["reason"] == "body_not_json"
    assert json.loads(run(folder, "show", "dropped/0/0"))["original"] == {"partition": 0, "offset": 1}


@pytest.mark.parametrize(
    ("position", "message"),
    [("events/0/9", "deleted by now, or not yet there"), ("nope/0/0", "no topic nope"), ("events", "is no position")],
)
def test_show_says_what_is_wrong_with_a_position(folder: Path, position: str, message: str):
    assert message in " ".join(run(folder, "show", position, code=1).split())


def test_verify_counts_and_finds(folder: Path):
    assert json.loads(run(folder, "verify", "--json")) == {"records": 8, "faults": 0, "lost": 0}
    assert "8 records, no faults." in run(folder, "verify")
    (segment,) = (folder / "data" / "log" / "raw" / "p00000").glob("*.segment")
    segment.write_bytes(b"\0" * 8192)
    found = run(folder, "verify", code=1)
    assert "unreadable" in found and "1 fault." in found


def test_repair_writes_off_what_cannot_be_read_and_keeps_the_file(folder: Path):
    assert json.loads(run(folder, "repair", "--json")) == {"segments": 0, "lost": 0}
    (segment,) = (folder / "data" / "log" / "clean" / "p00000").glob("*.segment")
    content = bytearray(segment.read_bytes())
    content[content.index(b'{"n":2}')] ^= 1
    segment.write_bytes(content)
    assert "trackway log repair" in run(folder, "export", code=1)
    assert "altered" in run(folder, "verify", code=1)
    assert "5 records would be written off" in run(folder, "repair", "--dry-run")
    assert "altered" in run(folder, "verify", code=1)
    repaired, total = [json.loads(line) for line in run(folder, "repair", "--json").splitlines()]
    assert repaired["lost"] == [{"topic": "events", "first": 0, "next": 5}]
    assert total == {"segments": 1, "lost": 5}
    assert Path(repaired["damaged"]).read_bytes() == bytes(content)
    assert "3 records, no faults. 5 were written off earlier." in " ".join(run(folder, "verify").split())
    assert run(folder, "export") == ""
    assert len(run(folder, "export", "--topic", "quarantine").splitlines()) == 1
    assert "0 damaged segments" in run(folder, "repair")


def test_a_segment_that_cannot_be_opened_is_listed_and_repaired(folder: Path):
    (segment,) = (folder / "data" / "log" / "raw" / "p00000").glob("*.segment")
    segment.write_bytes(b"")
    listed = [json.loads(line) for line in run(folder, "ls", "--json").splitlines()]
    assert "the file is empty" in listed[0]["damage"] and listed[1]["damage"] == ""
    assert "(damaged)" in run(folder, "ls")
    run(folder, "repair")
    assert json.loads(run(folder, "ls", "--json").splitlines()[0])["damage"] == ""


def test_a_log_that_is_being_written_is_not_repaired_and_has_one_writer(folder: Path):
    with closing(open_raw_log(load_workspace(folder))) as raw, raw.writer(0):
        child = subprocess.run(
            [Path(sys.executable).with_name("trackway"), "log", "repair", "-w", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert child.returncode == 1
    message = " ".join(child.stderr.split())
    assert f"being written by process {os.getpid()}; stop it, or use another workspace" in message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        (["--message-id", "m1", "--message-id", "m4"], ["m1", "m4"]),
        (["--from", "1", "--to", "2"], ["m1", "m2"]),
        (["--partition", "0", "--from", "3"], ["m3", "m4"]),
        (["--partition", "1"], []),
        (["--type", "track", "--to", "0"], ["m0"]),
        (["--type", "page"], []),
        (["--source", "web", "--name", "B", "--to", "90"], ["m0", "m2", "m4"]),
    ],
    ids=" ".join,
)
def test_export_filters_by_id_and_position(folder: Path, filters: list[str], ids: list[str]):
    lines = run(folder, "export", *filters).splitlines()
    assert [json.loads(line)["messageId"] for line in lines] == ids


def test_an_export_that_fails_leaves_no_file_and_the_old_one_as_it_was(folder: Path, tmp_path: Path):
    out = tmp_path / "out.jsonl"
    out.write_text("of yesterday")
    (segment,) = (folder / "data" / "log" / "clean" / "p00000").glob("*.segment")
    content = bytearray(segment.read_bytes())
    content[content.index(b'{"n":2}')] ^= 1
    segment.write_bytes(content)
    run(folder, "export", "--out", str(out), code=1)
    assert out.read_text() == "of yesterday"
    assert list(tmp_path.glob("out*")) == [out]


def test_export_writes_what_the_filters_keep(folder: Path):
    lines = [json.loads(line) for line in run(folder, "export").splitlines()]
    assert [line["offset"] for line in lines] == [0, 1, 2, 3, 4]
    lines = run(folder, "export", "--name", "A", "--since", "2026-11-20T10:00:02").splitlines()
    assert [json.loads(line)["messageId"] for line in lines] == ["m3"]
    lines = run(folder, "export", "--until", "2026-11-20T10:00:02").splitlines()
    assert [json.loads(line)["messageId"] for line in lines] == ["m0", "m1"]
    assert run(folder, "export", "--source", "other") == ""


@pytest.mark.parametrize("topic", ["raw", "events", "quarantine", "dropped"])
def test_export_to_parquet_holds_every_record(folder: Path, topic: str, tmp_path: Path):
    out = tmp_path / "out.parquet"
    run(folder, "export", "--topic", topic, "--format", "parquet", "--out", str(out))
    rows = pq.read_table(out).to_pylist()
    expected = [json.loads(line) for line in run(folder, "export", "--topic", topic).splitlines()]
    assert [(row["topic"], row["offset"], row["messageId"]) for row in rows] == [
        (one["topic"], one["offset"], one["messageId"]) for one in expected
    ]
    for row, one in zip(rows, expected, strict=True):
        assert (json.loads(row["call"]) if row["call"] else None) == one.get("call")
    assert "with --out" in run(folder, "export", "--format", "parquet", code=1)
