"""What `trackway.yaml` may say, as frozen structs. Every field has its meaning beside it; `load.py` fills them.

Durations are written `"24h"`, `"30s"`, `"7 days"`; sizes `"32 KiB"`, `"20 GiB"`: `units.py` reads both.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from trackway.workspace.secret import Secret
from trackway.workspace.units import Duration, Size

Port = Annotated[int, Meta(ge=0, le=65535)]
NAME_PATTERN = r"^[a-z][a-z0-9_-]{0,62}$"
Slug = Annotated[str, Meta(pattern=NAME_PATTERN)]


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The base of every settings struct: unknown keys are errors."""


class Source(Settings, frozen=True, kw_only=True):
    """Where events come from: an app, a site, a server."""

    name: str = ""
    """What people see; default: the source's key."""
    write_keys: Annotated[list[str], Meta(min_length=1)]
    """Keys that clients send. Several, so that one can be rotated out."""
    dedup_window: Duration = Duration(24 * 3600)
    """How long a repeated `messageId` counts as the same event."""
    enabled: bool = True
    max_event: Size = Size(32 * 1024)
    """A larger call is refused; it costs only itself."""
    max_batch: Annotated[int, Meta(ge=1)] = 2500
    """Calls beyond this number in a request are refused one by one."""
    strict: bool = False
    """Answer 400 when a call is invalid, instead of Segment's 200: for development."""
    allowed_origins: list[str] = []
    """Pages that may send, such as `https://*.shop.example`; default: all. A write key is public, and so is this."""
    rate_limit: Annotated[float, Meta(gt=0)] | None = None
    """Events a second; what is more is answered 429, and clients send it again later."""
    rate_burst: Annotated[float, Meta(ge=1)] | None = None
    """Events that may come at once; default: two seconds' worth."""


class Destination(Settings, frozen=True, kw_only=True):
    """Where events go to, one by one or in batches."""

    type: str
    """The catalogue's module name, such as `webhook`."""
    name: str = ""
    """The name in an event's `integrations`; default: the destination type's own display name."""
    enabled: bool = True
    sources: list[str] | None = None
    """Only these sources; default: all."""
    settings: dict[str, Any] = {}
    """The destination's own settings; its module says which."""


class Warehouse(Settings, frozen=True, kw_only=True):
    """Where events become tables."""

    type: Literal["duckdb"] = "duckdb"
    path: str = "data/warehouse.duckdb"
    """Relative to the workspace folder."""
    enabled: bool = True
    load_every: Duration = Duration(1)
    """The longest an event waits before its rows are committed."""
    rows: Annotated[int, Meta(ge=1)] = 20_000
    """Events taken into one load at the most."""


class Collector(Settings, frozen=True, kw_only=True):
    """The public HTTP API."""

    host: str = "127.0.0.1"
    port: Port = 8080
    processes: Annotated[int, Meta(ge=1, le=64)] = 1
    public_url: str | None = None
    """The address clients use, when a proxy stands in front; default: the request's own host."""
    max_body: Size = Size(4 * 1024 * 1024)
    """Of a request, packed or unpacked. Far above Segment's 500 KB: clients throw a refused batch away whole."""
    max_in_flight: Size = Size(256 * 1024 * 1024)
    """Bytes of bodies worked on at a time, in each process; beyond, requests are answered 429."""
    body_timeout: Duration = Duration(30)
    """How long a body may take to arrive."""
    trusted_proxies: list[str] = []
    """Addresses and networks whose `X-Forwarded-For`, `-Proto` and `-Host` are believed."""
    metrics: Literal["private", "public", "off"] = "private"
    """Who may read `/metrics`: loopback and private addresses, anybody, or nobody."""


class Console(Settings, frozen=True, kw_only=True):
    """The web console and its API; not for the public."""

    host: str = "127.0.0.1"
    port: Port = 8081
    token: Secret | None = None
    """What opens the console; default: made at the first start, in `data/console-token`."""
    allowed_hosts: list[str] = []
    """Further names under which people reach it, such as a proxy's; others are refused (DNS rebinding)."""


class Log(Settings, frozen=True, kw_only=True):
    """How long the log keeps what everybody has read."""

    keep: Duration = Duration(7 * 24 * 3600)
    keep_size: Size = Size(20 * 1024**3)
    floor: Size = Size(512 * 1024**2)
    """With less free disk than this no events are taken (429), until there is more again."""
    segment_size: Size = Size(128 * 1024**2)


class Delivery(Settings, frozen=True, kw_only=True):
    """How destinations are reached."""

    allow_private_addresses: bool = False
    """Let destinations name loopback, link-local and private addresses."""


class Workspace(Settings, frozen=True, kw_only=True):
    """All of `trackway.yaml`."""

    sources: dict[Slug, Source]
    destinations: dict[Slug, Destination] = {}
    warehouses: dict[Slug, Warehouse] = field(default_factory=lambda: {"duckdb": Warehouse()})
    collector: Collector = Collector()
    console: Console = Console()
    log: Log = Log()
    delivery: Delivery = Delivery()
    folder: Path = Path()
    """Where the file lies; set by the loader, not by the file."""

    @property
    def data(self) -> Path:
        """The folder of logs, state and the warehouse."""
        return self.folder / "data"

    def display_name(self, source: str) -> str:
        """Return what people call a source."""
        found = self.sources.get(source)
        return (found.name if found else "") or source
