"""Checks of the machine."""

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from trackway.cli.checks.finding import CheckResult, fail, ok, size, warn
from trackway.sqlite import may_lose_commits, sqlite3

_FLOOR = (3, 11)
_SYNCS = 50
_GOOD_MS, _BAD_MS = 2.0, 10.0
_LEAST_FREE = 500 * 1024**2
_DESCRIPTORS, _LEAST_DESCRIPTORS = 4096, 512
_BEFORE_US_S = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
_CLOCK_SLACK_S = 5.0


def check_python(
    version: tuple[int, int] = (sys.version_info.major, sys.version_info.minor),
    sqlite: tuple[int, int, int] = sqlite3.sqlite_version_info,
) -> CheckResult:
    """Check the interpreter, and the SQLite that holds state and cursors."""
    found = f"Python {sys.version.split()[0]}, SQLite {'.'.join(map(str, sqlite))}"
    if version < _FLOOR:
        return fail("python", found, "Trackway needs Python 3.11 or newer")
    if may_lose_commits(sqlite):
        advice = (
            "this SQLite can, very rarely, lose a commit when several processes write (sqlite.org/wal.html, "
            "The WAL-Reset Bug): use a Python with SQLite 3.51.3 or newer, or keep the state in PostgreSQL"
        )
        return warn("python", found, advice)
    return ok("python", found)


def check_disk(folder: Path, *, log_bytes: int, most_log_bytes: int, free: int | None = None) -> CheckResult:
    """Check that the logs, which hold `log_bytes` now, can grow to what they may."""
    free = shutil.disk_usage(existing(folder)).free if free is None else free
    growth = max(0, most_log_bytes - log_bytes)
    found = f"{size(free)} free; the logs hold {size(log_bytes)} and may hold {size(most_log_bytes)}"
    if free < _LEAST_FREE:
        return fail("disk", found, "make room: when the disk is full, the collector has to turn events away")
    if free < growth:
        return warn(
            "disk", found, "lower log.keep_size in trackway.yaml (it counts for each of the two logs), or make room"
        )
    return ok("disk", found)


def check_sync(folder: Path, *, measure: Callable[[Path], list[float]] | None = None) -> CheckResult:
    """Measure how long the disk takes to keep what is written: every answer of the collector waits for that."""
    place = existing(folder)
    try:
        times_ms = (measure or sync_times_ms)(place)
    except OSError as error:
        return fail("fsync", f"{place} cannot be written: {error.strerror}", "give this user the right to write there")
    median, longest = statistics.median(times_ms), max(times_ms)
    found = f"{median:.2f} ms in the middle, {longest:.2f} ms at most, of {len(times_ms)}"
    if median <= _GOOD_MS:
        return ok("fsync", f"good: {found}")
    advice = "put the workspace on a local SSD; each request waits for one sync, shared with those that come meanwhile"
    word = "slow" if median <= _BAD_MS else "bad"
    return warn("fsync", f"{word}: {found}", advice)


def sync_times_ms(folder: Path) -> list[float]:
    """Return how long each of some small durable writes in `folder` took."""
    sync = getattr(os, "fdatasync", os.fsync)
    times: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(_SYNCS):
            os.write(file.fileno(), os.urandom(4096))
            began = time.perf_counter()
            sync(file.fileno())
            times.append((time.perf_counter() - began) * 1000)
    return times


def check_clock(*, now_s: float | None = None, newest_record_s: float | None = None) -> CheckResult:
    """Check that the clock is not before this program's time, nor before the newest record of the log."""
    now_s = time.time() if now_s is None else now_s
    found = datetime.fromtimestamp(now_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    advice = "set the clock, and let NTP keep it: receivedAt comes from it"
    if now_s < _BEFORE_US_S:
        return fail("clock", f"{found} cannot be", advice)
    if newest_record_s is not None and newest_record_s > now_s + _CLOCK_SLACK_S:
        return warn("clock", f"{found}, yet the log has a record from {newest_record_s - now_s:,.0f} s later", advice)
    return ok("clock", found)


def check_descriptors(limit: int | None = None) -> CheckResult:
    """Check how many connections and files this user may have open."""
    if limit is None:
        try:
            import resource
        except ImportError:
            return ok("open files", "this system sets no limit")
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if limit == resource.RLIM_INFINITY:
            return ok("open files", "no limit")
    found = f"{limit:,} at a time"
    advice = "raise it: `ulimit -n 65536`, or LimitNOFILE in a systemd unit; each client connection is one"
    if limit < _LEAST_DESCRIPTORS:
        return fail("open files", found, advice)
    return warn("open files", found, advice) if limit < _DESCRIPTORS else ok("open files", found)


def existing(folder: Path) -> Path:
    """Return the nearest folder that exists, upwards from `folder`."""
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if one.is_dir())
