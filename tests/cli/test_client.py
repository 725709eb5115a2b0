import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web

from trackway.cli.client import Client, Refused, Unreachable
from trackway.cli.json_lines import Run
from trackway.cli.options import Target
from trackway.cli.sending import FileSending

Answerer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def server(*answers: Answerer | web.Response) -> AsyncIterator[Target]:
    """Give the answers in turn, the last one for ever."""
    left = list(answers)

    async def handle(request: web.Request) -> web.StreamResponse:
        await request.read()
        answer = left.pop(0) if len(left) > 1 else left[0]
        if callable(answer):
            return await answer(request)
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    app = web.Application()
    app.router.add_post("/{tail:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield Target(f"http://127.0.0.1:{runner.addresses[0][1]}", "wk")
    finally:
        await runner.cleanup()


def answer(status: int, **headers: str) -> web.Response:
    body = {"success": status == 200, "code": "try_later", "message": "Come back later."}
    return web.json_response(
        body, status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


async def hang_up(request: web.Request) -> web.StreamResponse:
    assert request.transport
    request.transport.abort()
    return web.Response()


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 408])
async def test_what_may_pass_is_tried_again(status: int) -> None:
    said: list[str] = []
    async with (
        server(answer(status), answer(status), answer(200)) as target,
        Client(target, connections=1, say=said.append) as client,
    ):
        verdicts = await client.send("/v1/batch", b"{}", {}, calls=2)
    assert [one.verdict for one in verdicts] == ["accepted", "accepted"]
    assert len(said) == 2
    assert "Come back later" in said[0]


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_the_wait_is_what_retry_after_says(form: str) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    now = format_datetime(datetime.now(UTC), usegmt=True)
    slow = answer(503, Retry_After="60" if form == "seconds" else later, Date=now)
    async with server(slow) as target, Client(target, connections=1, patience_s=30) as client:
        # The wish is longer than our patience: we give up at once instead of waiting for nothing.
        with pytest.raises(Unreachable, match="Come back later"):
            await asyncio.wait_for(client.send("/v1/batch", b"{}", {}, calls=1), 5)


async def test_a_lost_answer_is_tried_again_and_counted() -> None:
    async with server(hang_up, answer(200)) as target, Client(target, connections=1) as client:
        assert len(await client.send("/v1/batch", b"{}", {}, calls=1)) == 1
        assert client.retries == 1


async def test_patience_ends() -> None:
    async with server(answer(503)) as target, Client(target, connections=1, patience_s=0.5) as client:
        with pytest.raises(Unreachable, match=r"for 0\.5 s"):
            await client.send("/v1/batch", b"{}", {}, calls=1)


async def test_giving_up_ends_a_wait() -> None:
    give_up = asyncio.Event()
    async with (
        server(answer(429, Retry_After="60")) as target,
        Client(target, connections=1, give_up=give_up, say=lambda _: give_up.set()) as client,
    ):
        with pytest.raises(Unreachable):
            await asyncio.wait_for(client.send("/v1/batch", b"{}", {}, calls=1), 5)


@pytest.mark.parametrize("status", [400, 401, 404, 413, 501])
async def test_what_can_never_succeed_is_not_tried_again(status: int) -> None:
    async with server(answer(status), answer(200)) as target, Client(target, connections=1) as client:
        with pytest.raises(Refused) as refused:
            await client.send("/v1/batch", b"{}", {}, calls=1)
    assert (refused.value.status, refused.value.code) == (status, "try_later")


async def test_verdicts_are_asked_for_and_read() -> None:
    async def judge(request: web.Request) -> web.Response:
        assert request.headers["Prefer"] == "verdicts"
        assert request.headers["Authorization"] == "Basic d2s6"
        assert request.headers["User-Agent"].startswith("trackway-cli/")
        refused = {"messageId": "m-2", "verdict": "invalid", "reason": "r", "pointer": "/p", "message": "Do."}
        return web.json_response({"success": True, "verdicts": [{"messageId": "m-1", "verdict": "accepted"}, refused]})

    async with server(judge) as target, Client(target, connections=1) as client:
        first, second = await client.send("/v1/batch", b"{}", client.headers, calls=2)
    assert (first.verdict, first.message_id) == ("accepted", "m-1")
    assert (second.verdict, second.reason, second.pointer, second.message) == ("invalid", "r", "/p", "Do.")


async def test_a_file_that_broke_off_can_be_gone_on_with(tmp_path: Path) -> None:
    """A server that takes some batches and then refuses: what it did not take is named, and only that is sent then."""
    file = tmp_path / "events.jsonl"
    file.write_text("".join(f'{{"type":"page","userId":"u{number}"}}\n' for number in range(1, 101)))
    taken: list[str] = []
    requests = 0

    async def take(request: web.Request) -> web.Response:
        nonlocal requests
        requests += 1
        if requests in (3, 5):
            return answer(400)
        taken.extend(call["messageId"] for call in json.loads(await request.read())["batch"])
        return answer(200)

    async def send(run: Run) -> FileSending:
        with file.open("rb") as opened:
            sending = FileSending(opened, None, run, target, count=10, concurrency=2, gzip=False)
            await sending.run()
        return sending

    async with server(take) as target:
        first = await send(Run("r"))
        assert first.unsent
        assert "Come back later" in first.trouble
        assert first.sent == len(taken) < 100
        second = await send(Run.read(str(first.unsent)))
        third = await send(Run.read(str(second.unsent))) if second.unsent else second
    assert third.unsent is None
    assert sorted(taken) == sorted(f"send-r-{number}" for number in range(1, 101))
