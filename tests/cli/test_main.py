import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trackway import __version__
from trackway.cli import app, main
from trackway.cli.options import find_workspace, local_url

HEAVY = ("aiohttp", "alembic", "duckdb", "numpy", "pyarrow", "rocksdict", "sqlalchemy", "starlette", "uvicorn")
COMMANDS = ("send", "tail", "sql", "demo", "doctor")


def modules_after(code: str) -> set[str]:
    """The top-level modules that are imported after `code` ran in a process of its own."""
    script = f"{code}\nimport sys; print('\\n'.join({{name.partition('.')[0] for name in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_help_names_every_command_and_imports_none() -> None:
    script = "from trackway.cli import main; import sys; sys.argv = ['trackway', '--help']; main()"
    guarded = f"try:\n    {script}\nexcept SystemExit as end: assert not end.code"
    assert modules_after(guarded).isdisjoint({*HEAVY, "msgspec", "yaml"})
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert all(name in result.output for name in ("up", *COMMANDS))


def test_a_defect_is_told_in_a_sentence_and_its_traceback_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise KeyError("nobody thought of this\nsecond line")

    monkeypatch.setattr("trackway.cli.app", fail)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 70
    [file] = tmp_path.iterdir()
    told = capsys.readouterr().err
    assert told.startswith("Trackway has a defect: KeyError: ") and str(file) in told and told.count("\n") == 1
    assert "Traceback" in file.read_text() and "in fail" in file.read_text()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_imports_nothing_heavy_before_it_runs(command: str) -> None:
    assert modules_after(f"import trackway.cli.{command}").isdisjoint(HEAVY)


@pytest.mark.parametrize("command", ["up", *COMMANDS])
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(app, [command, "-h"])
    assert result.exit_code == 0
    assert "--workspace" in result.output


def test_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).output == f"trackway {__version__}\n"


def test_a_mistyped_command_is_a_usage_error_with_a_hint() -> None:
    result = CliRunner().invoke(app, ["sned"])
    assert result.exit_code == 2
    assert "send" in result.output


def test_an_error_is_one_sentence_without_a_traceback(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", "from trackway.cli import main; main()", "tail", "-w", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr == f"{tmp_path}/trackway.yaml does not exist; `trackway up --workspace {tmp_path}` makes one\n"


def test_the_workspace_is_below_or_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_workspace(tmp_path / "given") == tmp_path / "given"
    assert find_workspace(None) == Path("workspace")
    (tmp_path / "trackway.yaml").touch()
    assert find_workspace(None) == Path()
    (tmp_path / "workspace").mkdir()
    assert find_workspace(None) == Path()
    (tmp_path / "workspace" / "trackway.yaml").touch()
    assert find_workspace(None) == Path("workspace")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("::", "http://[::1]:8080"),
        ("fd00::1", "http://[fd00::1]:8080"),
        ("shop.internal", "http://shop.internal:8080"),
    ],
)
def test_a_server_is_reached_where_it_listens(host: str, expected: str) -> None:
    assert local_url(host, 8080) == expected
