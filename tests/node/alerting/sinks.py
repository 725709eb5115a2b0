"""Where messages arrive in tests: a server for HTTP, and one for mail (RFC 5321, as far as smtplib speaks it)."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from aiohttp import web


class HttpSink:
    """Remembers what is posted, and answers `status`."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 200
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.got.append((request.path, {k.lower(): v for k, v in request.headers.items()}, await request.read()))
        return web.Response(status=self.status, text=f"seen {request.headers.get('X-Signature', '')}")


@contextlib.asynccontextmanager
async def http_sink() -> AsyncGenerator[HttpSink]:
    sink, app = HttpSink(), web.Application()
    app.router.add_post("/{path:.*}", sink.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sink.url = "http://{}:{}".format(*runner.addresses[0][:2])
    try:
        yield sink
    finally:
        await runner.cleanup()


class MailSink:
    """Remembers whole conversations: what the client said, and the mails."""

    def __init__(self) -> None:
        self.mails: list[str] = []
        self.said: list[str] = []
        self.refuses = ""
        """The answer to a mail, where it is not taken."""
        self.port = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def answer(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        answer("220 sink")
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            self.said.append(line)
            verb = line.upper().split(" ")[0]
            if verb == "EHLO":
                answer("250-sink")
                answer("250 AUTH PLAIN")
            elif verb == "AUTH":
                answer("235 welcome")
            elif verb == "DATA":
                answer("354 go on")
                mail: list[str] = []
                while (text := (await reader.readline()).decode()) != ".\r\n":
                    mail.append(text)
                if not self.refuses:
                    self.mails.append("".join(mail))
                answer(self.refuses or "250 taken")
            elif verb == "QUIT":
                answer("221 bye")
                break
            else:
                answer("250 fine")
        writer.close()


@contextlib.asynccontextmanager
async def mail_sink() -> AsyncGenerator[MailSink]:
    sink = MailSink()
    async with await asyncio.start_server(sink.talk, "127.0.0.1", 0) as server:
        sink.port = server.sockets[0].getsockname()[1]
        yield sink
