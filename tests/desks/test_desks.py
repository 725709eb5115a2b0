"""The console's API for quarantine, replays, people, plans and settings, against the running product."""

import csv
import io
import json
from typing import Any

import pytest

from tests.desks.conftest import SECRET, XSS, Desk
from tests.running import poll_until
from trackway.console.access import COOKIE, Access
from trackway.workspace import Secret
from trackway.workspace.plans.reading import parse_plan

pytestmark = pytest.mark.xdist_group("desks")


def test_refused_calls_are_grouped_listed_and_shown(desk: Desk):
    groups = desk.get("/api/quarantine/groups?source=web&released=1")
    counts = {(one["reason"], one["pointer"]): one["count"] for one in groups["groups"]}
    assert counts["event_not_string", "/event"] == 5
    assert counts["traits_not_object", "/traits"] == 3
    assert groups["complete"]
    first = desk.get("/api/quarantine?reason=event_not_string&limit=2&released=1")["calls"]
    rest = desk.get(f"/api/quarantine?reason=event_not_string&before={first[-1]['position']}&released=1")["calls"]
    assert len({one["position"] for one in first + rest}) == 5, "pages neither overlap nor leave anything out"
    shown = desk.get(f"/api/{first[0]['position']}")
    assert json.loads(shown["body"])["event"] == 42
    assert shown["pointer"] == "/event"


def test_a_call_is_mended_by_hand_and_let_out(desk: Desk):
    one = desk.get("/api/quarantine?reason=event_not_string&limit=1")["calls"][0]
    asis = desk.call("/api/quarantine/attempt", {"position": one["position"]}).body
    assert not asis["accepted"]
    assert "event_not_string" in asis["refused"]
    body = json.dumps({"type": "track", "event": "Mended By Hand", "userId": "u-mended", "properties": {"total": 1}})
    tried = desk.call("/api/quarantine/attempt", {"position": one["position"], "body": body}).body
    assert tried["accepted"]
    assert {"pointer": "/event", "before": 42, "after": "Mended By Hand"} in tried["changes"]
    job = desk.job("/api/quarantine/release", {"calls": [{"position": one["position"], "body": body}]})
    assert job["result"]["released"] == 1
    poll_until(
        lambda: "Mended By Hand" in {event.get("event") for event in desk.trackway.events()},
        what="the mended call to become an event",
    )
    assert one["position"] not in {each["position"] for each in desk.get("/api/quarantine")["calls"]}


def test_a_whole_group_is_mended_and_let_out_after_a_dry_run(desk: Desk):
    which = {"source": "web", "reason": "traits_not_object"}
    asis = desk.job("/api/quarantine/release", {"which": which, "dry_run": True})["result"]
    assert (asis["released"], asis["refused"]) == (0, 3)
    assert "traits_not_object" in asis["still_refused"][0]["why"]
    wish = {"which": which, "set": ['/traits={"vip": true}']}
    assert desk.job("/api/quarantine/release", {**wish, "dry_run": True})["result"]["released"] == 3
    assert len(desk.get("/api/quarantine?reason=traits_not_object")["calls"]) == 3, "a dry run lets nothing out"
    job = desk.job("/api/quarantine/release", wish)
    assert (job["done"], job["total"], job["result"]["released"]) == (3, 3, 3)
    poll_until(
        lambda: sum(event.get("traits") == {"vip": True} for event in desk.trackway.events()) == 3,
        what="the group to become events",
    )


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/quarantine/release", {}, 400),
        ("/api/quarantine/release", {"calls": [{"position": "quarantine/x/1"}]}, 400),
        ("/api/quarantine/attempt", {"position": "quarantine/0/999999"}, 404),
        ("/api/replays", {"destination": ""}, 400),
        ("/api/replays", {"destination": "nowhere"}, 400),
        ("/api/replays", {"destination": "crm", "where": "event = "}, 400),
        ("/api/replays/77/cancel", {}, 404),
        ("/api/people/undo", {"id": "ana", "link": 999}, 404),
        ("/api/jobs/999/cancel", {}, 404),
        ("/api/playground/preview", {}, 400),
        ("/api/playground/preview", {"call": {}, "source": "nowhere"}, 400),
        ("/api/playground/send", {"call": {}, "source": "nowhere"}, 502),
    ],
)
def test_wrong_wishes_are_answered_with_what_to_do(desk: Desk, path: str, body: Any, status: int):
    answer = desk.call(path, body)
    assert answer.status == status
    assert answer.body["message"]


def test_a_wrong_token_changes_nothing(desk: Desk):
    wrong = {"Authorization": "Bearer x", "Content-Type": "application/json"}
    assert desk.call("/api/quarantine/release", {"which": {}}, headers=wrong).status == 401


CHANGES = [
    "/api/quarantine/release",
    "/api/quarantine/attempt",
    "/api/replays",
    "/api/replays/preview",
    "/api/replays/1/cancel",
    "/api/people/undo",
    "/api/jobs/1/cancel",
    "/api/playground/preview",
    "/api/playground/send",
]


@pytest.mark.parametrize("path", CHANGES)
def test_changes_need_the_token_and_come_from_the_consoles_own_pages(desk: Desk, path: str):
    assert desk.call(path, {}, headers={"Content-Type": "application/json"}).status == 401
    with_token = {"Authorization": f"Bearer {desk.trackway.token}", "Content-Type": "text/plain"}
    if not path.endswith("/cancel"):
        assert desk.call(path, {}, headers=with_token).status == 415


def test_changes_with_the_cookie_are_refused_from_elsewhere(desk: Desk):
    cookie = f"{COOKIE}={Access(Secret(desk.trackway.token)).new_session()}"
    for path in CHANGES:
        foreign = {"Cookie": cookie, "Content-Type": "application/json", "Origin": "https://evil.example"}
        assert desk.call(path, {}, headers=foreign).status == 403, path
        crossed = {"Cookie": cookie, "Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"}
        assert desk.call(path, {}, headers=crossed).status == 403, path


def test_a_replay_is_looked_at_ordered_and_cancelled(desk: Desk):
    wish = {"destination": "crm", "where": "event = 'Order Completed'", "again": True}
    job = desk.job("/api/replays/preview", wish)
    assert job["state"] == "done"
    # The destination is switched off: nothing was meant for it so far, and so nothing is due.
    assert job["result"]["looked_at"] == job["total"]
    given = desk.call("/api/replays", {**wish, "rate": 0.5})
    assert given.status == 201
    number = given.body["id"]
    assert number in {one["id"] for one in desk.get("/api/replays")["replays"]}
    cancelled = desk.call(f"/api/replays/{number}/cancel", {})
    assert cancelled.status in (200, 409)
    again = desk.call(f"/api/replays/{number}/cancel", {})
    assert again.status == 409
    assert desk.get(f"/api/replays/{number}")["state"] in ("cancelled", "done")


def test_a_person_is_found_with_links_and_events(desk: Desk):
    found = desk.get("/api/people?id=ana")
    [person] = found["people"]
    assert {(one["kind"], one["id"]) for one in person["ids"]} == {
        ("user", "ana"),
        ("user", "ana-old"),
        ("anonymous", "a-1"),
        ("crm_id", "C-1"),
    }
    refused = [link for link in person["links"] if link["outcome"] != "joined"]
    assert [found["meanings"][link["outcome"]] for link in refused]
    events = desk.get("/api/people/events?id=ana&limit=100")
    assert events["exhausted"]
    assert {entry["name"] for entry in events["events"]} >= {"Order Completed", "Product Viewed"}
    assert all(entry.get("userId") in ("ana", "ana-old") or entry["anonymousId"] == "a-1" for entry in events["events"])
    assert {link["outcome"] for link in desk.get("/api/people")["recent"]} >= {"joined", "second_user"}
    nobody = desk.get("/api/people?id=nobody")
    assert (nobody["people"], nobody["group"]) == ([], None)


def test_personal_data_is_listed_with_what_is_done_about_it(desk: Desk):
    fields = desk.get("/api/catalogue/personal")["fields"]
    [email] = [one for one in fields if one["path"] == "traits.email"]
    assert (email["level"], email["kind"], email["told_by"]) == ("yellow", "email", "key")
    assert (email["rules"], email["events"]) == ([], [["web", "identify", ""]])
    assert desk.get("/api/catalogue/personal?source=nowhere")["fields"] == []


def test_a_group_is_found_with_who_belongs_to_it(desk: Desk):
    found = desk.get("/api/people?id=acme")
    assert found["people"] == []
    group = found["group"]
    assert (group["group"], group["counts"]) == ("acme", {"user": 1, "anonymous": 1})
    assert [(one["kind"], one["id"]) for one in group["members"]] == [("user", "ana"), ("anonymous", "a-1")]
    assert desk.get("/api/people?id=group:acme")["group"] == group

    def traits() -> Any:
        return desk.get("/api/people/traits?id=group:acme")

    poll_until(lambda: traits()["group"]["traits"] == {"name": "Acme"}, what="the group's traits", timeout_s=30.0)
    assert [(one["source"], one["id"]) for one in traits()["group"]["sources"]] == [("web", "acme")]
    assert traits()["traits"] == {}
    assert desk.get("/api/people/traits?id=ana")["group"] is None


def test_a_persons_traits_are_told_by_any_id_and_by_the_address(desk: Desk):
    wanted = {"email": "ana@shop.example", "account_type": "pro"}
    poll_until(lambda: desk.get("/api/people/traits?id=ana")["traits"] == wanted, what="the traits", timeout_s=30.0)
    for who in ("ana-old", "a-1", "C-1", "crm_id:C-1", "ANA@shop.example"):
        found = desk.get(f"/api/people/traits?id={who}")
        assert found["traits"] == wanted, who
        assert [(one["source"], one["id"]) for one in found["sources"]] == [("web", "ana")]
        assert {person["person"] for person in desk.get(f"/api/people?id={who}")["people"]}
    assert desk.get("/api/people/traits?id=x'%20or%20'1'='1")["traits"] == {}
    assert desk.get("/api/people?id=nobody@shop.example")["people"] == []


def test_a_link_is_undone_for_good(desk: Desk):
    [person] = desk.get("/api/people?id=ana-old")["people"]
    link = next(link for link in person["links"] if "user:ana-old" in link["ids"])
    answer = desk.call("/api/people/undo", {"id": "ana-old", "link": link["link"]})
    assert answer.status == 200
    assert len(answer.body["people"]) == 2
    assert desk.call("/api/people/undo", {"id": "ana-old", "link": link["link"]}).status == 409


def test_coverage_says_what_is_planned_and_what_came(desk: Desk):
    web, app = desk.get("/api/plan/coverage")["coverage"]
    assert (web["plan"], web["file"]) == ("Shop plan", "plans/shop.yaml")
    [rule] = web["rules"]
    assert (rule["name"], rule["seen"]) == ("Order Completed", 4)
    assert web["planned_names"] == 1 < web["names"]
    assert app["plan"] == ""


def test_violations_count_the_events_that_had_them(desk: Desk):
    found = desk.get("/api/plan/violations?source=web")["violations"]
    by_place = {(one["name"], one["code"], one["pointer"]): one for one in found}
    wrong = by_place["Order Completed", "plan_invalid_value", "/properties/currency"]
    assert wrong["count"] == 4
    assert sum(wrong["days"].values()) == 4
    sent = {event["messageId"] for event in desk.trackway.events() if event.get("event") == "Order Completed"}
    assert {one["message_id"] for one in wrong["samples"]} == sent
    sample = wrong["samples"][0]
    shown = desk.get(f"/api/events/events/{sample['partition']}/{sample['offset']}")
    assert shown["record"]["messageId"] == sample["message_id"]


def test_a_rule_is_drafted_that_the_plan_takes(desk: Desk):
    draft = desk.get("/api/plan/draft?source=web&type=track&event=Product%20Viewed")
    assert (draft["file"], draft["events"], draft["new_file"]) == ("plans/shop.yaml", 1, False)
    assert "product_id: string!" in draft["rule"]
    plan = parse_plan(draft["whole"], "plans/shop.yaml", id_="shop")
    assert [rule.event for rule in plan.rules] == ["Order Completed", "Product Viewed"]
    assert desk.call("/api/plan/draft?source=web&type=track&event=Never").status == 404


def test_volumes_add_up_to_the_counts(desk: Desk):
    counts = {(e["source"], e["type"], e["name"]): e["count"] for e in desk.get("/api/catalogue?source=web")["events"]}
    volumes = desk.get("/api/catalogue/volumes?hours=24")["volumes"]
    summed = {(one["source"], one["type"], one["name"]): sum(one["hours"]) for one in volumes}
    assert summed["web", "track", "Order Completed"] == counts["web", "track", "Order Completed"] == 4


def test_names_are_judged(desk: Desk):
    found = {(one["name"], one["code"]): one["suggestion"] for one in desk.get("/api/catalogue/naming")["naming"]}
    assert found["signup clicked", "case"] == "Signup Clicked"


def test_the_schema_is_a_csv_that_no_spreadsheet_runs(desk: Desk):
    rows = list(csv.DictReader(io.StringIO(desk.get("/api/catalogue/schema.csv?source=web"))))
    paths = {row["property"] for row in rows if row["event"] == "Order Completed"}
    assert paths == {"properties.order_id", "properties.total", "properties.currency"}
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values() if cell)


def test_the_settings_file_is_shown_without_secrets(desk: Desk):
    shown = desk.get("/api/settings")
    text = "\n".join(line["text"] for line in shown["lines"])
    assert "wk_web_for_tests" in text, "a write key is public"
    assert SECRET not in text
    assert "tok-987654" not in text
    assert "allow_private_addresses: true" in text
    keys = {line["key"] for line in shown["lines"]}
    assert {"sources.web.name", "destinations.crm.settings.shared_secret"} <= keys


def test_a_broken_settings_file_is_shown_without_secrets_too(desk: Desk):
    file = desk.trackway.folder / "trackway.yaml"
    before = file.read_text("utf-8")
    try:
        file.write_text(before + f"\n  - [broken\nnew_secret: unheard-of-4712\nother: {SECRET}\n", "utf-8")
        text = "\n".join(line["text"] for line in desk.get("/api/settings")["lines"])
        assert "[broken" in text
        assert SECRET not in text
        assert "unheard-of-4712" not in text
    finally:
        file.write_text(before, "utf-8")


@pytest.mark.parametrize(
    ("key", "value", "where"),
    [
        ("sources.web.dedup_window", "24h", "default"),
        ("sources.web.name", "Web shop", "trackway.yaml:"),
        ("destinations.crm.settings.shared_secret", "***", "trackway.yaml"),
        ("destinations.crm.settings.url", "http://127.0.0.1:9/hook", "trackway.yaml"),
    ],
)
def test_a_setting_is_explained(desk: Desk, key: str, value: str, where: str):
    told = desk.get(f"/api/settings/explain?key={key}")
    assert told["meaning"]
    assert told["value"] == value
    assert told["set_in"].startswith(where)


def test_an_unknown_setting_has_a_hint(desk: Desk):
    answer = desk.call("/api/settings/explain?key=log.kepe")
    assert answer.status == 404
    assert "log.keep" in answer.body["message"]


def test_untrusted_text_stays_text(desk: Desk):
    assert XSS in {one["name"] for one in desk.get("/api/catalogue?source=web")["events"]}
