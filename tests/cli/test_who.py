"""`trackway who`, on a state database as the hub leaves it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trackway.cli import app
from trackway.events.records import Place
from trackway.identity.evidence import ANONYMOUS, USER, Evidence, Id
from trackway.identity.ledger import IdentityLedger
from trackway.state import open_state
from trackway.workspace.create import create_workspace

NOON = 1_795_780_800_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_workspace(tmp_path)
    engine = open_state(tmp_path / "data" / "state.db")
    pairs = [("u1", "a1"), ("u1", "a2"), ("u2", "a2")]
    evidence = [
        Evidence("identify", (Id(USER, user), Id(ANONYMOUS, anonymous)), "", "web", f"m{n}", NOON + n, Place(0, n))
        for n, (user, anonymous) in enumerate(pairs)
    ]
    evidence += [
        Evidence("group", (Id(USER, user),), "acme", "web", f"g{n}", NOON + n * 1000, Place(0, n))
        for n, user in enumerate(["u1", "u-77", "u1"], len(pairs))
    ]
    IdentityLedger(engine).take(evidence, {0: len(evidence)})
    engine.dispose()
    return tmp_path


def who(folder: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["who", *arguments, "--workspace", str(folder)])
    return result.exit_code, result.output


def test_a_person_and_their_history(folder: Path):
    code, shown = who(folder, "a1")
    assert code == 0
    assert "anonymous  a2  since 2026-11-27 12:00:00Z" in shown
    assert "joined  anonymous:a1 = user:u1  by identify m0 of web, link 1" in shown
    assert "refused anonymous:a2 = user:u2  by identify m2 of web, link 3" in shown
    assert "do not join two users" in shown


def test_json_and_undoing_a_link(folder: Path):
    code, shown = who(folder, "u1", "--undo", "2", "--json")
    assert code == 0
    parted = [json.loads(line) for line in shown.splitlines()]
    assert sorted([member["id"] for member in person["ids"]] for person in parted) == [["a1", "u1"], ["a2"]]
    code, shown = who(folder, "u1")
    assert "Undone" in shown
    assert who(folder, "u1", "--undo", "77")[0] == 1
    assert "u1 has no link 77" in who(folder, "u1", "--undo", "77")[1]


def test_a_group(folder: Path):
    code, shown = who(folder, "acme")
    assert code == 0
    assert [line.rstrip() for line in shown.splitlines()] == [
        "Group acme",
        "  2 user ids belong to it:",
        "  user       u-77  since 2026-11-27 12:00:04Z",
        "  user       u1    since 2026-11-27 12:00:03Z",
    ]
    code, shown = who(folder, "group:acme", "--json")
    assert [(one["group"], one["counts"], len(one["members"])) for one in map(json.loads, shown.splitlines())] == [
        ("acme", {"user": 2}, 2)
    ]


def test_of_a_large_group_the_newest_are_shown(folder: Path):
    engine = open_state(folder / "data" / "state.db")
    evidence = [
        Evidence("group", (Id(USER, f"m{n}"),), "large", "web", f"g{n}", NOON + n, Place(0, n)) for n in range(2000)
    ]
    IdentityLedger(engine).take(evidence, {0: 9_000})
    engine.dispose()
    _, shown = who(folder, "large")
    lines = shown.splitlines()
    assert lines[1] == "  2,000 user ids belong to it; the first 50, newest first:"
    assert len(lines) == 52
    assert "m1999" in lines[2]


def test_nobody(folder: Path):
    code, shown = who(folder, "stranger")
    assert code == 1
    assert "Nobody is known as stranger" in shown
