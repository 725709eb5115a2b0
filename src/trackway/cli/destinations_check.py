"""Ask destinations whether they know the credentials of the workspace."""

from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from trackway.delivery.proxies import environment_proxies
from trackway.delivery.redact import Redactor
from trackway.delivery.transport import HttpTransport
from trackway.destinations import kit, registry
from trackway.errors import TrackwayError
from trackway.workspace import Workspace, load_workspace
from trackway.workspace.model import Destination as Settings


class Checked(Struct):
    """What came of asking one destination."""

    name: str
    type: str
    status: Literal["OK", "FAIL", "UNKNOWN"]
    finding: str


async def check_all(folder: Path, name: str | None = None) -> list[Checked]:
    """Return what each destination of the workspace in `folder` says, or the one called `name`.

    Raises:
        TrackwayError: there is no such destination, or its settings are wrong.
    """
    workspace = load_workspace(folder)
    chosen = {key: one for key, one in workspace.destinations.items() if name in (None, key)}
    if not chosen:
        known = ", ".join(workspace.destinations) or "none"
        raise TrackwayError(f"there is no destination {name or ''} in trackway.yaml; there are: {known}")
    return [await _check(key, one, workspace) for key, one in chosen.items()]


async def _check(key: str, settings: Settings, workspace: Workspace) -> Checked:
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
        return Checked(key, settings.type, "FAIL", f"no answer: {answer.reason}")
    if 200 <= answer.status < 300:
        return Checked(key, settings.type, "OK", f"knows the credentials ({answer.status})")
    told = Redactor(destination.secrets()).answer(answer.body, request)
    return Checked(key, settings.type, "FAIL", f"answered {answer.status}: {told[:200]}")
