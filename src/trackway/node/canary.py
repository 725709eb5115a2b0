"""Sends a canary down the whole path every minute, and says where it got stuck.

    collector   it answers 200, so the call is in the raw log
    pipeline    it has read the call
    event       the trace index knows the call, and that it became an event
    …           each reader of the clean events (destinations, warehouses, identity, catalogue) has passed it

The report of the last one is `data/canary.json`, so that `trackway ledger` has it whether the server runs or not.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct, field
from prometheus_client.core import GaugeMetricFamily, Metric

from trackway.errors import TrackwayError
from trackway.events import canary
from trackway.events.records import EVENTS, RAW
from trackway.log import consumers
from trackway.log.contract import EventLog
from trackway.pipeline.tallies import POSITION
from trackway.workspace.model import Workspace

State = Literal["under_way", "passed", "late", "failed"]
STATES: tuple[State, ...] = ("under_way", "passed", "late", "failed")
_FIRST_AFTER_S = 5.0
"""After a start everything has its hands full."""
_LOOK_EVERY_S = 0.05
_ANSWER_S = 10.0
_decode_position = msgspec.msgpack.Decoder(dict[int, int]).decode
_log = logging.getLogger(__name__)

Found = Callable[[str], Sequence[str]]
"""Returns the topics of the clean log in which a message id stands. May block."""


class CanaryReport(Struct, kw_only=True):
    """How far a canary has come."""

    message_id: str
    sent_at_ms: int
    state: State = "under_way"
    """`late`: some hop took longer than `canary.patience`. `failed`: no part of the way was open."""
    hops: dict[str, float | None] = field(default_factory=dict[str, float | None])
    """Seconds from sending until each hop was passed, None for one that was not."""
    error: str = ""
    """Why the collector did not take it, or what became of it instead of an event."""

    @property
    def stuck(self) -> list[str]:
        """The hops that it has not passed."""
        return [name for name, seconds in self.hops.items() if seconds is None]


_decode = msgspec.json.Decoder(CanaryReport).decode


def last_report(data: Path) -> CanaryReport | None:
    """Return the report of the last canary; None when there was none yet."""
    try:
        return _decode((data / "canary.json").read_bytes())
    except (FileNotFoundError, msgspec.DecodeError):
        return None


class Canary:
    """Sends canaries from `run` until it is cancelled."""

    def __init__(
        self, workspace: Workspace, raw: EventLog, clean: EventLog, *, url: str, write_key: str, found: Found
    ) -> None:
        """`url` is where the collector listens, `write_key` what it knows the canary by."""
        self._workspace = workspace
        self._changed = asyncio.Event()
        self._raw = raw
        self._clean = clean
        self._url = url
        self._write_key = write_key
        self._found = found
        self._alarm = ""
        self.report = last_report(workspace.data)

    def configure(self, workspace: Workspace) -> None:
        """Take over changed settings."""
        self._workspace = workspace
        self._changed.set()

    async def run(self) -> None:
        """Send one every `canary.every`, each when the one before has passed or was given up."""
        due = time.monotonic() + _FIRST_AFTER_S
        while True:
            if await self._sleep_until(due):
                due = min(due, time.monotonic() + self._workspace.canary.every)
                continue
            due = time.monotonic() + self._workspace.canary.every
            if self._workspace.canary.enabled:
                try:
                    await self.fly()
                except (TrackwayError, OSError):
                    _log.exception("the canary could not be followed; the next one is sent all the same")

    async def _sleep_until(self, due: float) -> bool:
        """Return False when it is `due`, True when the settings changed before."""
        self._changed.clear()
        try:
            async with asyncio.timeout(max(0.0, due - time.monotonic())):
                return await self._changed.wait()
        except TimeoutError:
            return False

    async def fly(self) -> CanaryReport:
        """Send one, follow it until it has passed everything or patience ends, and return how it went."""
        report = CanaryReport(message_id=f"canary-{secrets.token_hex(12)}", sent_at_ms=time.time_ns() // 1_000_000)
        began = time.monotonic()
        if error := await self._send(report.message_id):
            report.state, report.error = "failed", error
        else:
            report.hops["collector"] = time.monotonic() - began
            await self._follow(report, began, await asyncio.to_thread(self._raw.heads, RAW))
        self.report = report
        await asyncio.to_thread(self._keep, report)
        self._sound(report)
        return report

    async def _send(self, message_id: str) -> str:
        """Send a canary; return what was wrong, `""` once it is kept."""
        import aiohttp  # takes longer to load than all that `trackway ledger` needs of this module

        call = {"messageId": message_id, "event": canary.EVENT, "anonymousId": "canary"}
        headers = {"Authorization": aiohttp.encode_basic_auth(self._write_key, "")}
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ANSWER_S)) as session,
                session.post(f"{self._url}/v1/track", json=call, headers=headers) as answer,
            ):
                return "" if answer.status == 200 else f"the collector answered {answer.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"the collector at {self._url} does not answer: {error or type(error).__name__}"

    async def _follow(self, report: CanaryReport, began: float, sent: Mapping[int, int]) -> None:
        """Note when each hop is passed; `sent` is the end of the raw log behind the canary."""
        deadline = began + self._workspace.canary.patience
        report.hops |= {"pipeline": None, "event": None}
        behind: dict[int, int] | None = None
        while True:
            if behind is None and await asyncio.to_thread(self._is_processed, sent):
                report.hops["pipeline"] = time.monotonic() - began
                # Everybody has passed the canary who has read up to here.
                behind = await asyncio.to_thread(self._clean.heads, EVENTS)
            if behind is not None:
                await asyncio.to_thread(self._look, report, began, behind)
            if report.error or (behind is not None and not report.stuck):
                report.state = "failed" if report.error else "passed"
                return
            if time.monotonic() > deadline:
                report.state = "late"
                return
            await asyncio.sleep(_LOOK_EVERY_S)

    def _is_processed(self, sent: Mapping[int, int]) -> bool:
        read: dict[int, int] = {}
        for mark in self._clean.marks(POSITION).values():
            read |= _decode_position(mark)
        return all(read.get(partition, 0) >= end for partition, end in sent.items())

    def _look(self, report: CanaryReport, began: float, behind: Mapping[int, int]) -> None:
        passed_s = time.monotonic() - began
        if report.hops["event"] is None and (topics := self._found(report.message_id)):
            if EVENTS in topics:
                report.hops["event"] = passed_s
            else:
                report.error = f"it became no event, but a record of {topics[0]}"
        for name, position in self._clean.consumers(EVENTS).items():
            if consumers.is_part(name) and report.hops.get(name) is None:
                passed = all(position.get(partition, 0) >= end for partition, end in behind.items())
                report.hops[name] = passed_s if passed else None

    def _keep(self, report: CanaryReport) -> None:
        file = self._workspace.data / "canary.json"
        draft = file.with_suffix(".new")
        try:
            draft.write_bytes(msgspec.json.encode(report))
            draft.replace(file)
        except OSError as error:  # a full disk is told by others
            _log.warning("the canary's report cannot be written: %s", error)

    def _sound(self, report: CanaryReport) -> None:
        """Sound the alarm once for each new trouble, and say when it is over."""
        stuck = f"not past {', '.join(map(consumers.shown, report.stuck))}" if report.stuck else ""
        alarm = "" if report.state == "passed" else report.error or stuck
        if alarm and alarm != self._alarm:
            _log.error("the canary %s is stuck: %s", report.message_id, alarm)
        elif self._alarm and not alarm:
            _log.warning("the canary flies again")
        self._alarm = alarm

    async def metrics(self) -> Sequence[Metric]:
        """Return how the last canary fared as Prometheus' metric families."""
        return list(_families(self.report)) if self.report else []


def _families(report: CanaryReport) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "trackway_canary_sent_timestamp_seconds", "When the last canary was sent.", report.sent_at_ms / 1000
    )
    state = GaugeMetricFamily("trackway_canary_state", "1 for what became of the last canary.", labels=["state"])
    for one in STATES:
        state.add_metric([one], one == report.state)
    yield state
    hops = GaugeMetricFamily(
        "trackway_canary_seconds", "From sending to each hop; a hop not passed is missing.", labels=["hop"]
    )
    for name, seconds in report.hops.items():
        if seconds is not None:
            hops.add_metric([name], seconds)
    yield hops
