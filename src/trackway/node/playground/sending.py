"""Send a call for real: to the product's own collector over HTTP, with the source's own write key, as any client."""

import base64
from typing import Any

import aiohttp
import msgspec

from trackway import __version__
from trackway.errors import TrackwayError
from trackway.workspace.model import Workspace

_TIMEOUT_S = 10.0
_ANY = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}  # noqa: S104  compared, not bound


async def send_call(workspace: Workspace, source: str, body: bytes, *, user_agent: str) -> dict[str, Any]:
    """Send the call and return `status` and the collector's answer, which has the verdict and the message id.

    Raises:
        TrackwayError: there is no such source, or the collector does not answer.
    """
    found = workspace.sources.get(source)
    if found is None:
        raise TrackwayError(f"there is no source {source[:100]}; there are: {', '.join(workspace.sources)}")
    key = base64.b64encode(f"{found.write_keys[0]}:".encode()).decode()
    url = f"{_address(workspace)}/v1/batch?verdicts=1"
    headers = {
        "Authorization": f"Basic {key}",
        "Content-Type": "application/json",
        "User-Agent": user_agent or f"trackway-playground/{__version__}",
    }
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)) as session,
            session.post(url, data=b'{"batch":[' + body + b"]}", headers=headers) as response,
        ):
            answer = await response.read()
            status = response.status
    except (aiohttp.ClientError, TimeoutError) as error:
        raise TrackwayError(f"the collector does not answer: {type(error).__name__}; is it running?") from None
    return {"status": status, "answer": _read(answer)}


def _address(workspace: Workspace) -> str:
    host, port = workspace.collector.host, workspace.collector.port
    if host in _ANY:
        return f"http://{_ANY[host]}:{port}"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _read(answer: bytes) -> Any:
    try:
        return msgspec.json.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return answer.decode("utf-8", "replace")[:2_000]
