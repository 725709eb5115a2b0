"""The playground says what really happens: its preview is compared with the event that the same call becomes."""

import json
from typing import Any

import pytest

from tests.desks.conftest import SECRET, Desk
from tests.running import poll_until
from trackway.destinations import registry
from trackway.node.playground.engine import Playground
from trackway.node.playground.examples import example

pytestmark = pytest.mark.xdist_group("desks")
ORDER = {
    "type": "track",
    "event": "order completed",
    "userId": "u1",
    "properties": {"orderId": "o-1", "total": "12", "currency": "CHF", "debug": 1},
}


def preview(desk: Desk, call: Any, **options: Any) -> Any:
    answer = desk.call("/api/playground/preview", {"call": call, "source": "web", **options})
    assert answer.status == 200, answer
    return answer.body


@pytest.mark.parametrize(
    "call",
    [
        ORDER,
        {"type": "identify", "userId": "u2", "traits": {"email": "a@b.example"}},
        {"type": "page", "anonymousId": "a2", "name": "Home", "context": {"page": {"url": "https://x.example/?utm_source=n"}}},
        {"type": "screen", "anonymousId": "a2", "name": "Home"},
        {"type": "group", "userId": "u2", "groupId": "g1", "traits": {"name": "Acme"}},
        {"type": "alias", "userId": "u2", "previousId": "a2"},
    ],
    ids=lambda call: call["type"],
)  # fmt: skip
def test_what_is_shown_is_what_arrives(desk: Desk, call: dict[str, Any]):
    message_id = f"same-{call['type']}"
    call = {**call, "messageId": message_id, "timestamp": "2026-11-20T10:00:00.000Z"}
    shown = preview(desk, call)
    sent = desk.call("/api/playground/send", {"call": call, "source": "web"}).body
    assert sent["answer"]["verdicts"] == [{"verdict": "accepted", "messageId": message_id}]

    def arrived() -> Any:
        return next((one for one in desk.trackway.events() if one["messageId"] == message_id), None)

    event = poll_until(arrived, what="the event")
    # Only the moment of the receipt differs, and the user agent and address of who sends.
    for one in (event, shown["event"]):
        one.pop("receivedAt")
    assert shown["event"] == event


def test_a_call_is_judged_linted_and_held_against_the_plan(desk: Desk):
    shown = preview(desk, ORDER)
    assert shown["verdict"]["accepted"]
    assert "debug" not in shown["event"]["properties"], "the source's function has run"
    assert shown["semantic"]["name"] == "Order Completed"
    assert {one["name"] for one in shown["semantic"]["properties"] if one["advised"]} >= {"order_id", "products"}
    assert shown["plan"]["planned"]
    [violation] = shown["plan"]["violations"]
    assert (violation["pointer"], violation["action"]) == ("/properties/currency", "flag")
    assert [one["code"] for one in preview(desk, {**ORDER, "event": "Event 12"})["naming"]] == ["vague"]
    odd = preview(desk, {**ORDER, "context": {"ip": 7, "locale": "de-CH"}})["context"]
    assert [one["pointer"] for one in odd] == ["/context/ip"]
    near = preview(desk, {**ORDER, "event": "Signup Clicked"})["naming"]
    assert [(one["code"], one["suggestion"]) for one in near] == [("near_duplicate", "signup clicked")]


def test_a_refused_call_has_its_reason_and_reaches_nobody(desk: Desk):
    shown = preview(desk, {"type": "track", "userId": "u1", "event": 42})
    assert (shown["verdict"]["reason"], shown["verdict"]["pointer"]) == ("event_not_string", "/event")
    assert shown["event"] is None
    assert {one["outcome"] for one in shown["destinations"]} == {""}
    broken = desk.call("/api/playground/preview", {"text": '{"type": "track", ', "source": "web"}).body
    assert broken["verdict"]["reason"] == "body_not_json"


def test_every_destination_type_is_shown_and_no_secret(desk: Desk):
    products = [{"product_id": "p1", "price": 12, "quantity": 1, "name": "Mug"}]
    order = {
        **ORDER,
        "properties": {"order_id": "o-1", "total": 12, "revenue": 12, "currency": "EUR", "products": products},
    }
    shown = preview(desk, order)
    assert {one["type"] for one in shown["destinations"]} == set(registry.known())
    by_key = {one["key"]: one for one in shown["destinations"] if one["key"]}
    assert set(by_key) == {"crm", "stats"}
    [request] = by_key["crm"]["requests"]
    assert request["body"]["event"] == "Order Completed"
    text = json.dumps(shown)
    assert SECRET not in text
    assert "tok-987654" not in text
    left_out = preview(desk, {**order, "integrations": {"All": False, "Slack": True}})["destinations"]
    assert {one["reason"] for one in left_out if one["type"] != "slack"} == {"FILTERED_BY_INTEGRATIONS_OBJECT"}


def test_examples_exist_for_the_whole_catalogue():
    assert {kind: example(kind).kind for kind in registry.known()} == {kind: kind for kind in registry.known()}


def test_without_a_workspace_there_are_examples_alone():
    shown = Playground(None).preview(json.dumps(ORDER).encode())
    assert shown.verdict.accepted
    assert shown.plan is None
    assert {one.key for one in shown.destinations} == {""}


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{", b'{"type":"track"}', b"\xff\xfe", b"[" * 100_000, b'{"event":"' + b"x" * 40_000],
    ids=lambda body: body[:12].decode("ascii", "replace"),
)
def test_any_text_gets_a_verdict(body: bytes):
    shown = Playground(None).preview(body)
    assert not shown.verdict.accepted
    assert shown.verdict.reason
    assert shown.event is None
