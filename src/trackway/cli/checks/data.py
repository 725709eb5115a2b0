"""Checks of the workspace: its file, its logs, its warehouses and destinations."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from trackway.cli.asking import open_warehouse
from trackway.cli.checks.finding import CheckResult, fail, ok, size, warn
from trackway.cli.checks.ports import is_running
from trackway.delivery.refusals import Refusal, in_words, refusals, troubles
from trackway.destinations import registry
from trackway.errors import TrackwayError
from trackway.log import consumers
from trackway.log.contract import EventLog
from trackway.log.sqlite import SqliteLog
from trackway.node.lag import lags
from trackway.node.logs import open_clean_log, open_raw_log
from trackway.pipeline.chain import build_chain
from trackway.state import open_state
from trackway.workspace import Workspace, WorkspaceError, load_workspace
from trackway.workspace.load import FILE_NAME
from trackway.workspace.model import Warehouse

_FAR_BEHIND = 100_000


class LogFacts(NamedTuple):
    """What the logs told."""

    results: list[CheckResult]
    size_bytes: int
    newest_record_s: float | None
    """Epoch seconds, when there is any."""


def check_workspace(folder: Path) -> tuple[CheckResult, Workspace | None]:
    """Check `trackway.yaml`, and return it if it can be used."""
    try:
        settings = load_workspace(folder)
    except WorkspaceError as error:
        if not (folder / FILE_NAME).exists():
            advice = f"`trackway up --workspace {folder}` makes one; or name another folder with --workspace"
            return fail("workspace", f"there is no {folder / FILE_NAME}", advice), None
        place = f"at {error.where}" if error.where else "in the file"
        return fail("workspace", str(error), f"correct it {place}: {folder / FILE_NAME}"), None
    parts = [
        (len(settings.sources), "source"),
        (len(settings.destinations), "destination"),
        (len(settings.warehouses), "warehouse"),
    ]
    counts = ", ".join(f"{count} {noun}{'' if count == 1 else 's'}" for count, noun in parts)
    return ok("workspace", f"{settings.folder / FILE_NAME}: {counts}"), settings


def check_pipeline(settings: Workspace) -> CheckResult:
    """Check what the pipeline needs besides `trackway.yaml`: tracking plans, functions, and the file of places."""
    try:
        build_chain(settings)
    except TrackwayError as error:
        advice = "correct it; a running pipeline goes on as before, one that starts waits, and calls are kept meanwhile"
        return fail("pipeline", str(error), advice)
    return ok("pipeline", "plans, functions and other files are there")


def check_logs(settings: Workspace) -> LogFacts:
    """Check that both logs can be read to their ends, and how far their consumers are behind."""
    if not (settings.data / "log").is_dir():
        return LogFacts([ok("log", "empty: nothing has been sent yet")], 0, None)
    try:
        raw, clean = open_raw_log(settings), open_clean_log(settings)
        try:
            newest = [moment for log in (raw, clean) if (moment := _newest_s(log)) is not None]
            results = [_describe("raw log", raw), _describe("clean log", clean), *_consumers(raw, clean)]
            return LogFacts(results, raw.size_bytes() + clean.size_bytes(), max(newest, default=None))
        finally:
            raw.close()
            clean.close()
    except Exception as error:  # noqa: BLE001 - a damaged file may fail in any way, and that is what is looked for
        what = f"it cannot be read: {type(error).__name__}: {error}"
        return LogFacts([fail("log", what, f"keep a copy of {settings.data / 'log'} and report this")], 0, None)


def check_warehouses(settings: Workspace) -> list[CheckResult]:
    """Check that the warehouses answer."""
    enabled = {name: one for name, one in settings.warehouses.items() if one.enabled}
    if not enabled:
        return [ok("warehouse", "none is switched on")]
    return [result for name, one in enabled.items() for result in _check_warehouse(settings, name, one)]


_COUNT_TABLES = "select count(*) from information_schema.tables where table_schema not in (%s)"
_NOT_OURS = "'_trackway', 'information_schema', 'pg_catalog'"


def _check_warehouse(settings: Workspace, name: str, one: Warehouse) -> list[CheckResult]:
    path = settings.folder / one.path
    if one.type == "duckdb" and not path.exists():
        return [ok("warehouse", f"{name}: not made yet; the server makes it")]
    try:
        with open_warehouse(settings, name) as ask:
            tables = ask(_COUNT_TABLES % _NOT_OURS, 1).rows[0][0]
    except TrackwayError as error:
        if one.type != "duckdb":
            return [
                fail("warehouse", f"{name}: {error}", f"correct warehouses.{name} in {settings.folder / FILE_NAME}")
            ]
        if is_running(settings.data):
            advice = "the running server has it: see the console's line above"
            return [warn("warehouse", f"{name}: {error}", advice)]
        advice = f"close what has it open; or move {path} away: what the log still keeps is loaded anew"
        return [fail("warehouse", f"{name}: {error}", advice)]
    how_large = f", {size(path.stat().st_size)}" if one.type == "duckdb" else ""
    return [ok("warehouse", f"{name}: {tables} tables{how_large}")]


def check_destinations(settings: Workspace) -> list[CheckResult]:
    """Check that every destination exists and takes its settings, and that none is refused."""
    results: list[CheckResult] = []
    refused, troubled = _last_requests(settings)
    for key, one in settings.destinations.items():
        name = f"destination {key}"
        try:
            where = f"destinations.{key}.settings"
            registry.load(one.type, one.settings, name=one.name, where=where, folder=settings.folder)
        except TrackwayError as error:
            results.append(fail(name, str(error), f"correct destinations.{key} in {settings.folder / FILE_NAME}"))
            continue
        if (refusal := refused.get(key)) is not None:
            what = f"{one.type}: it {in_words(refusal.reason, refusal.answer)}; its events wait"
            results.append(fail(name, what, f"correct destinations.{key}.settings in {settings.folder / FILE_NAME}"))
        elif key in troubled:
            what = (
                f"{one.type}: its settings are right, but its last requests failed ({troubled[key]}); its events wait"
            )
            results.append(warn(name, what, f"trackway destinations status {key}"))
        else:
            results.append(ok(name, f"{one.type}{'' if one.enabled else ', switched off'}: its settings are right"))
    return results


def _last_requests(settings: Workspace) -> tuple[dict[str, Refusal], dict[str, str]]:
    """Return which destinations need other settings, and which are in any trouble."""
    file = settings.data / "state.db"
    if not file.exists():
        return {}, {}
    enabled = [key for key, one in settings.destinations.items() if one.enabled]
    engine = open_state(file)
    try:
        return refusals(engine, enabled), troubles(engine, enabled)
    finally:
        engine.dispose()


def _describe(name: str, log: SqliteLog) -> CheckResult:
    counts = ", ".join(f"{sum(log.heads(topic).values()):,} {topic}" for topic in log.topics)
    return ok(name, f"{counts}; {size(log.size_bytes())}")


def _newest_s(log: EventLog) -> float | None:
    """Read the last record of each partition of each topic; its block's checksum is compared on the way."""
    moments = [
        part.time_ms / 1000
        for topic in log.topics
        for partition, head in log.heads(topic).items()
        if head > log.starts(topic).get(partition, 0)
        for part in log.read(topic, partition, head - 1)
    ]
    return max(moments, default=None)


def _consumers(raw: EventLog, clean: EventLog) -> Sequence[CheckResult]:
    results: list[CheckResult] = []
    for one in lags(raw, clean):
        name = f"consumer {consumers.shown(one.consumer)}"
        if one.lag > _FAR_BEHIND:
            advice = "see that the server runs, and in the console what its destination answers"
            results.append(warn(name, f"{one.lag:,} records of {one.topic} behind", advice))
        else:
            behind = f"{one.lag:,} records behind" if one.lag else "up to date"
            results.append(ok(name, f"{behind} in {one.topic}"))
    return results
