import contextlib
import fcntl
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.cli.serving import Collector, bound_socket, write_workspace
from trackway.cli import app
from trackway.cli.checks.finding import CheckResult, size
from trackway.cli.checks.installation import check_compiled
from trackway.cli.checks.machine import (
    check_clock,
    check_descriptors,
    check_disk,
    check_python,
    check_sync,
    sync_times_ms,
)
from trackway.cli.checks.ports import check_port, is_running
from trackway.node.logs import open_clean_log

GIB = 1024**3


def report(runner: CliRunner, folder: Path) -> tuple[int, dict[str, CheckResult]]:
    result = runner.invoke(app, ["doctor", "--json", "-w", str(folder)])
    answer = json.loads(result.stdout)
    checks = {one["name"]: CheckResult(**one) for one in answer["checks"]}
    assert answer["ok"] == (result.exit_code == 0)
    assert all(one.advice for one in checks.values() if one.status != "OK")
    return result.exit_code, checks


def add_settings(folder: Path, text: str) -> None:
    with (folder / "trackway.yaml").open("a") as file:
        file.write(text)


@contextlib.contextmanager
def server_lock(folder: Path):
    """Hold what a running server holds."""
    (folder / "data").mkdir(exist_ok=True)
    with (folder / "data" / "trackway.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def free_port() -> int:
    with bound_socket() as probe:
        return probe.getsockname()[1]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("pipeline: {geo_file: gone.mmdb}", "gone.mmdb cannot be read"),
        ("", "plans/shop.yaml:"),
    ],
)
def test_what_keeps_the_pipeline_from_starting_is_told(
    tmp_path: Path, runner: CliRunner, settings: str, told: str
) -> None:
    folder = write_workspace(tmp_path, collector=free_port(), console=free_port())
    assert report(runner, folder)[1]["pipeline"].status == "OK"
    if settings:
        add_settings(folder, f"\n{settings}\n")
    else:
        (folder / "plans").mkdir()
        (folder / "plans" / "shop.yaml").write_text("track: [1")
    code, checks = report(runner, folder)
    assert (code, checks["pipeline"].status) == (1, "FAIL")
    assert told in checks["pipeline"].finding


def test_a_new_workspace_is_fine(tmp_path: Path, runner: CliRunner) -> None:
    folder = write_workspace(tmp_path, collector=free_port(), console=free_port())
    code, checks = report(runner, folder)
    assert code == 0
    assert {
        name: one.status for name, one in checks.items() if name not in ("compiled", "fsync", "disk", "open files")
    } == {
        "python": "OK",
        "workspace": "OK",
        "collector": "OK",
        "console": "OK",
        "clock": "OK",
        "pipeline": "OK",
        "log": "OK",
        "warehouse": "OK",
    }
    assert "2 sources, 0 destinations, 1 warehouse" in checks["workspace"].finding
    # Looking does not make anything.
    assert [path.name for path in folder.iterdir()] == ["trackway.yaml"]


def test_no_workspace(tmp_path: Path, runner: CliRunner) -> None:
    code, checks = report(runner, tmp_path / "none")
    assert code == 1
    assert checks["workspace"].status == "FAIL"
    assert "trackway up" in checks["workspace"].advice
    assert "fsync" in checks


def test_a_wrong_setting_is_named_with_its_place(tmp_path: Path, runner: CliRunner) -> None:
    folder = write_workspace(tmp_path, collector=1)
    add_settings(folder, "log: {kepe: 7 days}\n")
    code, checks = report(runner, folder)
    assert code == 1
    assert "did you mean keep?" in checks["workspace"].finding
    assert "log.kepe" in checks["workspace"].advice


def test_destinations_have_to_take_their_settings(tmp_path: Path, runner: CliRunner) -> None:
    folder = write_workspace(tmp_path, collector=free_port(), console=free_port())
    add_settings(
        folder,
        "destinations:\n"
        "  good: {type: webhook, settings: {url: 'https://example.com/hook'}}\n"
        "  typo: {type: webhook, settings: {ulr: 'https://example.com/hook'}}\n"
        "  none: {type: webhok}\n",
    )
    code, checks = report(runner, folder)
    assert code == 1
    assert checks["destination good"].status == "OK"
    assert checks["destination typo"].status == checks["destination none"].status == "FAIL"
    assert "destinations.typo.settings.ulr" in checks["destination typo"].finding
    assert "did you mean webhook?" in checks["destination none"].finding


def test_the_logs_of_a_used_workspace(collector: Collector, runner: CliRunner) -> None:
    for _ in range(3):
        assert runner.invoke(app, ["send", "A", "-u", "u"]).exit_code == 0
    assert runner.invoke(app, ["send", "A"]).exit_code == 1
    collector.process()
    with server_lock(collector.folder):
        _, checks = report(runner, collector.folder)
    assert checks["collector"].finding.startswith(f"our server answers at 127.0.0.1:{collector.port}")
    assert checks["raw log"].finding.startswith("4 raw;")
    assert checks["clean log"].finding.startswith("3 events, 1 quarantine, 0 dropped;")
    assert checks["consumer pipeline"].finding == "up to date in raw"


def test_a_consumer_far_behind_is_a_warning(
    collector: Collector, runner: CliRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("A", "B"):
        assert runner.invoke(app, ["send", name, "-u", "u"]).exit_code == 0
    collector.process()
    with contextlib.closing(open_clean_log(collector.workspace)) as log:
        log.reader("events", consumer="destination:hook").close()
    _, checks = report(runner, collector.folder)
    assert (checks["consumer hook"].status, checks["consumer hook"].finding) == ("OK", "2 records behind in events")
    monkeypatch.setattr("trackway.cli.checks.data._FAR_BEHIND", 1)
    code, checks = report(runner, collector.folder)
    assert (code, checks["consumer hook"].status) == (1 if _has_failure(checks) else 0, "WARN")


def _has_failure(checks: dict[str, CheckResult]) -> bool:
    return any(one.status == "FAIL" for one in checks.values())


def test_a_damaged_log_is_found(collector: Collector, runner: CliRunner) -> None:
    assert runner.invoke(app, ["send", "A", "-u", "u"]).exit_code == 0
    collector.process()
    collector.stop()
    for file in (collector.folder / "data" / "log" / "clean").rglob("*.segment-wal"):
        file.unlink()
    for file in (collector.folder / "data" / "log" / "clean").rglob("*.segment"):
        file.write_bytes(b"not a database" * 1000)
    code, checks = report(runner, collector.folder)
    assert code == 1
    assert checks["log"].status == "FAIL"


def test_a_damaged_warehouse_is_found(tmp_path: Path, runner: CliRunner) -> None:
    folder = write_workspace(tmp_path, collector=free_port(), console=free_port())
    (folder / "data").mkdir()
    (folder / "data" / "warehouse.duckdb").write_bytes(b"not a database" * 1000)
    code, checks = report(runner, folder)
    assert code == 1
    assert checks["warehouse"].status == "FAIL"


def test_people_get_lines_and_advice(tmp_path: Path, runner: CliRunner) -> None:
    result = runner.invoke(app, ["doctor", "-w", str(tmp_path)])
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert lines[0].startswith("OK    python")
    assert lines[1].startswith("FAIL  workspace")
    assert lines[2].strip().startswith("→ `trackway up")


# Ports


def check(folder: Path, port: int) -> CheckResult:
    return check_port("collector", "127.0.0.1", port, path="/healthz", data=folder / "data")


def test_a_port_that_another_program_has(tmp_path: Path) -> None:
    with bound_socket() as taken:
        found = check(tmp_path, taken.getsockname()[1])
    assert found.status == "FAIL"
    assert "another program" in found.finding
    assert "collector.port" in found.advice


def test_a_port_of_our_own_server_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackway.cli.checks.ports._TIMEOUT_S", 0.2)
    with bound_socket() as deaf, server_lock(tmp_path):
        found = check(tmp_path, deaf.getsockname()[1])
    assert found.status == "WARN"
    assert "does not answer" in found.finding


def test_a_server_that_runs_on_another_port(tmp_path: Path) -> None:
    with server_lock(tmp_path):
        found = check(tmp_path, free_port())
    assert found.status == "WARN"
    assert "TRACKWAY__COLLECTOR__" in found.advice


def test_an_address_that_is_not_ours(tmp_path: Path) -> None:
    found = check_port("console", "192.0.2.1", 8081, path="/login", data=tmp_path)
    assert found.status == "FAIL"
    assert "EADDRNOTAVAIL" in found.finding


def test_a_free_port_stays_free(tmp_path: Path) -> None:
    port = free_port()
    assert [check(tmp_path, port).status for _ in range(2)] == ["OK", "OK"]
    assert not is_running(tmp_path / "data")


# The installation


def test_parts_that_are_not_compiled_are_warned_of(tmp_path: Path) -> None:
    assert check_compiled(tmp_path).status == "OK"
    (tmp_path / "trackway" / "events").mkdir(parents=True)
    (tmp_path / "trackway" / "events" / "never_compiled.pyx").touch()
    found = check_compiled(tmp_path)
    assert found.status == "WARN"
    assert "trackway.events.never_compiled" in found.finding
    assert "apt-get install gcc libc6-dev python3-dev" in found.advice


def test_parts_that_are_compiled_are_named(tmp_path: Path) -> None:
    (tmp_path / "trackway" / "events").mkdir(parents=True)
    (tmp_path / "trackway" / "events" / "ids.pyx").touch()  # of a module that can be imported
    found = check_compiled(tmp_path)
    assert (found.status, found.finding) == ("OK", "trackway.events.ids")


# The machine


def test_python_below_the_floor() -> None:
    assert check_python((3, 10)).status == "FAIL"
    assert check_python((3, 11), (3, 53, 4)).status == "OK"


def test_a_sqlite_that_may_lose_commits_is_warned_of() -> None:
    found = check_python((3, 13), (3, 40, 1))
    assert found.status == "WARN"
    assert "3.51.3" in found.advice


@pytest.mark.parametrize(
    ("free", "log_bytes", "status"),
    [(50 * GIB, 0, "OK"), (30 * GIB, 0, "WARN"), (30 * GIB, 15 * GIB, "OK"), (GIB // 4, 40 * GIB, "FAIL")],
)
def test_disk_space_is_held_against_what_the_logs_may_take(
    tmp_path: Path, free: int, log_bytes: int, status: str
) -> None:
    assert check_disk(tmp_path, log_bytes=log_bytes, most_log_bytes=40 * GIB, free=free).status == status


@pytest.mark.parametrize(("median_ms", "word"), [(0.4, "good"), (4, "slow"), (40, "bad")])
def test_sync_speed_is_judged_by_the_median(tmp_path: Path, median_ms: float, word: str) -> None:
    found = check_sync(tmp_path, measure=lambda _: [0.1, median_ms, 900.0])
    assert found.finding.startswith(f"{word}: {median_ms:.2f} ms in the middle, 900.00 ms at most")
    assert found.status == ("OK" if word == "good" else "WARN")


def test_sync_speed_is_really_measured_and_leaves_nothing(tmp_path: Path) -> None:
    times_ms = sync_times_ms(tmp_path)
    assert len(times_ms) == 50
    assert all(one > 0 for one in times_ms)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    def refuse(_: Path) -> list[float]:
        raise PermissionError(13, "Permission denied")

    found = check_sync(tmp_path, measure=refuse)
    assert found.status == "FAIL"
    assert "Permission denied" in found.finding


def test_the_clock() -> None:
    assert check_clock().status == "OK"
    assert check_clock(now_s=0).status == "FAIL"
    now_s = 1_795_168_800.0
    assert check_clock(now_s=now_s, newest_record_s=now_s + 1).status == "OK"
    assert check_clock(now_s=now_s, newest_record_s=now_s + 3600).status == "WARN"


@pytest.mark.parametrize(("limit", "status"), [(65536, "OK"), (1024, "WARN"), (256, "FAIL")])
def test_open_files(limit: int, status: str) -> None:
    assert check_descriptors(limit).status == status


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (20 * GIB, "20.0 GiB"), (5 * 1024**4, "5.0 TiB")],
)
def test_sizes(count: int, shown: str) -> None:
    assert size(count) == shown
