"""`trackway warehouse`, by itself and with the server running."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import Result
from typer.testing import CliRunner

from tests.running import start_trackway
from trackway.cli import app
from trackway.cli.asking import fetch
from trackway.workspace import load_workspace

YAML = """
sources: {web: {write_keys: [wk]}}
warehouses: {duckdb: {load_every: 100ms}}
"""


def run(folder: Path, *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, ["warehouse", *arguments, "-w", str(folder)])
    assert result.exit_code == code, result.output
    return result


def run_json(folder: Path, *arguments: str, code: int = 0) -> list[Any]:
    return [json.loads(line) for line in run(folder, *arguments, "--json", code=code).stdout.splitlines()]


def metrics(folder: Path) -> str:
    return fetch(load_workspace(folder), "/metrics").decode()


def check(folder: Path, *, misfits: int) -> None:
    """What holds with a server and without."""
    rows = 2 + misfits
    [found] = run_json(folder, "verify")
    assert found["differences"] == 0
    assert {one["table"]: one["rows"] for one in found["tables"]}["web.seen"] == rows
    assert "0 differences" in run(folder, "verify").stdout
    run(folder, "retype", "seen", "v", "integer")
    [rebuilt] = run_json(folder, "rebuild", "web.seen")
    assert (rebuilt["rows"], rebuilt["diverted"]) == (rows, misfits)
    [status] = run_json(folder, "status")
    assert status["name"] == "duckdb"
    loads = run_json(folder, "loads")
    assert sum(one["events"] for one in loads) == rows + 1
    assert sum(one["rows"].get("web.seen", 0) for one in loads) == rows
    assert all(one["duration_s"] > 0 and one["lag_s"] >= 0 for one in loads)
    assert "no table nothing" in run(folder, "rebuild", "nothing", code=1).output
    path = Path(run(folder, "snapshot").stdout.strip())
    with duckdb.connect(path, read_only=True) as connection:
        found = connection.execute("SELECT v, _rest FROM web.seen ORDER BY id").fetchall()
    assert found == [(1, None), (None, '{"v":"x"}'), (3, None), (None, '{"v":"y"}')][:rows]


def test_it_works_with_the_server_and_without(tmp_path: Path):
    with start_trackway(tmp_path) as trackway:
        for number, value in enumerate((1, "x", 3)):
            call = {"userId": "u1", "event": "Seen", "messageId": f"m{number}", "properties": {"v": value}}
            assert trackway.post("/v1/track", call).status == 200
        assert trackway.post("/v1/identify", {"userId": "u1", "traits": {"a": 1}}).status == 200
        trackway.settle()
        check(tmp_path, misfits=1)
        late = {"userId": "u1", "event": "Seen", "messageId": "m9", "properties": {"v": "y"}}
        assert trackway.post("/v1/track", late).status == 200
        trackway.settle()
        said = "web.seen.v: 1 values did not fit"
        trackway.wait_for(lambda: said in run(tmp_path, "status").stdout, what="the finding")
        assert 'trackway_warehouse_diverted_values_total{warehouse="duckdb"} 1.0' in metrics(tmp_path)
    check(tmp_path, misfits=2)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("retype", "seen", "v", "money"), "money is no type"),
        (("verify", "--warehouse", "other"), "no warehouse other"),
    ],
)
def test_what_cannot_be_done_is_told(tmp_path: Path, arguments: tuple[str, ...], why: str):
    (tmp_path / "trackway.yaml").write_text(YAML)
    assert why in " ".join(run(tmp_path, *arguments, code=1).output.split())
