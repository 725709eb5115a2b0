"""Settings of alerts: what is worth a message, and where it goes."""

import difflib
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct, field

from trackway.workspace.secret import Secret
from trackway.workspace.units import Duration

Condition = Literal[
    "no_events", "events", "quarantined", "destination_down", "behind", "success_rate", "failed", "warehouse_failing",
    "ledger", "disk", "canary", "sql",
]  # fmt: skip


class Smtp(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The mail server that takes an e-mail."""

    host: str = "localhost"
    """Its name."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 587
    """Usually 587 for `starttls`, 465 for `tls`, 25 for `none`."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """Encrypt after the greeting, from the start, or not at all: for a server on this machine."""
    user: str | None = None
    """Who signs in; default: nobody does."""
    password: Secret | None = None
    """Of `user`."""


class AlertChannel(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where messages go."""

    type: Literal["webhook", "slack", "email"]
    """A POST of JSON to an address of yours, Slack's incoming webhook, or e-mail."""
    url: Secret | None = None
    """Of the webhook; of Slack, such as `{env: SLACK_WEBHOOK_URL}`."""
    shared_secret: Secret | None = None
    """Signs a webhook: `X-Signature` is the hex HMAC-SHA1 of the body."""
    to: list[str] = []
    """Addresses of an e-mail."""
    from_: str | None = field(name="from", default=None)
    """Its sender."""
    smtp: Smtp = Smtp()
    """The server that takes the e-mail."""

    def __post_init__(self) -> None:
        """Raise ValueError for what this type of channel needs and does not have."""
        if self.type == "email":
            if not self.to or not self.from_:
                raise ValueError("an e-mail needs `to` and `from`, such as to: [ops@shop.example]")
            if any("@" not in one or not one.isprintable() for one in (*self.to, self.from_)):
                raise ValueError("`to` and `from` are addresses such as ops@shop.example")
            if self.url is not None or self.shared_secret is not None:
                raise ValueError("an e-mail has no `url` and no `shared_secret`; give `smtp`")
            return
        if self.url is None or not self.url.reveal().startswith(("https://", "http://")):
            raise ValueError("give `url`, a whole address like https://example.com/hook")
        if self.to or self.from_ or self.smtp != Smtp():
            raise ValueError("`to`, `from` and `smtp` are for type email")
        if self.type == "slack" and self.shared_secret is not None:
            raise ValueError("Slack takes no `shared_secret`")


class _Terms(NamedTuple):
    """What a rule may say besides `when`."""

    may: tuple[str, ...]
    needs: tuple[str, ...] = ()
    over: Duration | None = None
    """Where the rule says nothing."""
    above: float | None = None
    below: float | None = None


_BOUNDS = ("above", "below")
TERMS: dict[str, _Terms] = {
    "no_events": _Terms(("source", "over"), ("over",)),
    "events": _Terms(("source", "over", *_BOUNDS), ("over",)),
    "quarantined": _Terms(("source", "over", "above"), ("above",), over=Duration(900)),
    "destination_down": _Terms(("destination", "over"), over=Duration(60)),
    "behind": _Terms(("destination", "over"), ("over",)),
    "success_rate": _Terms(("destination", "over", "below"), ("below",), over=Duration(900)),
    "failed": _Terms(("destination", "over", "above"), over=Duration(900), above=0.0),
    "warehouse_failing": _Terms(("warehouse", "over"), over=Duration(300)),
    "ledger": _Terms(()),
    "disk": _Terms(("below",), below=7.0),
    "canary": _Terms(()),
    "sql": _Terms(("warehouse", "query", "over", *_BOUNDS), ("query",), over=Duration(300)),
}
_CHOICES = ("source", "destination", "warehouse", "over", "above", "below", "query")
_LONGEST = 30 * 86_400


class AlertRule(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Something that is worth a message."""

    when: Condition
    """What has to be so; docs/alerts.md."""
    source: str | None = None
    """Only this source; default: each."""
    destination: str | None = None
    """Only this destination; default: each."""
    warehouse: str | None = None
    """Only this warehouse; default: each. For `sql`, the one that is asked; default: the first."""
    over: Duration | None = None
    """The time over which is counted, or for which it has to be so; for `sql`, how often it is asked."""
    above: float | None = None
    """A message when the number is larger."""
    below: float | None = None
    """A message when it is smaller."""
    query: str | None = None
    """A statement in SQL whose answer's first value is the number."""
    send_to: list[str] | None = None
    """Channels; default: all."""
    enabled: bool = True
    """False is as if it were not there."""

    def __post_init__(self) -> None:
        """Raise ValueError for what does not go with `when`."""
        terms = TERMS[self.when]
        for name in _CHOICES:
            if getattr(self, name) is not None and name not in terms.may:
                said = ", ".join(terms.may) or "nothing else"
                raise ValueError(f"`{name}` means nothing for `when: {self.when}`, which takes {said}")
        for name in terms.needs:
            if getattr(self, name) is None:
                raise ValueError(f"`when: {self.when}` needs `{name}`")
        if self.when == "events" and self.above is None and self.below is None:
            raise ValueError("`when: events` needs `above` or `below`")
        if self.over is not None and not 1 <= self.over <= _LONGEST:
            raise ValueError("`over` is from 1 second to 30 days")
        share = {"quarantined": self.above, "success_rate": self.below}.get(self.when)
        if share is not None and not 0 <= share <= 1:
            raise ValueError(f"the bound of `when: {self.when}` is a share, from 0 to 1")

    @property
    def over_s(self) -> float:
        """`over` in seconds, or what it is where the rule does not say."""
        return float(self.over if self.over is not None else TERMS[self.when].over or 0)

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """`above` and `below`, or what they are where the rule does not say."""
        terms = TERMS[self.when]
        above = self.above if self.above is not None else terms.above
        below = self.below if self.below is not None else terms.below
        if self.when == "sql" and above is None and below is None:
            above = 0.0
        return above, below


USUAL = {
    "destination-down": AlertRule(when="destination_down"),
    "warehouse-failing": AlertRule(when="warehouse_failing"),
    "ledger": AlertRule(when="ledger"),
    "disk": AlertRule(when="disk"),
    "canary": AlertRule(when="canary"),
}
"""The rules that everybody has."""


class Alerts(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Messages about what is worth one."""

    channels: dict[Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,62}$")], AlertChannel] = {}
    """Where messages go."""
    usual: bool = True
    """Have the rules destination-down, warehouse-failing, ledger, disk and canary besides those of `rules`."""
    rules: dict[Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,62}$")], AlertRule] = {}
    """What is worth a message. One with the name of a usual rule replaces it."""
    console_url: str | None = None
    """The console's address in messages, such as `https://trackway.shop.example`; default: where it listens."""
    repeat_every: Duration = Duration(4 * 3600)
    """How often a message comes again while nothing has changed."""

    @property
    def in_force(self) -> dict[str, AlertRule]:
        """The usual rules and those of the file, without those that are switched off."""
        rules = {**USUAL, **self.rules} if self.usual else self.rules
        return {name: rule for name, rule in rules.items() if rule.enabled}


class Names(NamedTuple):
    """The names in a workspace that rules may speak of."""

    source: list[str]
    destination: list[str]
    warehouse: list[str]


def unknown_name(alerts: Alerts, names: Names) -> tuple[str, str] | None:
    """Return the place below `alerts` of a name that nothing has, and what is wrong with it; None if there is none."""
    for key, rule in alerts.rules.items():
        for kind, known in names._asdict().items():
            name = getattr(rule, kind)
            if name is not None and name not in known:
                return f"rules.{key}.{kind}", _no_such(kind, name, known)
        for name in rule.send_to or ():
            if name not in alerts.channels:
                return f"rules.{key}.send_to", _no_such("channel", name, list(alerts.channels))
    return None


def _no_such(kind: str, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"there is no {kind} {name}" + (f"; did you mean {near[0]}?" if near else "")
