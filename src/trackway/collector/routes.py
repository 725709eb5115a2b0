"""Which path means what. Clients join a configured host, any prefix and a path, so slashes may double or trail."""

from typing import NamedTuple

_LETTERS = {"t": "track", "i": "identify", "p": "page", "s": "screen", "g": "group", "a": "alias"}
_TYPES = tuple(_LETTERS.values())
_GET = ("GET", "HEAD")


class Route(NamedTuple):
    """What a path asks for."""

    kind: str
    """`call`, `batch`, `pixel`, `settings`, `counters`, `health`, `ready` or `metrics`."""
    type: str | None = None
    """For `call`: the type of the call."""
    client_side: bool = False
    """Used by browsers and phones, whose ip and user agent are the person's own."""
    key: str = ""
    """For `settings`: the write key in the path."""
    prefix: str = ""
    """What stands before `/v1`, for first-party proxies."""
    methods: tuple[str, ...] = ("POST",)


_BY_LAST_PART = {
    **{name: Route("call", name) for name in _TYPES},
    **{letter: Route("call", name, client_side=True) for letter, name in _LETTERS.items()},
    "batch": Route("batch"),
    "import": Route("batch"),
    "b": Route("batch", client_side=True),
    "m": Route("counters"),
    "healthz": Route("health", methods=_GET),
    "readyz": Route("ready", methods=_GET),
    "metrics": Route("metrics", methods=_GET),
}
_PIXELS = {name: Route("pixel", name, client_side=True, methods=_GET) for name in _TYPES}
_BY_PATH = {f"/v1/{part}": route for part, route in _BY_LAST_PART.items()}


def find_route(path: str) -> Route | None:
    """Return what `path` asks for, under any prefix; None if nothing."""
    if found := _BY_PATH.get(path):
        return found
    parts = [part for part in path.split("/") if part]
    if not parts:
        return None
    if len(parts) >= 3 and parts[-1] == "settings" and parts[-3] == "projects":
        before = parts[:-3]
        if before and before[-1] == "v1":
            before = before[:-1]
        return Route("settings", key=parts[-2], prefix="".join(f"/{part}" for part in before), methods=_GET)
    if len(parts) >= 2 and parts[-2] == "pixel":
        return _PIXELS.get(parts[-1])
    return _BY_LAST_PART.get(parts[-1])
