"""Why TLS failed is told: against servers of our own whose certificates an authority of the test has signed."""

import asyncio
import contextlib
import socket
import ssl
from pathlib import Path

import pytest
from msgspec import structs
from sqlalchemy import Engine, select

from tests.delivery.harness import (
    QUICK,
    CleanLog,
    delivering,
    sink,
    started,
    until,
    webhook,
    workspace,
)
from trackway.delivery.check import check
from trackway.delivery.refusals import troubles
from trackway.delivery.service import DeliveryService
from trackway.delivery.transport import HttpTransport
from trackway.destinations.kit import Request, Response, Retry
from trackway.state.tables import attempts

FOLDER = Path(__file__).with_name("tls")
OWN = """
from msgspec import Struct
from trackway.destinations import kit
NAME, LIMITS = "Own", kit.Limits()
class Settings(Struct):
    url: str
def request(settings, rows):
    raise NotImplementedError
def check(settings):
    return kit.Request(method="GET", url=settings.url, body=b"")
"""


def server_tls(certificate: Path) -> ssl.SSLContext:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    return tls


def client_tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=FOLDER / "authority.pem")


async def ask(url: str, tls: ssl.SSLContext | None) -> Response | Retry:
    async with HttpTransport(allow_private=True, tls=tls) as transport:
        found = await transport.send(Request(method="POST", url=url, body=b"{}"))
    assert isinstance(found, Response | Retry)
    return found


async def test_a_certificate_of_a_trusted_authority_is_taken() -> None:
    async with sink(server_tls(FOLDER / "good.pem")) as server:
        assert isinstance(await ask(server.url, client_tls()), Response)


@pytest.mark.parametrize(
    ("certificate", "why"),
    [
        (FOLDER / "expired.pem", "its certificate has expired"),
        (FOLDER / "other_host.pem", "its certificate is for another host name than 127.0.0.1"),
        (FOLDER.with_name("self_signed.pem"), "its certificate is self-signed"),
    ],
    ids=["expired", "other host", "self-signed"],
)
async def test_a_certificate_that_is_not_taken(certificate: Path, why: str) -> None:
    async with sink(server_tls(certificate)) as server:
        found = await ask(server.url, client_tls())
        assert isinstance(found, Retry)
        assert (found.reason, found.detail.startswith(why)) == ("TLS_ERROR", True), found.detail
        assert server.requests == []


async def test_an_authority_that_is_not_known() -> None:
    async with sink(server_tls(FOLDER / "good.pem")) as server:
        found = await ask(server.url, None)
    assert isinstance(found, Retry) and "an authority that is not known" in found.detail


async def test_a_server_without_tls() -> None:
    async with sink() as server:
        found = await ask(server.url.replace("http", "https"), client_tls())
    assert isinstance(found, Retry) and "does not speak TLS" in found.detail


async def test_a_server_with_an_old_protocol_only() -> None:
    newest = client_tls()
    newest.minimum_version = ssl.TLSVersion.TLSv1_3
    old = server_tls(FOLDER / "good.pem")
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_server(("127.0.0.1", 0)) as listener:  # asyncio's own hangs up without a word

        def refuse() -> None:
            plain, _ = listener.accept()
            with plain, contextlib.suppress(OSError):
                old.wrap_socket(plain, server_side=True)

        refusing = asyncio.create_task(asyncio.to_thread(refuse))
        found = await ask(f"https://127.0.0.1:{listener.getsockname()[1]}/", newest)
        await refusing
    assert isinstance(found, Retry) and "version of TLS" in found.detail


async def test_a_server_that_hangs_up_while_tls_begins() -> None:
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0) as server:
        found = await ask(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/", client_tls())
    assert found in (Retry("ECONNRESET"), Retry("TLS_ERROR", detail="it ended the connection while TLS began"))


async def test_everybody_is_told(log: CleanLog, engine: Engine) -> None:
    async with sink(server_tls(FOLDER / "expired.pem")) as server:
        found = DeliveryService(
            workspace({"hook": webhook(server.url)}),
            log.log,
            engine,
            options=QUICK,
            transport=lambda _: HttpTransport(allow_private=True, tls=client_tls()),
        )
        async with delivering(found):
            await until(lambda: started(engine, log, "hook"))
            log.add_numbers(1)
            await until(lambda: (worker := found.status()[0].worker) and worker.breaker != "closed")
            worker = found.status()[0].worker
            assert worker is not None
            assert (worker.reason, worker.detail) == ("TLS_ERROR", "its certificate has expired")
        with engine.connect() as connection:
            row = connection.execute(select(attempts)).first()
        assert row is not None
        assert (row.status, row.reason, row.answer) == (None, "TLS_ERROR", "its certificate has expired")
        assert troubles(engine, ["hook"]) == {"hook": "TLS_ERROR: its certificate has expired"}


async def test_a_check_tells_it(tmp_path: Path) -> None:
    (tmp_path / "destinations").mkdir()
    (tmp_path / "destinations" / "own.py").write_text(OWN)
    async with sink(server_tls(FOLDER.with_name("self_signed.pem"))) as server:
        space = structs.replace(workspace({"own": {"type": "own", "settings": {"url": server.url}}}), folder=tmp_path)
        found = await check("own", space)
    assert found.status == "FAIL"
    assert "TLS_ERROR: its certificate is self-signed" in found.finding
