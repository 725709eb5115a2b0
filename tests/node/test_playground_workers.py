"""Previews of strangers' calls: each ends in time, reaches nothing, and leaves the next one a worker."""

import asyncio
import json
import socket
import subprocess
import sys
from typing import Any

import pytest

from trackway.console.errors import ApiError
from trackway.console.playground import Call
from trackway.errors import TrackwayError
from trackway.node.playground.workers import Workers

PRELUDE = """
import os, socket, sys
from trackway.node.playground import engine, worker
from trackway.errors import TrackwayError
first = engine.Playground.preview

def preview(self, body, **options):
    if body.startswith(b'"do '):
        exec(body[4:-1].decode())
    return first(self, body, **options)

engine.Playground.preview = preview
worker.main(60)
"""
"""A worker that can be told to do what rendering never does."""
ORDER = Call(body=b'{"type":"track","event":"Order Completed","userId":"u1"}')


def wicked(**options: Any) -> Workers:
    return Workers(command=(sys.executable, "-c", PRELUDE), **options)


def do(code: str) -> Call:
    return Call(body=f'"do {code}"'.encode())


async def refusal(workers: Workers, call: Call) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await workers.preview(call)
    return caught.value


async def is_well(workers: Workers) -> bool:
    return json.loads(bytes(await workers.preview(ORDER)))["verdict"]["accepted"]


async def test_a_worker_that_spins_or_dies_is_replaced():
    async with wicked(limit_s=2.0) as workers:
        for code in ("while True: pass", "os._exit(3)"):
            error = await refusal(workers, do(code))
            assert (error.status, error.code) == (503, "too_much"), code
            assert await is_well(workers)


async def test_a_preview_reaches_nothing(tmp_path, monkeypatch: pytest.MonkeyPatch, capfd):
    monkeypatch.setenv("SOME_SECRET", "canary")
    target = tmp_path / "written"
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        async with wicked() as workers:
            for code in (
                f"socket.create_connection((chr(49)+'27.0.0.1', {port}))",
                "socket.getaddrinfo('localhost', 80)",
                "os.system('true')",
                "__import__('subprocess').run(['true'])",
                "os.fork()",
                f"open('{target}', 'w')",
                f"os.open('{target}', os.O_CREAT | os.O_RDWR)",
            ):
                assert (await refusal(workers, do(code))).code == "not_shown", code
                assert "PermissionError" in capfd.readouterr().err, code
            error = await refusal(workers, do("raise TrackwayError(repr(sorted(os.environ)))"))
            assert "PATH" in error.message and "SOME_SECRET" not in error.message
            assert await is_well(workers)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert not target.exists()


async def test_a_mistake_ends_one_preview_and_tells_nobody_what_was_in_it(capfd):
    async with wicked() as workers:
        error = await refusal(workers, do("raise ValueError('private')"))
        assert (error.status, error.code) == (400, "not_shown")
        assert (await refusal(workers, do("bytearray(3 << 30)"))).code == "not_shown"
        assert await is_well(workers)
    logged = capfd.readouterr().err
    assert "ValueError" in logged and "MemoryError" in logged
    assert "private" not in logged + error.message


async def test_too_many_who_wait_are_told_at_once():
    async with wicked(limit_s=60.0) as workers:
        asked = [asyncio.create_task(workers.preview(do("while True: pass"))) for _ in range(70)]
        done, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        errors = [task.exception() for task in done]
    assert errors
    assert {(error.status, error.code) for error in errors if isinstance(error, ApiError)} == {(503, "busy")}


async def test_a_worker_that_does_not_start_is_said():
    with pytest.raises(TrackwayError, match="does not start"):
        async with Workers(command=(sys.executable, "-c", "raise SystemExit(1)")):
            pass


def test_a_worker_ends_with_its_standard_input():
    command = [sys.executable, "-m", "trackway.node.playground.worker", "60"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True)
    assert done.stdout == b"\0\0\0\x01+"
