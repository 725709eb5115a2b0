"""The thread behind the identity ledger, over a real log."""

from contextlib import closing
from pathlib import Path

from tests.fresh_state import fresh_state
from tests.running import poll_until
from trackway.events.records import CLEAN_TOPICS, EventRecord, Place, encode
from trackway.identity.ledger import IdentityLedger
from trackway.identity.service import identity_feed
from trackway.log.sqlite import SqliteLog


def event(kind: str, number: int, user: str, anonymous: str) -> bytes:
    body = b'{"groupId":"acme"}' if kind == "group" else b"{}"
    return encode(EventRecord("web", kind, f"m{number}", "", user, anonymous, number, number, Place(0, number), body))


def test_events_before_and_after_a_restart_count_once(tmp_path: Path):
    engine = fresh_state(tmp_path / "state.db")
    with closing(SqliteLog(tmp_path / "clean", CLEAN_TOPICS)) as log, log.writer(0) as writer:
        writer.append({"events": [event("identify", 1, "u1", "a1"), event("track", 2, "u2", "a1")]})
        for batch in (2, 3):
            ledger = IdentityLedger(engine)
            service = identity_feed(ledger, log)
            service.start()
            writer.append({"events": [event("identify", batch, "u1", f"a{batch}"), event("group", batch, "u1", "a1")]})
            head = log.heads("events")[0]
            poll_until(lambda ledger=ledger, head=head: ledger.positions() == {0: head}, what="all events entered")
            service.stop()
        [person] = IdentityLedger(engine).who("u1")
        assert [member.id for member in person.ids] == ["a1", "u1", "a2", "a3"]
        assert [link.place for link in person.links] == [Place(0, 0), Place(0, 2), Place(0, 4)]
        assert [group.id for group in person.groups] == ["acme"]
        assert log.consumers("events")["identity"] == {0: head}
    engine.dispose()
