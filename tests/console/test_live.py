import asyncio

import aiohttp
import pytest

from tests.console.harness import ConsoleServer, wait_until
from tests.console.sse import Stream
from trackway.console import live, stream
from trackway.console.history import format_vector, parse_vector
from trackway.console.live import Ring
from trackway.events.records import CLEAN_TOPICS, EVENTS
from trackway.log.contract import Slice


async def test_every_kind_of_record_arrives_as_it_happens(console, http):
    async with Stream(http) as tail:
        opening = await tail.next("history")
        assert opening.data == {"resumed": False, "scanned": 0, "exhausted": True,
                                "before": "dropped.0.0,events.0.0,quarantine.0.0"}  # fmt: skip
        offset = console.event(
            {"event": "Order Completed", "userId": "u7", "anonymousId": "a7", "messageId": "m7",
             "timestamp": "2026-11-20T10:00:00.250Z", "properties": {"total": 12.5}},
            at_ms=1_795_168_800_900, findings=[("id_was_number", "/userId")],
        )  # fmt: skip
        (event,) = await tail.records(1)
        body = event.pop("body")
        assert event == {
            "position": {"topic": "events", "partition": 0, "offset": offset},
            "outcome": "ok", "source": "shop", "type": "track", "name": "Order Completed", "messageId": "m7",
            "userId": "u7", "anonymousId": "a7",
            "receivedAt": "2026-11-20T10:00:00.900Z", "timestamp": "2026-11-20T10:00:00.250Z",
            "findings": [{"code": "id_was_number", "pointer": "/userId",
                          "detail": "An id was sent as a number and became text."}],
        }  # fmt: skip
        assert body["properties"] == {"total": 12.5}

        console.quarantine(
            b'{"type":"track","event":7,"userId":"u1"}', ("event_not_string", "/event", "`event` must be text."),
            at_ms=1_795_168_801_000,
        )  # fmt: skip
        (refused,) = await tail.records(1)
        assert refused == {
            "position": {"topic": "quarantine", "partition": 0, "offset": 0},
            "outcome": "quarantined", "source": "shop", "type": "track", "name": "", "messageId": "q1", "userId": "u1",
            "receivedAt": "2026-11-20T10:00:01.000Z", "stage": "validate", "reason": "event_not_string",
            "pointer": "/event", "message": "`event` must be text.",
            "body": {"type": "track", "event": 7, "userId": "u1"},
        }  # fmt: skip

        again = {"type": "track", "event": "Order Completed", "userId": "u7", "messageId": "m7"}
        console.duplicate(again, of=offset)
        (dropped,) = await tail.records(1)
        assert dropped["outcome"] == "dropped"
        assert (dropped["name"], dropped["userId"]) == ("Order Completed", "u7")
        assert dropped["reason"] == "duplicate"
        assert dropped["original"] == {"topic": "events", "partition": 0, "offset": offset}
        assert "body" not in dropped


async def test_bodies_that_are_no_json_come_as_text_and_break_nothing(console, http):
    bodies = [
        b'{"a": "\\x"}',
        b"\xff\xfe",
        b"[" * 5000,
        b'{"a":\r\n\r\n "b"}',
        b"data: x\n\nevent: gap\ndata: {}",
        b"7",
    ]
    async with Stream(http) as tail:
        await tail.next("history")
        for body in bodies:
            console.quarantine(body, ("body_not_json", "", "not JSON"))
        got = await tail.records(len(bodies))
    assert [each.get("bodyText") for each in got] == [
        '{"a": "\\x"}', "��", "[" * 5000, None, "data: x\n\nevent: gap\ndata: {}", None,
    ]  # fmt: skip
    assert got[3]["body"] == {"a": "b"}
    assert got[5]["body"] == 7


async def test_it_begins_with_the_newest_records_oldest_first(console, http):
    for i in range(300):
        console.event(messageId=f"m{i}", at_ms=1_795_168_800_000 + i)
    async with Stream(http) as tail:
        opening = await tail.next("history")
        first = await tail.records(200)
        assert [each["messageId"] for each in first] == [f"m{i}" for i in range(100, 300)]
        assert opening.data["exhausted"] is False
        older = await (await http.get(f"/api/events?before={opening.data['before']}&limit=150")).json()
        assert [each["messageId"] for each in older["events"]] == [f"m{i}" for i in range(99, -1, -1)]
        assert older["exhausted"] is True
    async with Stream(http, "/api/live?recent=3&body=0") as tail:
        last = await tail.records(3)
        assert [each["messageId"] for each in last] == ["m297", "m298", "m299"]
        assert "body" not in last[0]


async def test_a_reconnecting_viewer_misses_nothing_and_sees_nothing_twice(console, http):
    async with Stream(http) as tail:
        await tail.next("history")
        console.event(messageId="before")
        await tail.records(1)
        place = tail.last_id
    for i in range(700):
        console.event(messageId=f"away{i}")
    console.duplicate({"type": "track", "messageId": "away0"})
    away = [f"away{i}" for i in range(700)] + ["away0"]
    for how in ({"Last_Event_ID": place}, {"path": f"/api/live?after={place}"}):
        async with Stream(http, **how) as tail:
            assert (await tail.next("history")).data["resumed"] is True
            got = await tail.records(len(away))
            assert sorted(each["messageId"] for each in got) == sorted(away)
            console.event(messageId="after")
            assert [each["messageId"] for each in await tail.records(1)] == ["after"]
        away.append("after")


async def test_a_viewer_that_breaks_off_in_the_opening_goes_on_from_there(console, http):
    console.events([{"messageId": f"m{i}"} for i in range(stream.CHUNK_RECORDS + 20)])
    seen: list[str] = []
    async with Stream(http, "/api/live?recent=5000") as tail:
        seen += [each["messageId"] for each in (await tail.next("records")).data]
        place = tail.last_id
    assert len(seen) == stream.CHUNK_RECORDS
    async with Stream(http, Last_Event_ID=place) as tail:
        seen += [each["messageId"] for each in await tail.records(20)]
    assert seen == [f"m{i}" for i in range(stream.CHUNK_RECORDS + 20)]


async def test_after_a_long_absence_the_gap_is_told(console, http, monkeypatch):
    monkeypatch.setattr(stream, "RESUME_RECORDS", 50)
    console.event(messageId="seen")
    async with Stream(http) as tail:
        await tail.end_of_opening()
        place = tail.last_id
    # While the server believes that the viewer is still there, it holds the records ready and nothing is missed.
    await asyncio.to_thread(wait_until, lambda: not console.app.state.hub.watched)
    console.events([{"messageId": f"m{i}"} for i in range(120)])
    async with Stream(http, Last_Event_ID=place) as tail:
        assert (await tail.next("history", "records")).event == "history"
        assert (await tail.next()).data == {"count": 70}
        assert [each["messageId"] for each in await tail.records(50)] == [f"m{i}" for i in range(70, 120)]


@pytest.mark.parametrize("place", ["events.0.999999", "nonsense", "raw.0.1", "events.0.1;drop", "events.0.-1"])
async def test_a_place_of_another_log_begins_anew(console, http, place):
    console.event(messageId="m1")
    async with Stream(http, Last_Event_ID=place) as tail:
        assert (await tail.next("history")).data["resumed"] is False
        assert (await tail.records(1))[0]["messageId"] == "m1"


async def test_a_slow_viewer_gets_a_gap_and_memory_stays_bounded(console, http, monkeypatch):
    monkeypatch.setattr(stream, "MESSAGE_GAP_S", 0.2)
    console.app.state.hub._max_records = 1000
    async with Stream(http, "/api/live?body=0") as tail:
        await tail.next("history")
        wait_until(lambda: console.app.state.hub.watched)
        for i in range(20):
            console.events([{"messageId": f"m{i * 500 + j}"} for j in range(500)])
        got, missed = 0, 0
        while got + missed < 10_000:
            message = await tail.next("records", "gap")
            if message.event == "gap":
                missed += message.data["count"]
            else:
                got += len(message.data)
        assert got + missed == 10_000
        assert missed > 0
        assert message.data[-1]["messageId"] == "m9999"
        assert sum(len(piece.records) for piece in console.app.state.hub._ring._pieces) <= 1000 + live.PIECE_RECORDS


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("source=app", ["m2"]),
        ("type=page", ["m3"]),
        ("outcome=ok", ["m1", "m2", "m3", "m4"]),
        ("outcome=quarantined", ["q1"]),
        ("outcome=dropped", ["m1"]),
        ("name=order", ["m1"]),
        ("name=PRICING", ["m3"]),
        ("user=U-9", ["m2"]),
        ("user=anon", ["m3"]),
        ("q=%22plan%22:%20%22pro%22", ["m2"]),
        ("q=z%C3%BCrich", ["m4"]),
        ("q=event_not", ["q1"]),
        ("q=m2", ["m2"]),
        ("q=nowhere", []),
        ("type=track&source=shop&name=order", ["m1", "q1"]),
    ],
)
async def test_filters_hold_for_old_and_new_records(console, http, query, expected):
    def all_kinds() -> None:
        console.event(event="Order Completed", messageId="m1", userId="u1")
        console.event(event="Signed Up", messageId="m2", userId="u-9", source="app", properties={"plan": "pro"})
        console.event(type="page", name="Pricing", messageId="m3", userId=None, anonymousId="anon-3")
        console.event(messageId="m4", event="Moved", properties={"city": "Zürich"})
        console.quarantine(b'{"type":"track","event":["Order"]}', ("event_not_string", "/event", "must be text"))
        console.duplicate({"type": "track", "messageId": "m1"})

    if "type=track&" in query:
        expected = ["m1"]
    all_kinds()
    async with Stream(http, f"/api/live?{query}") as tail:
        await tail.next("history")
        if expected:
            assert sorted(each["messageId"] for each in await tail.records(len(expected))) == sorted(expected)
        all_kinds()
        if expected:
            assert sorted(each["messageId"] for each in await tail.records(len(expected))) == sorted(expected)
    page = await (await http.get(f"/api/events?{query}")).json()
    assert sorted(each["messageId"] for each in page["events"]) == sorted(expected * 2)


async def test_records_that_the_filter_keeps_back_move_the_place_to_resume(console, http, monkeypatch):
    async with Stream(http, "/api/live?name=never") as tail:
        await tail.end_of_opening()
        console.event()
        await tail.until(lambda: parse_vector(tail.last_id, CLEAN_TOPICS) == {
            (EVENTS, 0): 1, ("quarantine", 0): 0, ("dropped", 0): 0})  # fmt: skip


async def test_bad_parameters_are_named(http):
    for query in ("outcome=odd", "recent=-1", "recent=9999999", "recent=x", "body=yes"):
        answer = await http.get(f"/api/live?{query}")
        assert answer.status == 400
        assert query.split("=")[0] in (await answer.json())["message"]


async def test_counts_are_pushed_when_they_change_and_only_then(console, http):
    async with Stream(http) as tail:
        first = (await tail.next("overview")).data
        assert first["sources"] == []
        assert first["consumers"] == [{"consumer": "delivery.crm", "topic": "events", "lag": 0}]
        console.event()
        console.event()
        while not (sources := (await tail.next("overview")).data["sources"]) or sources[0]["events"] < 2:
            pass
        assert sources[0]["source"] == "shop"


async def test_nothing_is_read_while_nobody_watches(console, http):
    hub = console.app.state.hub
    assert hub._ring is None
    async with Stream(http) as one, Stream(http) as two:
        await one.next("history")
        await two.next("history")
        tails = hub._tails
        assert len(tails) == 3
        assert all(tail.is_alive() for tail in tails)
    await asyncio.to_thread(wait_until, lambda: hub._ring is None and not any(tail.is_alive() for tail in tails))


async def test_too_many_viewers_are_turned_away(console, http, monkeypatch):
    monkeypatch.setattr(live, "MAX_VIEWERS", 1)
    async with Stream(http) as tail:
        await tail.next("history")
        answer = await http.get("/api/live")
        assert (answer.status, (await answer.json())["code"]) == (503, "too_many_viewers")


async def test_a_stopping_server_ends_the_streams(console: ConsoleServer, http: aiohttp.ClientSession):
    async with Stream(http) as tail:
        await tail.next("history")
        place = tail.last_id
        await asyncio.to_thread(console.restart)  # a stream that does not end would hold it up
        await tail.end()
    console.event(messageId="after the restart")
    async with Stream(http, Last_Event_ID=place) as tail:
        assert (await tail.records(1))[0]["messageId"] == "after the restart"


async def test_all_of_many_events_are_seen_in_order_while_they_come(console, http):
    def send() -> None:
        for start in range(0, 2000, 10):
            console.events([{"messageId": str(number)} for number in range(start, start + 10)])

    async with Stream(http, "/api/live?body=0") as tail:
        await tail.next("history")
        sending = asyncio.create_task(asyncio.to_thread(send))
        seen: list[str] = []
        while len(seen) < 2000:
            seen += [each["messageId"] for each in (await tail.next("records")).data]
        await sending
    assert seen == [str(number) for number in range(2000)]


def test_the_ring_gives_each_record_once_and_counts_what_it_lost():
    ring = Ring({(EVENTS, 0): 0}, max_records=400, max_bytes=1 << 20)
    number, start = ring.end()
    assert (number, start) == (0, {(EVENTS, 0): 0})
    for i in range(5):
        ring.push(EVENTS, [Slice(0, i * 300, 0, [b"x"] * 300)])
    taken = ring.take(0, max_records=10_000)
    assert taken.missed + sum(len(piece.records) for piece in taken.pieces) == 1500
    assert taken.pieces[0].first == taken.missed
    assert taken.pieces[-1].next == 1500
    assert ring.take(1500, max_records=100) == (0, [])
    assert ring.end() == (1500, {(EVENTS, 0): 1500})


def test_the_ring_is_bounded_by_bytes_too():
    ring = Ring({}, max_records=1000, max_bytes=1000)
    for i in range(50):
        ring.push(EVENTS, [Slice(0, i, 0, [b"x" * 400])])
    assert ring.take(0, max_records=1000).missed == 48


def test_a_vector_reads_back_as_it_was_written():
    vector = {(EVENTS, 0): 17, ("quarantine", 12): 0}
    assert format_vector(vector) == "events.0.17,quarantine.12.0"
    assert parse_vector(format_vector(vector), CLEAN_TOPICS) == vector
