import pytest

from tests.console.harness import INGEST, Ledger
from trackway import __version__
from trackway.console.app import reconfigure
from trackway.console.overview import Rates
from trackway.workspace.model import Source, Workspace


async def test_one_record_comes_with_the_call_as_it_was_sent(console, http):
    console.event(messageId="m0")
    offset = console.event(messageId="m1", event="Order Completed", ip="198.51.100.4", user_agent="<b>agent</b>",
                           at_ms=1_795_168_800_000)  # fmt: skip
    answer = await http.get(f"/api/events/events/0/{offset}")
    found = await answer.json()
    assert found["record"]["messageId"] == "m1"
    assert found["record"]["body"]["event"] == "Order Completed"
    assert found["raw"] == {
        "position": {"topic": "raw", "partition": 0, "offset": 1},
        "receivedAt": "2026-11-20T10:00:00.000Z", "sentAt": None, "ip": "198.51.100.4",
        "userAgent": "<b>agent</b>", "clientSide": False,
        "body": '{"type": "track", "event": "Order Completed", "userId": "u1", "messageId": "m1"}', "shared": "",
    }  # fmt: skip
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_dropped_record_shows_the_body_of_its_call(console, http):
    offset = console.duplicate({"type": "track", "event": "Signed Up", "messageId": "m1"})
    found = await (await http.get(f"/api/events/dropped/0/{offset}")).json()
    assert found["record"]["body"] == {"type": "track", "event": "Signed Up", "messageId": "m1"}


async def test_a_refused_call_that_is_no_json_is_shown_as_text(console, http):
    offset = console.quarantine(b"\xff<script>", ("body_not_json", "", "The body is not JSON."))
    found = await (await http.get(f"/api/events/quarantine/0/{offset}")).json()
    assert found["record"]["bodyText"] == "�<script>"
    assert found["raw"]["body"] == "�<script>"


@pytest.mark.parametrize("place", ["events/0/5", "events/3/0", "raw/0/0", "events/0/99999999999999999999", "odd/0/0"])
async def test_a_record_that_is_not_there_is_a_404(console, http, place):
    console.event()
    answer = await http.get(f"/api/events/{place}")
    assert answer.status == 404
    assert (await answer.json())["code"] in ("not_found", "unknown_topic")


async def test_paging_backwards_gives_every_record_once(console, http):
    for i in range(25):
        console.event(messageId=f"m{i}")
        if i % 5 == 0:
            console.duplicate({"type": "track", "messageId": f"d{i}"})
    seen, before = [], ""
    while True:
        page = await (await http.get(f"/api/events?limit=7&body=0&before={before}")).json()
        seen += [each["messageId"] for each in page["events"]]
        before = page["before"]
        if page["exhausted"]:
            break
    assert len(seen) == 30
    assert sorted(seen) == sorted([f"m{i}" for i in range(25)] + [f"d{i}" for i in range(0, 25, 5)])
    events = [name for name in seen if name.startswith("m")]
    assert events == [f"m{i}" for i in range(24, -1, -1)]


async def test_a_search_that_finds_nothing_says_how_far_it_looked(console, http, monkeypatch):
    console.events([{"messageId": f"m{i}"} for i in range(40)])
    page = await (await http.get("/api/events?name=never")).json()
    assert page == {"events": [], "scanned": 40, "exhausted": True, "before": "dropped.0.0,events.0.0,quarantine.0.0"}


async def test_wrong_cursors_are_refused(http):
    answer = await http.get("/api/events?before=raw.0.1")
    assert (answer.status, (await answer.json())["code"]) == (400, "bad_parameter")


async def test_the_overview_has_every_count(console, http):
    console.event()
    console.event(source="app")
    console.quarantine(b"{}", ("no_user_anon_id", "", "give one"))
    console.duplicate({"type": "track", "messageId": "m1"})
    console.accounts.ledgers = [Ledger("ads", 10, 5, {"FILTERED_BY_RULES": 1}, {"401": 2}, 1, 2)]
    assert await (await http.get("/api/overview")).json() == {
        "sources": [
            {"source": "app", "events": 1, "quarantine": {}, "dropped": {}, "per_second": []},
            {"source": "shop", "events": 1, "quarantine": {"no_user_anon_id": 1}, "dropped": {"duplicate": 1},
             "per_second": []},
        ],
        "destinations": [
            {"destination": "ads", "accepted": 10, "delivered": 5, "discarded": {"FILTERED_BY_RULES": 1},
             "failed": {"401": 2}, "retrying": 1, "pending": 2},
        ],
        "consumers": [{"consumer": "delivery.crm", "topic": "events", "lag": 0}],
    }  # fmt: skip


def test_rates_are_differences_and_a_late_sample_is_spread():
    now = [100.0]
    rates = Rates(clock=lambda: now[0])
    rates.sample({"shop": 1000})
    assert rates.per_second("shop") == []
    now[0] += 1
    rates.sample({"shop": 1007, "app": 3})
    now[0] += 3
    rates.sample({"shop": 1017, "app": 3})
    assert rates.per_second("shop") == [7, 3, 3, 4]
    assert rates.per_second("app") == [3, 0, 0, 0]
    now[0] += 1
    rates.sample({"shop": 5})
    assert rates.per_second("shop")[-1] == 0
    now[0] += 3600
    rates.sample({"shop": 65})
    assert rates.per_second("shop") == [1] * 60


async def test_the_workspace_is_shown_without_secrets(console, http):
    assert await (await http.get("/api/workspace")).json() == {
        "version": __version__,
        "ingest_url": INGEST,
        "sources": [
            {"key": "shop", "name": "Shop web", "write_keys": ["wk_shop_4f2a9c"], "enabled": True},
            {"key": "app", "name": "Mobile app", "write_keys": ["wk_app_77b0e1"], "enabled": True},
        ],
        "destinations": [
            {"key": "crm", "name": "CRM webhook", "type": "webhook", "enabled": True},
            {"key": "ads", "name": "Ads bridge", "type": "webhook", "enabled": True},
        ],
        "sql": True,
        "settings": {"mistake": None, "waiting": []},
    }


async def test_changed_settings_are_shown(console, http):
    sources = {"only": Source(write_keys=["wk_only"])}
    changed = Workspace(sources=sources)
    reconfigure(console.app, changed, ingest_url="https://t.example", queries=None, mistake="no", waiting=["log.keep"])
    shown = await (await http.get("/api/workspace")).json()
    assert [one["key"] for one in shown["sources"]] == ["only"]
    assert (shown["ingest_url"], shown["sql"], shown["destinations"]) == ("https://t.example", False, [])
    assert shown["settings"] == {"mistake": "no", "waiting": ["log.keep"]}
    assert (await http.post("/api/sql", json={"sql": "select 1"})).status == 404


async def test_sql_answers_with_columns_and_rows(http):
    answer = await http.post("/api/sql", json={"sql": "select 1"})
    assert await answer.json() == {
        "columns": [
            {"name": "event", "type": "VARCHAR"},
            {"name": "revenue", "type": "DOUBLE"},
            {"name": "note", "type": "VARCHAR"},
        ],
        "rows": [["Order Completed", 120.5, None], ["Signed Up", None, "<b>x</b>"]],
        "truncated": False,
        "duration_ms": 12.3,
    }
    assert (await (await http.post("/api/sql", json={"sql": "select 1", "limit": 1})).json())["truncated"] is True


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ('{"sql": "drop table tracks"}', 400, "query_refused"),
        ('{"sql": "selec 1"}', 400, "query_failed"),
        ('{"sql": ""}', 400, "bad_request"),
        ('{"sql": "select 1", "limit": 0}', 400, "bad_request"),
        ('{"sql": "select 1", "limit": 20000}', 400, "bad_request"),
        ('{"sql": "select 1", "limits": 5}', 400, "bad_request"),
        ("[" * 3000, 400, "bad_request"),
        ('{"sql": "' + "x" * 600_000 + '"}', 413, "too_large"),
    ],
)
async def test_sql_that_cannot_be_answered_says_why(http, body, status, code):
    answer = await http.post("/api/sql", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status, (await answer.json())["code"]) == (status, code)


async def test_sql_takes_json_only(http):
    answer = await http.post("/api/sql", data='{"sql": "select 1"}', headers={"Content-Type": "text/plain"})
    assert (answer.status, (await answer.json())["code"]) == (415, "not_json")


async def test_wrong_paths_and_methods_are_json_errors(http):
    for method, path, status, code in (
        ("GET", "/api/nothing", 404, "unknown_path"),
        ("POST", "/api/events", 405, "method_not_allowed"),
        ("DELETE", "/", 405, "method_not_allowed"),
        ("GET", "/assets/none.js", 404, "not_found"),
    ):
        answer = await http.request(method, path)
        assert (answer.status, (await answer.json())["code"]) == (status, code), path


async def test_a_filter_is_checked_with_the_character_where_it_is_wrong(http):
    async with http.get(
        "/api/filter", params={"where": 'event = "Order Completed" and properties.total > 100'}
    ) as answer:
        assert await answer.json() == {"ok": True}
    async with http.get("/api/filter", params={"where": 'event = "Order" annd type = "track"'}) as answer:
        told = await answer.json()
    assert (told["ok"], told["position"]) == (False, 16)
    assert told["problem"]


async def test_events_are_filtered_by_fql(http, console):
    console.events([{"messageId": f"m{i}", "properties": {"total": i}} for i in range(5)])
    async with http.get("/api/events", params={"where": "properties.total > 2"}) as answer:
        assert [event["messageId"] for event in (await answer.json())["events"]] == ["m4", "m3"]
    async with http.get("/api/events", params={"where": "properties.total >"}) as answer:
        told = await answer.json()
    assert (answer.status, told["code"], told["position"]) == (400, "bad_filter", 18)
