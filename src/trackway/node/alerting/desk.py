"""What can be asked of alerts, and done with them, by the console and the command line."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from trackway.node.alerting.book import Over, Standing
from trackway.node.alerting.facts import now_ms
from trackway.node.alerting.keeper import AlertKeeper
from trackway.node.alerting.messages import Message
from trackway.workspace.alerting import USUAL, AlertRule, Alerts
from trackway.workspace.describe import written
from trackway.workspace.units import Duration

MOST_OVER = 200


class RuleView(Struct, frozen=True, kw_only=True):
    """A rule in force."""

    name: str
    when: str
    terms: dict[str, str]
    """What the rule says besides, as it would be written."""
    usual: bool
    """Whether it is one that everybody has, as it is."""
    firing: int
    """Subjects of which it holds."""
    error: str
    """Why it cannot be judged."""


class ChannelView(Struct, frozen=True, kw_only=True):
    """A channel."""

    name: str
    type: str
    error: str
    """Why it cannot be reached at the moment."""


class AlertsView(Struct, frozen=True, kw_only=True):
    """All of it."""

    rules: list[RuleView]
    channels: list[ChannelView]
    standings: list[Standing]
    """The oldest first; those with `fired_ms` and without `resolved_ms` hold and are worth a message."""
    over: list[Over]
    """The newest alerts that are over, those that ended last first."""


def view(
    alerts: Alerts,
    standings: Sequence[Standing],
    over: Sequence[Over] = (),
    *,
    mistakes: Mapping[str, str] | None = None,
    troubles: Mapping[str, str] | None = None,
) -> AlertsView:
    """Return how alerts stand; `mistakes` by rule and `troubles` by channel are those of a running product."""
    firing = [one.rule for one in standings if is_firing(one)]
    return AlertsView(
        rules=[
            RuleView(
                name=name,
                when=rule.when,
                terms=_terms(rule),
                usual=USUAL.get(name) == rule,
                firing=firing.count(name),
                error=(mistakes or {}).get(name, ""),
            )
            for name, rule in alerts.in_force.items()
        ],
        channels=[
            ChannelView(name=name, type=channel.type, error=(troubles or {}).get(name, ""))
            for name, channel in alerts.channels.items()
        ],
        standings=list(standings),
        over=list(over),
    )


def is_firing(one: Standing) -> bool:
    """Return whether a rule holds of its subject and has done so for long enough."""
    return one.fired_ms is not None and one.resolved_ms is None


def trial_message(link: str) -> Message:
    """Return a message that tries a channel."""
    at_ms = now_ms()
    return Message(
        alert="test",
        state="test",
        subject="",
        title="alerts from Trackway arrive here",
        text="Somebody asked for this message, to see that it arrives. Nothing is wrong.",
        link=link,
        since_ms=at_ms,
        at_ms=at_ms,
    )


class AlertDesk:
    """Answers the console."""

    def __init__(self, keeper: AlertKeeper) -> None:
        self._keeper = keeper

    def show(self) -> AlertsView:
        """Return how alerts stand."""
        keeper = self._keeper
        over = keeper.past(MOST_OVER)
        return view(keeper.alerts, keeper.standings, over, mistakes=keeper.mistakes(), troubles=keeper.troubles())

    async def test(self, channel: str) -> str:
        """Send a test message; return why it did not get there, `""` when it did.

        Raises:
            KeyError: there is no such channel.
        """
        keeper = self._keeper
        return await keeper.messenger.send(keeper.alerts.channels[channel], trial_message(keeper.console_url))


def _terms(rule: AlertRule) -> dict[str, str]:
    above, below = rule.bounds
    found = {
        "source": rule.source,
        "destination": rule.destination,
        "warehouse": rule.warehouse,
        "over": Duration(rule.over_s) if rule.over_s else None,
        "above": above,
        "below": below,
        "query": rule.query,
        "send_to": rule.send_to,
    }
    return {name: written(value) for name, value in found.items() if value is not None}
