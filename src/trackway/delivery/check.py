"""Ask a destination whether it knows the credentials of the workspace."""

from typing import Any, Literal

from msgspec import Struct

from trackway.delivery.proxies import environment_proxies
from trackway.delivery.redact import Redactor
from trackway.delivery.transport import HttpTransport
from trackway.destinations import kit, registry
from trackway.workspace import Workspace


class Checked(Struct):
    """What came of asking one destination."""

    name: str
    type: str
    status: Literal["OK", "FAIL", "UNKNOWN"]
    finding: str


async def check(key: str, workspace: Workspace) -> Checked:
    """Return what a destination of the workspace says; nothing in it changes.

    Raises:
        TrackwayError: its settings are wrong.
    """
    settings = workspace.destinations[key]
    where = f"destinations.{key}.settings"
    destination = registry.load(settings.type, settings.settings, where=where, folder=workspace.folder)
    request = destination.check()
    if request is None:
        return Checked(key, settings.type, "UNKNOWN", "has no way to ask; send it an event")
    transport = HttpTransport(
        connections=1, allow_private=workspace.delivery.allow_private_addresses, proxies=environment_proxies()
    )
    try:
        answer: Any = await transport.send(request)
    finally:
        await transport.close()
    if not isinstance(answer, kit.Response):
        detail = f": {answer.detail}" if answer.detail else ""
        return Checked(key, settings.type, "FAIL", f"no answer: {answer.reason}{detail}")
    outcome = destination.checked(answer)
    if isinstance(outcome, kit.Delivered):
        return Checked(key, settings.type, "OK", f"knows the credentials ({answer.status})")
    detail = outcome.detail if isinstance(outcome, kit.Rejected) else ""
    told = Redactor(destination.secrets()).detail(detail or answer.body.decode("utf-8", "replace"), request)
    return Checked(key, settings.type, "FAIL", f"answered {answer.status}: {told[:200]}")
