"""What `trackway.yaml` may say, as frozen structs. Every field has its meaning beside it; `load.py` fills them.

Durations are written `"24h"`, `"30s"`, `"7 days"`; sizes `"32 KiB"`, `"20 GiB"`: `units.py` reads both.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from trackway.events.records import DROPPED, EVENTS, QUARANTINE
from trackway.workspace.alerting import Alerts
from trackway.workspace.governance import Block, DestinationFilter, Privacy
from trackway.workspace.query import Query
from trackway.workspace.secret import Secret
from trackway.workspace.units import Duration, Size

AT_START = Meta(extra={"at_start": True})
"""Marks what is read once, at the start: a change of it waits for a restart. All else is taken over while running."""

Port = Annotated[int, Meta(ge=0, le=65535)]
NAME_PATTERN = r"^[a-z][a-z0-9_-]{0,62}$"
Slug = Annotated[str, Meta(pattern=NAME_PATTERN)]


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The base of every settings struct: unknown keys are errors."""


Step = Literal["user_agent", "bots", "geo", "campaign", "referrer", "library", "reserved_properties", "semantic_events"]
"""A part of the pipeline that can be left out; `docs/pipeline.md` says what each does."""


class ClientRetries(Settings, frozen=True, kw_only=True):
    """How browsers and phones repeat a request that failed; they read it with their settings, within a minute."""

    most: Annotated[int, Meta(ge=0, le=100)] = 100
    """How often; 0: not at all."""
    first_pause: Duration = Duration(0.5)
    """Before the first repetition; it doubles with each one."""
    longest_pause: Duration = Duration(300)
    """The longest pause, also where a `Retry-After` asks for more."""


class Forward(Settings, frozen=True, kw_only=True):
    """What is handed on to other sources, each named by its key; one that gets calls so hands none on itself."""

    blocked: str | None = None
    """Calls that `block` left out, as they came."""
    violations: str | None = None
    """An event `Violation Generated` for each violation of the tracking plan."""
    events: str | None = None
    """Every event that the source's calls become."""

    @property
    def targets(self) -> list[str]:
        """The sources that get something."""
        return [one for one in (self.blocked, self.violations, self.events) if one is not None]


class Source(Settings, frozen=True, kw_only=True):
    """Where events come from: an app, a site, a server."""

    name: str = ""
    """What people see; default: the source's key."""
    write_keys: Annotated[list[str], Meta(min_length=1)]
    """Keys that clients send. Several, so that one can be rotated out."""
    dedup_window: Duration = Duration(24 * 3600)
    """How long a repeated `messageId` counts as the same event."""
    enabled: bool = True
    """False answers its clients 401."""
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
    browser_sdk: Literal["segment", "trackway"] = "segment"
    """What the snippet's `analytics.min.js` is: Segment's analytics-next, or Trackway's own client."""
    cookie_domain: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,252}$")] | None = None
    """The site's domain, such as `shop.example`: the collector renews the browser client's id cookies for it."""
    forward: Forward = Forward()
    """What is handed on to other sources; docs/filters.md."""
    client_retries: ClientRetries = ClientRetries()
    """How browsers and phones repeat a request that failed; Segment's `httpConfig`."""
    skip: list[Step] = []
    """Parts of the pipeline that leave this source's events alone."""
    block: list[str | Block] = []
    """Names of track events, or other calls, that are counted and go no further; docs/filters.md."""
    functions: list[str] = []
    """Functions of `functions/` that every event of the source goes through, in order, before the tracking plan."""


class Function(Settings, frozen=True, kw_only=True):
    """How a Python function of the folder `functions/` is run."""

    settings: dict[str, Any] = {}
    """What the function finds in `context.settings`."""
    timeout: Duration = Duration(1)
    """What one event may take; it goes to quarantine if it takes longer."""


class Destination(Settings, frozen=True, kw_only=True):
    """Where events go to, one by one or in batches."""

    type: str
    """The catalogue's module name, such as `webhook`."""
    name: str = ""
    """The name in an event's `integrations`; default: the destination type's own display name."""
    enabled: bool = True
    """False sends nothing and holds nothing back in the log for it."""
    sources: list[str] | None = None
    """Only these sources; default: all."""
    functions: list[str] = []
    """Functions of `functions/` that every event for it goes through, in order, after the filters."""
    trigger: Query = Query("all")
    """Only events that this FQL query asks for."""
    consent: list[str] = []
    """Consent categories: an event that carries preferences goes here only when all of these are true."""
    filters: Annotated[list[DestinationFilter], Meta(max_length=10)] = []
    """What is kept from it: samples, events, properties; docs/filters.md."""
    settings: dict[str, Any] = {}
    """The destination's own settings; its module says which."""


class WarehouseTable(Settings, frozen=True, kw_only=True):
    """How a table of a warehouse is laid out, and how long its rows stay."""

    sort: list[str] = field(default_factory=lambda: ["received_at"])
    """Columns that queries mostly narrow down by: a BRIN index each in PostgreSQL, the order of rows in Parquet."""
    partition: Literal["none", "day", "month"] = "none"
    """Part a new table of PostgreSQL by the time of receipt; Parquet is always parted by day."""
    keep: Duration | None = None
    """Rows received longer ago go; default: they stay. Users and accounts have no age."""
    load: bool = True
    """False: nothing more goes into the table; what is there stays."""
    leave_out: list[str] = []
    """Columns that get no values, such as `email`, or a pattern such as `context_*`; never `id` and `received_at`."""


class WarehouseS3(Settings, frozen=True, kw_only=True):
    """How a bucket is reached."""

    region: str = "us-east-1"
    """Where it is."""
    endpoint: str | None = None
    """The address of an S3-compatible storage, such as `https://minio.example`; default: Amazon's own."""
    access_key: Secret | None = None
    """Default: from the environment (`AWS_ACCESS_KEY_ID` and its kin) or the machine's role."""
    secret_key: Secret | None = None
    """Belongs to `access_key`."""
    allow_http: bool = False
    """Let `endpoint` begin with `http://`."""


class Warehouse(Settings, frozen=True, kw_only=True):
    """Where events become tables."""

    type: Literal["duckdb", "postgres", "files"] = "duckdb"
    """A DuckDB file, a PostgreSQL database, or Parquet files."""
    path: str = "data/warehouse.duckdb"
    """Of the DuckDB file, or of the folder of files, relative to the workspace folder; or `s3://bucket/prefix`."""
    url: Secret | None = None
    """Of the PostgreSQL database, such as `postgresql://trackway@db.example:5432/analytics`, or `key=value` pairs."""
    password: Secret | None = None
    """Of the user in `url`, so that `url` need not have it."""
    iceberg: str | None = None
    """An SQLite file, relative to the workspace folder: keep a catalogue there that has the files as Iceberg tables."""
    s3: WarehouseS3 = WarehouseS3()
    """For a `path` in a bucket."""
    tables: dict[str, WarehouseTable] = {}
    """Options by table: `order_completed`, `shop.pages`, or a pattern such as `*`; the first that fits counts."""
    enabled: bool = True
    """False loads nothing and holds nothing back in the log for it."""
    load_every: Duration = Duration(2)
    """The longest an event waits before its rows are committed."""
    snapshot_every: Duration | None = None
    """How often a DuckDB file is copied to `….snapshot.duckdb` beside it, for other tools to open; default: never."""
    rows: Annotated[int, Meta(ge=1)] = 60_000
    """Events taken into one load at the most."""
    most_columns: Annotated[int, Meta(ge=30, le=20_000)] = 5_000
    """Of a table, 1,200 in PostgreSQL whatever stands here; the values of further ones go to the column `_rest`."""
    most_tables: Annotated[int, Meta(ge=10, le=100_000)] = 5_000
    """Of a source; the properties of events with further names go to the column `_rest` of `tracks`."""


class Collector(Settings, frozen=True, kw_only=True):
    """The public HTTP API."""

    host: Annotated[str, AT_START] = "127.0.0.1"
    """The address to listen on; `0.0.0.0` or `::` for all."""
    port: Annotated[Port, AT_START] = 8080
    """The port to listen on; 0 takes any that is free."""
    processes: Annotated[int, Meta(ge=1, le=64), AT_START] = 1
    """Collectors behind the one port, each with a partition of the raw log."""
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

    host: Annotated[str, AT_START] = "127.0.0.1"
    """The address to listen on."""
    port: Annotated[Port, AT_START] = 8081
    """The port to listen on; 0 takes any that is free."""
    token: Annotated[Secret | None, AT_START] = None
    """What opens the console; default: made at the first start, in `data/console-token`."""
    allowed_hosts: Annotated[list[str], AT_START] = []
    """Further names under which people reach it, such as a proxy's; others are refused (DNS rebinding)."""


class Log(Settings, frozen=True, kw_only=True):
    """How long the log keeps what everybody has read."""

    keep: Duration = Duration(7 * 24 * 3600)
    """Records older than this go, once everybody has read them."""
    keep_size: Size = Size(20 * 1024**3)
    """Of each of the two logs; beyond it the oldest records go, once everybody has read them."""
    floor: Size = Size(512 * 1024**2)
    """With less free disk than this no events are taken (429), until there is more again."""
    segment_size: Annotated[Size, AT_START] = Size(128 * 1024**2)
    """Of a file of the log; files are deleted whole."""


class Pipeline(Settings, frozen=True, kw_only=True):
    """What is done to every event between the raw log and the clean log."""

    skip: list[Step] = []
    """Parts that are left out for all sources."""
    geo_file: str | None = None
    """A file in MaxMind's format (`.mmdb`) with cities or countries by address, relative to the workspace folder."""
    own_domains: list[str] = []
    """Domains whose pages are no referrers, besides the page's own, such as a shop's payment page."""
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] | None = "USD"
    """The currency of amounts without one; null sets none."""
    rename_events: bool = True
    """Give old names and other spellings of Segment's semantic events the current name."""
    earliest_year: Annotated[int, Meta(ge=1, le=9999)] = 1990
    """An event from before this year took place when it was received: its clock is not believed."""
    future_limit: Duration = Duration(24 * 3600)
    """So does an event that lies further than this after its receipt."""
    skew_limit: Duration = Duration(3600)
    """A client's clock that is further off is remarked on; it is corrected all the same."""
    late_after: Duration = Duration(24 * 3600)
    """An event received this long after it happened is remarked on as late."""


class Identity(Settings, frozen=True, kw_only=True):
    """Which ids may become one person's in the identity ledger."""

    blocked: list[str] = []
    """Further ids that name nobody, such as a kiosk's; `null`, `anonymous`, `0` and their like are known."""
    ids_per_person: Annotated[int, Meta(ge=2)] = 100
    """A link that would give a person more ids is refused: the id it goes by is shared by many."""


class Canary(Settings, frozen=True, kw_only=True):
    """An event of Trackway's own that checks the whole path; no destination and no table gets it."""

    enabled: bool = True
    """False sends none."""
    every: Duration = Duration(60)
    """How often one is sent."""
    patience: Duration = Duration(60)
    """How long it may take to every reader of the log before `trackway ledger` and the server's log say where it is."""


class Delivery(Settings, frozen=True, kw_only=True):
    """How destinations are reached."""

    allow_private_addresses: bool = False
    """Let destinations name loopback, link-local and private addresses."""
    processes: Annotated[Literal["auto"] | Annotated[int, Meta(ge=1, le=64)], AT_START] = 1
    """Processes that send, each to some of the destinations. 1: the hub's own; `auto`: one less than the cores."""


class Workspace(Settings, frozen=True, kw_only=True):
    """All of `trackway.yaml`."""

    sources: dict[Slug, Source]
    """Where events come from."""
    destinations: dict[Slug, Destination] = {}
    """Where events go to."""
    warehouses: dict[Slug, Warehouse] = field(default_factory=lambda: {"duckdb": Warehouse()})
    """Where events become tables."""
    collector: Collector = Collector()
    """The public HTTP API."""
    console: Console = Console()
    """The web console and its API."""
    log: Log = Log()
    """How long the log keeps what everybody has read."""
    pipeline: Pipeline = Pipeline()
    """What is done to every event between the raw log and the clean log."""
    identity: Identity = Identity()
    """Which ids may become one person's in the identity ledger."""
    functions: dict[str, Function] = {}
    """By file name without `.py`; one that is not named here has no settings."""
    delivery: Delivery = Delivery()
    """How destinations are reached."""
    canary: Canary = Canary()
    """An event of Trackway's own that checks the whole path."""
    alerts: Alerts = Alerts()
    """Messages about what is worth one."""
    privacy: Privacy = Privacy()
    """What is done about personal data."""
    folder: Path = Path()
    """Where the file lies; set by the loader, not by the file."""

    @property
    def data(self) -> Path:
        """The folder of logs, state and the warehouse."""
        return self.folder / "data"

    @property
    def delivery_locks(self) -> Path:
        """The folder of the locks that keep a second process from a destination."""
        return self.data / "delivery"

    def skipping(self, step: Step) -> frozenset[str] | None:
        """Return the sources whose events a part of the pipeline leaves alone; None when it is left out for all."""
        if step in self.pipeline.skip:
            return None
        return frozenset(name for name, source in self.sources.items() if step in source.skip)

    @property
    def forwarded_topics(self) -> set[str]:
        """The topics of the clean log from which something is handed on to other sources."""
        wishes = [source.forward for source in self.sources.values()]
        topics = {
            DROPPED: any(one.blocked for one in wishes),
            QUARANTINE: any(one.violations for one in wishes),
            EVENTS: any(one.violations or one.events for one in wishes),
        }
        return {topic for topic, wanted in topics.items() if wanted}

    def display_name(self, source: str) -> str:
        """Return what people call a source."""
        found = self.sources.get(source)
        return (found.name if found else "") or source
