"""Which path means what. Clients join a configured host, any prefix and a path, so slashes may double or trail."""

from typing import NamedTuple

_LETTERS = {"t": "track", "i": "identify", "p": "page", "s": "screen", "g": "group", "a": "alias"}
_TYPES = tuple(_LETTERS.values())
_GET = ("GET", "HEAD")


class Route(NamedTuple):
    """What a path asks for."""

    kind: str
    """`call`, `batch`, `pixel`, `counters`; those of `documents.KINDS`; `health`, `ready`, `metrics`."""
    type: str | None = None
    """For `call`: the type of the call."""
    client_side: bool = False
    """Used by browsers and phones, whose ip and user agent are the person's own."""
    key: str = ""
    """For `settings` and `script`: the write key in the path."""
    file: str = ""
    """For `script` and `chunk`: the name of the file."""
    prefix: str = ""
    """For `settings` and `openapi`: what stands before the path, for first-party proxies."""
    methods: tuple[str, ...] = ("POST",)


_BY_LAST_PART = {
    **{name: Route("call", name) for name in _TYPES},
    **{letter: Route("call", name, client_side=True) for letter, name in _LETTERS.items()},
    "batch": Route("batch"),
    "import": Route("batch"),
    "b": Route("batch", client_side=True),
    "m": Route("counters"),
    "cookie": Route("cookie"),
    "trackway.js": Route("sdk", methods=_GET),
    "healthz": Route("health", methods=_GET),
    "readyz": Route("ready", methods=_GET),
    "metrics": Route("metrics", methods=_GET),
}
_PIXELS = {name: Route("pixel", name, client_side=True, methods=_GET) for name in _TYPES}
_BY_PATH = {f"/v1/{part}": route for part, route in _BY_LAST_PART.items()}
TRACKING = {path.encode(): route for path, route in _BY_PATH.items() if route.kind in ("call", "batch")}
"""The paths of nearly all requests, as they stand on the wire."""
SCRIPTS = ("analytics.min.js", "analytics.classic.js")
PATHS = {
    **{path: route for path, route in _BY_PATH.items() if route.methods != _GET},
    **{f"/v1/pixel/{name}": route for name, route in _PIXELS.items()},
    "/v1/projects/{writeKey}/settings": Route("settings", methods=_GET),
    **{f"/analytics.js/v1/{{writeKey}}/{file}": Route("script", file=file, methods=_GET) for file in SCRIPTS},
    "/analytics-next/bundles/{file}": Route("chunk", methods=_GET),
    "/openapi.json": Route("openapi", methods=_GET),
    **{f"/{part}": route for part, route in _BY_LAST_PART.items() if route.methods == _GET},
}
"""Every path as it is documented; any prefix may stand before it. `{writeKey}` and `{file}` are what varies."""


def find_route(path: str) -> Route | None:
    """Return what `path` asks for, under any prefix; None if nothing."""
    if found := _BY_PATH.get(path):
        return found
    parts = [part for part in path.split("/") if part]
    if not parts:
        return None
    return _find_document(parts) or _BY_LAST_PART.get(parts[-1])


def _find_document(parts: list[str]) -> Route | None:
    match parts:
        case [*before, "v1", "projects", key, "settings"] | [*before, "projects", key, "settings"]:
            return Route("settings", key=key, prefix=_join(before), methods=_GET)
        # Older snippets have `platform` in between.
        case [*_, "analytics.js", "v1", key, file] | [*_, "analytics.js", "v1", key, "platform", file]:
            return Route("script", key=key, file=file, methods=_GET) if file in SCRIPTS else None
        case [*_, "analytics-next", "bundles", file]:
            return Route("chunk", file=file, methods=_GET)
        case [*before, "openapi.json"]:
            return Route("openapi", prefix=_join(before), methods=_GET)
        case [*_, "pixel", name]:
            return _PIXELS.get(name)
        case _:
            return None


def _join(parts: list[str]) -> str:
    return "".join(f"/{part}" for part in parts)
