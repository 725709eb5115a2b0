import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from aiohttp import web
from rich.console import Console
from typer.testing import CliRunner

from tests.cli.serving import write_workspace
from tests.sdks.app_thread import AppThread
from trackway.cli import app, tables
from trackway.cli.sql import sql
from trackway.cli.tables import is_number, print_table
from trackway.warehouse.contract import QueryResult


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a warehouse file, and no server."""
    folder = write_workspace(tmp_path / "workspace", collector=1)
    (folder / "data").mkdir()
    with duckdb.connect(folder / "data" / "warehouse.duckdb") as db:
        db.execute("CREATE SCHEMA web; CREATE TABLE web.orders (name VARCHAR, revenue DOUBLE, tags VARCHAR[])")
        db.execute("INSERT INTO web.orders VALUES ('a lamp', 19.99, ['x']), (NULL, 5, NULL), ('ü,\"q\"', -1.5, [])")
    monkeypatch.setenv("TRACKWAY_WORKSPACE", str(folder))
    return folder


QUESTION = "select name, revenue, tags from orders order by revenue"


def test_without_a_server_the_file_answers(folder: Path, runner: CliRunner) -> None:
    result = runner.invoke(app, ["sql", QUESTION])
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        'name    revenue  tags\n'
        '------  -------  -----\n'
        'ü,"q"      -1.5  []\n'
        'NULL        5.0  NULL\n'
        'a lamp    19.99  ["x"]\n'
    )  # fmt: skip


def test_json_is_an_object_a_row(folder: Path, runner: CliRunner) -> None:
    for flags in (["--json"], ["--format", "json"]):
        lines = runner.invoke(app, ["sql", QUESTION, *flags]).stdout.splitlines()
        assert [json.loads(line) for line in lines] == [
            {"name": 'ü,"q"', "revenue": -1.5, "tags": []},
            {"name": None, "revenue": 5, "tags": None},
            {"name": "a lamp", "revenue": 19.99, "tags": ["x"]},
        ]
    twice = runner.invoke(app, ["sql", "select 1 as a, 2 as a", "--json"]).stdout
    assert json.loads(twice) == {"a": 1, "a_2": 2}


def test_csv_is_what_other_programs_read(folder: Path, runner: CliRunner) -> None:
    text = runner.invoke(app, ["sql", QUESTION, "--format", "csv"]).stdout
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["name", "revenue", "tags"],
        ['ü,"q"', "-1.5", "[]"],
        ["", "5.0", ""],
        ["a lamp", "19.99", '["x"]'],
    ]


def test_the_question_may_come_from_standard_input(folder: Path, runner: CliRunner) -> None:
    for arguments in (["sql", "-"], ["sql"]):
        assert "42" in runner.invoke(app, arguments, input="select 42 as answer").stdout


def test_more_rows_than_the_limit_are_told_of(folder: Path, runner: CliRunner) -> None:
    result = runner.invoke(app, ["sql", "select * from orders", "--limit", "2", "--json"])
    assert len(result.stdout.splitlines()) == 2
    assert "more rows than 2" in result.stderr
    whole = runner.invoke(app, ["sql", "select * from orders", "--limit", "3"])
    assert whole.stderr == ""


@pytest.mark.parametrize(
    ("question", "told"),
    [("selec 1", "syntax error"), ("drop table web.orders", "DROP"), ("select * from nothing", "nothing")],
)
def test_a_wrong_question_is_told_in_words(folder: Path, runner: CliRunner, question: str, told: str) -> None:
    result = runner.invoke(app, ["sql", question])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert told in result.stderr


def test_no_warehouse_yet(tmp_path: Path, runner: CliRunner) -> None:
    folder = write_workspace(tmp_path, collector=1)
    result = runner.invoke(app, ["sql", "select 1", "-w", str(folder)])
    assert result.exit_code == 1
    assert "`trackway up`" in result.stderr


def test_a_table_on_a_terminal_is_framed_and_shows_no_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(tables, "screen", lambda: Console(file=shown, force_terminal=True, width=60, color_system=None))
    rows = [["a\x1b[2Jb", 12.5], [None, 1000.25]]
    print_table(
        QueryResult(columns=["name", "sum"], types=["VARCHAR", "DOUBLE"], rows=rows, truncated=False, duration_s=0.003)
    )
    assert shown.getvalue() == (
        "╭────────┬─────────╮\n"
        "│ name   │     sum │\n"
        "├────────┼─────────┤\n"
        "│ a�[2Jb │    12.5 │\n"
        "│ NULL   │ 1000.25 │\n"
        "╰────────┴─────────╯\n"
        "2 rows in 3 ms\n"
    )


def test_a_conversation(folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions of one and of several lines, a mistake, Ctrl-C in the middle of one, and the end."""
    typed = iter(["select 1 as one;", "select name", "from orders", "", "selec;", "select", KeyboardInterrupt, "exit"])

    def type_next(_: str) -> str:
        found = next(typed)
        if isinstance(found, str):
            return found
        raise found

    monkeypatch.setattr("builtins.input", type_next)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    sql(workspace=folder)
    out, err = capsys.readouterr()
    assert out.split() == ["one", "---", "1", "name", "------", "a", "lamp", "NULL", 'ü,"q"']
    assert "syntax error" in err
    assert list(typed) == []


def test_numeric_types() -> None:
    assert all(map(is_number, ["BIGINT", "DOUBLE", "DECIMAL(18,3)", "HUGEINT", "float"]))
    assert not any(map(is_number, ["VARCHAR", "TIMESTAMP WITH TIME ZONE", "BOOLEAN", "BIGINT[]", "STRUCT(a INTEGER)"]))


class StandInConsole:
    """A stand-in for the running server's console, with its answers as the API gives them."""

    def __init__(self) -> None:
        self.token = "secret"
        self.asked: list[dict[str, object]] = []

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/api/sql", self.answer)
        return app

    async def answer(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"code": "wrong_token", "message": "this is not the console's token"}, status=401)
        assert request.content_type == "application/json"
        question = await request.json()
        self.asked.append(question)
        if question["sql"] == "bad":
            return web.json_response({"code": "query_failed", "message": "no such thing", "position": None}, status=400)
        columns = [{"name": "n", "type": "BIGINT"}, {"name": "at", "type": "TIMESTAMP"}]
        rows = [[7, datetime(2026, 11, 20, tzinfo=UTC).isoformat()]]
        return web.json_response({"columns": columns, "rows": rows, "truncated": False, "duration_ms": 1.5})


@pytest.fixture
def console(folder: Path) -> Iterator[StandInConsole]:
    found = StandInConsole()
    with AppThread(found.app) as serving:
        write_workspace(folder, collector=1, console=serving.port)
        (folder / "data" / "console-token").write_text("secret\n")
        yield found


def test_the_running_server_is_asked_first(console: StandInConsole, runner: CliRunner) -> None:
    result = runner.invoke(app, ["sql", "select n, at from x", "--limit", "5", "--json"])
    assert json.loads(result.stdout) == {"n": 7, "at": "2026-11-20T00:00:00+00:00"}
    assert console.asked[-1] == {"sql": "select n, at from x", "limit": 5}


def test_what_the_server_says_is_passed_on(console: StandInConsole, runner: CliRunner) -> None:
    result = runner.invoke(app, ["sql", "bad"])
    assert (result.exit_code, result.stderr) == (1, "no such thing\n")


def test_a_server_of_another_workspace_is_told_of(console: StandInConsole, runner: CliRunner) -> None:
    console.token = "another"
    result = runner.invoke(app, ["sql", "select 1"])
    assert result.exit_code == 1
    assert "another workspace" in result.stderr


def test_a_token_of_ones_own(console: StandInConsole, folder: Path, runner: CliRunner) -> None:
    console.token = "mine"
    file = folder / "trackway.yaml"
    file.write_text(file.read_text().replace("console: {", "console: {token: {env: MY_TOKEN}, "))
    assert runner.invoke(app, ["sql", "select 1"], env={"MY_TOKEN": "mine"}).exit_code == 0
