"""Holds the rules against how everything stands, every few seconds, and sends the messages that are due."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy.exc import SQLAlchemyError

from trackway.errors import TrackwayError
from trackway.node.alerting.book import AlertBook, Over, Standing, Told, follow, is_due, settled
from trackway.node.alerting.facts import Facts
from trackway.node.alerting.messages import Message, Messenger
from trackway.node.alerting.rules import Said, holds_for_s, judge
from trackway.workspace.alerting import AlertRule, Alerts
from trackway.workspace.model import Workspace
from trackway.workspace.units import Duration

EVERY_S = 5.0
_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS = 30_000, 600_000
"""Between tries to reach a channel that cannot be."""
_log = logging.getLogger(__name__)


class _Trouble(NamedTuple):
    error: str
    next_ms: int
    pause_ms: int


class AlertKeeper:
    """Works from `run` until that is cancelled; `standings` is for any thread."""

    def __init__(
        self, alerts: Alerts, book: AlertBook, facts: Callable[[], Facts], messenger: Messenger, *, console_url: str
    ) -> None:
        """`facts` tells how everything stands, and may block; `console_url` begins the links in messages."""
        self.alerts = alerts
        """The settings in force."""
        self.messenger = messenger
        self._book, self._facts = book, facts
        self._address = console_url
        self.console_url = (alerts.console_url or console_url).rstrip("/")
        self._troubles: dict[str, _Trouble] = {}
        self._mistakes: dict[str, str] = {}
        self._asked: dict[str, tuple[int, list[Said]]] = {}
        self._paths: dict[tuple[str, str], str] = {}
        self.standings: Sequence[Standing] = ()
        """As they were at the last look."""

    def configure(self, workspace: Workspace) -> None:
        """Take over changed settings."""
        self.alerts = workspace.alerts
        self.messenger = Messenger(allow_private=workspace.delivery.allow_private_addresses)
        self.console_url = (workspace.alerts.console_url or self._address).rstrip("/")

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                await self.look()
            except (TrackwayError, SQLAlchemyError, OSError):
                _log.exception("alerts cannot be judged at the moment; trying again")
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Judge all rules, send what is due, and remember both."""
        rules = self.alerts.in_force
        facts, before = await asyncio.gather(asyncio.to_thread(self._facts), asyncio.to_thread(self._book.read))
        known = {(one.rule, one.subject): one for one in before}
        now = await asyncio.to_thread(self._judge, rules, facts, known)
        # What is on disk before a message goes may at worst be told twice, after a crash in between; never forgotten.
        await asyncio.to_thread(self._write, known, now)
        told = {key: await self._tell(one, rules[one.rule], facts.at_ms) for key, one in now.items()}
        kept = {key: one for key, one in told.items() if not settled(one)}
        over = [one for key, one in told.items() if key not in kept and one.fired_ms is not None]
        await asyncio.to_thread(self._write, now, kept, over)
        self.standings = list(kept.values())

    def _write(
        self,
        before: Mapping[tuple[str, str], Standing],
        now: Mapping[tuple[str, str], Standing],
        over: Sequence[Standing] = (),
    ) -> None:
        changed = [one for key, one in now.items() if before.get(key) != one]
        self._book.write(changed, before.keys() - now.keys(), over=over)

    def past(self, limit: int) -> list[Over]:
        """Return alerts that are over, those that ended last first. May block."""
        return self._book.past(limit)

    def _judge(
        self, rules: Mapping[str, AlertRule], facts: Facts, known: Mapping[tuple[str, str], Standing]
    ) -> dict[tuple[str, str], Standing]:
        """Return what there is to be remembered; a rule that is gone takes its standings with it."""
        found: dict[tuple[str, str], Standing] = {}
        for name, rule in rules.items():
            said = self._said(name, rule, facts)
            if said is None:  # it cannot be told: what was so is so
                found |= {key: one for key, one in known.items() if key[0] == name}
                continue
            for one in said:
                key = name, one.subject
                self._paths[key] = one.path
                after = follow(known.get(key), name, one, facts.at_ms, holds_for_s=holds_for_s(rule))
                if after is not None:
                    found[key] = after
            # A destination that is gone has no trouble any more.
            for key, one in known.items():
                if key[0] == name and key[1] not in {each.subject for each in said} and one.fired_ms is not None:
                    found[key] = one if one.resolved_ms else msgspec.structs.replace(one, resolved_ms=facts.at_ms)
        return found

    def _said(self, name: str, rule: AlertRule, facts: Facts) -> list[Said] | None:
        asked = self._asked.get(name) if rule.when == "sql" else None
        if asked is not None and facts.at_ms - asked[0] < rule.over_s * 1000:
            return asked[1]
        try:
            said = judge(rule, facts)
        except (TrackwayError, ValueError, TypeError) as error:
            if self._mistakes.get(name) != str(error):
                self._mistakes[name] = str(error)
                _log.error("the alert %s cannot be judged: %s", name, " ".join(str(error).split()))
            return None
        self._mistakes.pop(name, None)
        if rule.when == "sql":
            said = [one._replace(title=f"{name}: {one.title}") for one in said]
            self._asked[name] = facts.at_ms, said
        return said

    async def _tell(self, one: Standing, rule: AlertRule, now_ms: int) -> Standing:
        wanted = self.alerts.channels if rule.send_to is None else rule.send_to
        # Who is no channel of the rule any more has not to be told of its end.
        one = msgspec.structs.replace(one, told={name: told for name, told in one.told.items() if name in wanted})
        for name in wanted:
            if not is_due(one, name, now_ms, self.alerts.repeat_every) or self._waits(name, now_ms):
                continue
            if await self._send(name, self._message(one, now_ms), now_ms):
                told = Told(one.resolved_ms is not None, now_ms)
                one = msgspec.structs.replace(one, told={**one.told, name: told})
        return one

    def _message(self, one: Standing, now_ms: int) -> Message:
        return Message(
            alert=one.rule,
            state="firing" if one.resolved_ms is None else "resolved",
            subject=one.subject,
            title=one.title,
            text=one.text if one.resolved_ms is None else f"It is over after {_span(one)}. What was told: {one.text}",
            link=self.console_url + self._paths.get((one.rule, one.subject), "/"),
            since_ms=one.since_ms,
            at_ms=now_ms,
        )

    def _waits(self, channel: str, now_ms: int) -> bool:
        trouble = self._troubles.get(channel)
        return trouble is not None and now_ms < trouble.next_ms

    async def _send(self, channel: str, message: Message, now_ms: int) -> bool:
        error = await self.messenger.send(self.alerts.channels[channel], message)
        if not error:
            if self._troubles.pop(channel, None):
                _log.warning("the channel %s takes messages again", channel)
            return True
        before = self._troubles.get(channel)
        if before is None or before.error != error:
            _log.error("an alert cannot be sent to %s: %s; it is tried again", channel, error)
        pause_ms = min(2 * before.pause_ms, _LONGEST_PAUSE_MS) if before else _FIRST_PAUSE_MS
        self._troubles[channel] = _Trouble(error, now_ms + pause_ms, pause_ms)
        return False

    def troubles(self) -> dict[str, str]:
        """Return for each channel that could not be reached why."""
        return {name: trouble.error for name, trouble in self._troubles.items()}

    def mistakes(self) -> dict[str, str]:
        """Return for each rule that cannot be judged why."""
        return dict(self._mistakes)

    async def metrics(self) -> Sequence[Metric]:
        """Return what is firing as Prometheus' metric families."""
        firing = GaugeMetricFamily("trackway_alerts_firing", "Subjects of which a rule holds.", labels=["rule"])
        for name in self.alerts.in_force:
            held = [one for one in self.standings if one.rule == name and one.fired_ms and not one.resolved_ms]
            firing.add_metric([name], len(held))
        return [firing]


def _span(one: Standing) -> str:
    return Duration(max(1, round(((one.resolved_ms or one.since_ms) - one.since_ms) / 1000))).written()
