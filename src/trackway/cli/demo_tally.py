"""What a play has sent and what the collector said to it, and the summary of that."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from trackway.cli.client import Verdict
from trackway.cli.shop import Plan, Request
from trackway.events.clock_skew import format_ms

_TYPES = ("track", "identify", "page", "screen", "group", "alias")
_CHANNELS = ("web", "app", "server")


class Sales(NamedTuple):
    """Orders in one currency."""

    orders: int
    revenue_cents: int


class Tally:
    """The counts of one play."""

    def __init__(self) -> None:
        self.sent: Counter[tuple[str, str]] = Counter()
        """Calls with a verdict, by type and channel; repeats too."""
        self.refused: Counter[str] = Counter()
        """Calls by reason."""
        self.unexpected: Counter[str] = Counter()
        """Verdicts that the play had not foreseen, among the above: `accepted` or a reason."""
        self.accepted = self.duplicates = self.late = self.skewed = self.requests = 0
        """`duplicates`: accepted calls whose message id had been accepted before; they are among `accepted`."""
        self.lost: list[str] = []
        """Why requests got no verdict."""
        self.lost_calls = 0
        self.sales: dict[str, Sales] = {}

    @property
    def total(self) -> int:
        """Calls with a verdict."""
        return self.sent.total()

    def add(self, request: Request, verdicts: Sequence[Verdict]) -> None:
        """Count an answered request."""
        self.requests += 1
        for event, verdict in zip(request.events, verdicts, strict=True):
            self.sent[event.json["type"], event.channel] += 1
            reason = verdict.reason if verdict.verdict != "accepted" else ""
            if reason != event.reason:
                self.unexpected[reason or "accepted"] += 1
            if reason:
                self.refused[reason] += 1
                continue
            self.accepted += 1
            if event.taken:
                self.duplicates += 1
                continue
            event.taken = True
            self.late += event.late
            self.skewed += event.skewed
            if event.order:
                before = self.sales.get(event.order.currency, Sales(0, 0))
                self.sales[event.order.currency] = Sales(
                    before.orders + 1, before.revenue_cents + event.order.revenue_cents
                )

    def lose(self, request: Request, why: str) -> None:
        """Count a request that got no verdict."""
        self.lost.append(why)
        self.lost_calls += len(request.events)

    def as_json(self, plan: Plan, seconds: float, *, retries: int) -> dict[str, Any]:
        """Return the summary for programs."""
        sent: dict[str, dict[str, int]] = {}
        for (kind, channel), count in sorted(self.sent.items()):
            sent.setdefault(kind, {})[channel] = count
        return {
            "seed": plan.seed,
            "started_at": format_ms(plan.start_ms),
            "seconds": round(seconds, 3),
            "rate": round(self.total / max(seconds, 0.001), 1),
            "requests": self.requests,
            "sent": self.total,
            "sent_by_type": sent,
            "accepted": self.accepted,
            "refused": dict(sorted(self.refused.items())),
            "duplicates": self.duplicates,
            "events": self.accepted - self.duplicates,
            "late": self.late,
            "skewed": self.skewed,
            "orders": {
                currency: {"orders": sales.orders, "revenue": sales.revenue_cents / 100}
                for currency, sales in sorted(self.sales.items())
            },
            "unexpected": dict(self.unexpected),
            "lost": self.lost_calls,
            "retries_without_answer": retries,
        }

    def print(self, console: Console, plan: Plan, seconds: float, *, retries: int, ask: str) -> None:
        """Print the summary for people; `ask` is the command that takes a question to the warehouse."""
        console.print(self._by_type())
        facts = Table.grid(padding=(0, 3))
        facts.add_column()
        facts.add_column(justify="right")
        facts.add_column(style="dim")
        facts.add_row("Accepted", f"{self.accepted:,}", "the collector's verdict")
        for reason, count in self.refused.most_common():
            facts.add_row("Refused", f"{count:,}", f"{reason}; in quarantine")
        facts.add_row("Duplicates", f"{self.duplicates:,}", "of the accepted; the pipeline drops them")
        facts.add_row(Text("Events", "bold"), Text(f"{self.accepted - self.duplicates:,}", "bold"), "left to deliver")
        facts.add_row("Late", f"{self.late:,}", "happened hours before they were sent")
        facts.add_row("Skewed", f"{self.skewed:,}", "from devices with a wrong clock; corrected")
        for currency, sales in sorted(self.sales.items()):
            revenue = f"revenue {sales.revenue_cents / 100:,.2f} {currency}"
            facts.add_row(f"Orders, {currency}", f"{sales.orders:,}", revenue)
        console.print(facts)
        rate = self.total / max(seconds, 0.001)
        console.print(f"\n{self.total:,} calls in {self.requests:,} requests, {seconds:.1f} s: [bold]{rate:,.0f}/s[/]")
        console.print(f"Play it again: [cyan]--seed {plan.seed}[/]. Compare:", soft_wrap=True)
        console.print(f"  {ask} {_question(plan)}", style="green", soft_wrap=True, markup=False)
        if retries:
            console.print(
                f"{retries} requests were sent again for want of an answer: there may be that many more duplicates.",
                style="yellow",
            )

    def _by_type(self) -> Table:
        table = Table(box=SIMPLE_HEAD, header_style="bold")
        table.add_column("sent")
        for channel in (*_CHANNELS, "all"):
            table.add_column(channel, justify="right")
        for kind in _TYPES:
            counts = [self.sent[kind, channel] for channel in _CHANNELS]
            table.add_row(kind, *(f"{count:,}" if count else "·" for count in (*counts, sum(counts))))
        sums = [sum(self.sent[kind, channel] for kind in _TYPES) for channel in _CHANNELS]
        table.add_row("all", *(f"{count:,}" for count in (*sums, self.total)), style="bold")
        return table


def _question(plan: Plan) -> str:
    """The question whose answer is the summary's orders; `print` shows it, nobody runs it from here."""
    columns = "currency, count(*) as orders, round(sum(revenue), 2) as revenue"
    since = f"received_at >= '{format_ms(plan.start_ms)}'"
    return f'"select {columns} from order_completed where {since} group by 1 order by 1"'  # noqa: S608
