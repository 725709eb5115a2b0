"""Who is told of what, and when: also over restarts, and when nobody can be reached."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

from tests.fresh_state import fresh_state
from tests.node.alerting.test_rules import NOW, facts
from trackway.node.alerting import book
from trackway.node.alerting.book import AlertBook
from trackway.node.alerting.keeper import AlertKeeper
from trackway.node.alerting.messages import Message, Messenger
from trackway.warehouse.contract import QueryError
from trackway.workspace.alerting import AlertChannel, AlertRule, Alerts
from trackway.workspace.secret import Secret
from trackway.workspace.units import Duration

CHANNEL = AlertChannel(type="webhook", url=Secret("https://ops.example/hook"))


class Post(Messenger):
    """A messenger that remembers; it reaches the channels that are not `down`."""

    def __init__(self) -> None:
        super().__init__(allow_private=False)
        self.told: list[tuple[str, str]] = []
        self.tried = 0
        self.down = False

    async def send(self, channel: AlertChannel, message: Message) -> str:
        self.tried += 1
        if self.down:
            return "it cannot be reached (ECONNREFUSED)"
        self.told.append((message.state, message.alert + message.subject))
        return ""


class World:
    """A product of which the ledger balances or not, at a time that the test sets; it may be restarted."""

    def __init__(self, engine: Engine, **rules: AlertRule) -> None:
        self.engine, self.post, self.at_s = engine, Post(), 0
        self.alerts = Alerts(channels={"ops": CHANNEL}, usual=False, rules=rules, repeat_every=Duration(3600))
        self.known: dict[str, Any] = {}
        self.restart()

    def restart(self) -> None:
        def now() -> Any:
            return facts(at_ms=NOW + self.at_s * 1000, **self.known)

        self.keeper = AlertKeeper(self.alerts, AlertBook(self.engine), now, self.post, console_url="http://c")

    def look(self, at_s: int, *, bad: bool = True) -> list[tuple[str, str]]:
        self.at_s = at_s
        self.known["differences"] = {"records in events": 1} if bad else {}
        self.post.told.clear()
        asyncio.run(self.keeper.look())
        return list(self.post.told)


@pytest.fixture
def engine(tmp_path: Path) -> Any:
    engine = fresh_state(tmp_path / "state.db")
    yield engine
    engine.dispose()


def test_a_message_comes_once_again_after_a_while_and_when_it_is_over(engine: Engine) -> None:
    world = World(engine, books=AlertRule(when="ledger"))
    assert world.look(0, bad=False) == []
    assert world.look(5) == [("firing", "books")]
    world.restart()
    assert world.look(10) == []
    assert world.look(3600) == []
    assert world.look(3605) == [("firing", "books")]
    world.restart()
    assert world.look(3610, bad=False) == [("resolved", "books")]
    assert world.look(3615, bad=False) == []
    assert AlertBook(engine).read() == []
    assert world.look(3620) == [("firing", "books")]


def test_what_was_worth_a_message_and_is_over_is_kept_the_newest_first(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(book, "MOST_OVER", 2)
    world = World(engine, books=AlertRule(when="ledger"))
    for began_s in (0, 10, 20):
        world.look(began_s)
        world.look(began_s + 5, bad=False)
    first, second = AlertBook(engine).past(9)
    assert [(one.rule, one.fired_ms, one.resolved_ms - one.since_ms) for one in (first, second)] == [
        ("books", first.since_ms, 5000), ("books", second.since_ms, 5000),
    ]  # fmt: skip
    assert first.since_ms - second.since_ms == 10_000
    assert AlertBook(engine).past(1) == [first]
    late = World(engine, down=AlertRule(when="destination_down", over=Duration(60)))
    from tests.node.alerting.test_rules import destination

    late.known = {"destinations": [destination(breaker="open")]}
    late.look(100)
    late.known = {"destinations": [destination(requests=1)]}
    late.look(105)
    assert AlertBook(engine).past(9) == [first, second], "it lasted shorter than the rule says"


def test_what_lasts_shorter_than_the_rule_says_is_no_message(engine: Engine) -> None:
    from tests.node.alerting.test_rules import destination

    world = World(engine, down=AlertRule(when="destination_down", over=Duration(60)))
    world.known = {"destinations": [destination(breaker="open")]}
    assert world.look(0) == world.look(59) == []
    world.known = {"destinations": [destination(requests=1)]}
    assert world.look(60) == []
    world.known = {"destinations": [destination(breaker="open")]}
    assert world.look(61) == world.look(120) == []
    assert world.look(121) == [("firing", "downcrm")]
    world.known = {"destinations": []}  # taken out of trackway.yaml
    assert world.look(126) == [("resolved", "downcrm")]


def test_a_channel_that_cannot_be_reached_is_told_later_and_not_asked_all_the_time(engine: Engine) -> None:
    world = World(engine, books=AlertRule(when="ledger"))
    world.post.down = True
    for at_s in range(0, 300, 5):
        assert world.look(at_s) == []
    assert world.post.tried == 4  # after 0, 30, 90, 210 s
    assert "ECONNREFUSED" in world.keeper.troubles()["ops"]
    world.post.down = False
    assert world.look(450) == [("firing", "books")]
    assert world.keeper.troubles() == {}
    # Somebody who was not told that it began is not told that it is over.
    world.look(455, bad=False)
    world.post.down = True
    world.look(1000)
    assert world.look(1005, bad=False) == []
    world.post.down = False
    assert world.look(2000, bad=False) == []


def test_what_cannot_be_judged_stays_as_it_was(engine: Engine) -> None:
    world = World(engine, few=AlertRule(when="sql", query="select 1", over=Duration(10)))
    world.known["ask"] = lambda *_: 1
    assert world.look(0) == [("firing", "few")]

    def fail(*_: Any) -> Any:
        raise QueryError("no table orders")

    world.known["ask"] = fail
    assert world.look(5) == []  # not asked again so soon
    assert world.keeper.mistakes() == {}
    assert world.look(15) == []
    assert world.keeper.mistakes() == {"few": "no table orders"}
    world.known["ask"] = lambda *_: 0
    assert world.look(20) == [("resolved", "few")]


def test_a_rule_that_is_gone_is_forgotten_and_another_channel_is_told(engine: Engine) -> None:
    world = World(engine, books=AlertRule(when="ledger"))
    world.look(0)
    world.alerts = msgspec.structs.replace(world.alerts, channels={"ops": CHANNEL, "more": CHANNEL})
    world.restart()
    assert world.look(5) == [("firing", "books")]
    world.alerts = msgspec.structs.replace(world.alerts, rules={})
    world.restart()
    assert world.look(10) == []
    assert AlertBook(engine).read() == []
