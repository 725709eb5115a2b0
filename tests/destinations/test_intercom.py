"""What the cases cannot show: no answer makes a conversation go on without end."""

import contextlib
from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.destinations import kit, registry
from trackway.destinations.destination import Exchange

_FOUND = b'{"total_count":1,"data":[{"id":"c-1"}],"id":"c-1"}'
_NOT_FOUND = b'{"total_count":0,"data":[],"errors":[{"code":"not_found","message":null}]}'
_KNOWN = b'{"errors":[{"code":"conflict","message":"A contact already exists with id=c-2"}]}'
_ANSWERS = st.sampled_from(
    [(200, _FOUND), (200, _NOT_FOUND), (404, _NOT_FOUND), (409, _KNOWN), (202, b""), (500, b"<")]
)
_KINDS = st.sampled_from(["identify", "group", "track"])


@given(_KINDS, st.booleans(), st.lists(_ANSWERS, min_size=1, max_size=4))
@settings(max_examples=300, deadline=None)
def test_whatever_intercom_answers_a_row_has_an_end(kind: str, known: bool, said: Sequence[tuple[int, bytes]]) -> None:
    destination = registry.load("intercom", {"access_token": "dG9r"}, where="settings")
    event = {"type": kind, "messageId": "m-1", "event": "x", "groupId": "g-1", "timestamp": "2026-11-20T10:00:00Z"}
    event |= {"traits": {"email": "a@b.example"}, "context": {"traits": {"email": "a@b.example"}}}
    for _ in range(3):  # also with what was remembered from before
        rows = destination.rows(kit.Event.from_json(msgspec.json.encode(event | ({"userId": "u-1"} if known else {}))))
        assert isinstance(rows, Sequence)
        assert _converse(destination.exchange(rows), said) <= 8


def _converse(exchange: Exchange, said: Sequence[tuple[int, bytes]]) -> int:
    """Give the answers in turn, again and again; return how many it took."""
    asked = 0
    with contextlib.suppress(StopIteration):
        next(exchange)
        while asked < 50:
            status, body = said[asked % len(said)]
            asked += 1
            exchange.send(kit.Response(status=status, body=body))
    return asked
