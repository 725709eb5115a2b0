"""Servers and load for the benchmarks: each server on one core, wrk on another, loopback only."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SERVER_CORE, LOAD_CORE = 0, 1


class Load(NamedTuple):
    """What wrk measured."""

    requests_per_s: float
    p50_ms: float
    p99_ms: float


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(
    arguments: list[str], port: int, *, stdin: bytes | None = None, pinned: bool = True
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server, if `pinned` on its core, until the block ends; it must answer on `port` within 20 s."""
    server = subprocess.Popen(
        [*(_pinned(SERVER_CORE) if pinned else []), sys.executable, *arguments],
        stdin=subprocess.PIPE if stdin is not None else None,
        stdout=subprocess.DEVNULL,
    )
    try:
        if stdin is not None and server.stdin:
            server.stdin.write(stdin)
            server.stdin.flush()
        _wait_for(port, server)
        yield server
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()


def wrk(
    url: str,
    body: bytes,
    headers: dict[str, str],
    *,
    connections: int,
    seconds: float,
    folder: Path,
    delay_ms: float = 0,
    pinned: bool = True,
) -> Load:
    """POST `body` as fast as the server answers; an answer other than 200 is an error.

    With `delay_ms` each connection waits that long on average before a request, at random up to twice as long.
    """
    if not shutil.which("wrk"):
        raise SystemExit("this benchmark needs wrk: apt-get install wrk")
    script = folder / "wrk.lua"
    lines = ["wrk.method = 'POST'", f"wrk.body = [==[{body.decode()}]==]"]
    lines += [f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items()]
    if delay_ms:
        lines.append(f"function delay() return math.floor(math.random() * {2 * delay_ms:g} + 0.5) end")
    script.write_text("\n".join(lines))
    load = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "-s", str(script), url]
    command = [*_pinned(LOAD_CORE), *load] if pinned else load
    out = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 30).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(f"the server did not take all requests:\n{out}")
    return Load(_find(r"Requests/sec:\s+([\d.]+)", out), _latency("50%", out), _latency("99%", out))


def resident_mb(pid: int) -> float:
    """Return a process's resident memory."""
    return _find(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()) / 1024


def _pinned(core: int) -> list[str]:
    if (os.cpu_count() or 1) > 1 and shutil.which("taskset"):
        return ["taskset", "-c", str(core)]
    return []


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1):
            return
        time.sleep(0.02)
    raise SystemExit("the server did not start")


def _find(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if not found:
        raise SystemExit(f"{pattern} was expected in:\n{text}")
    return float(found[1])


def _latency(percentile: str, text: str) -> float:
    found = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s)\b", text)
    if not found:
        raise SystemExit(f"wrk said something unexpected:\n{text}")
    return float(found[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[found[2]]
