import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackway.destinations import kit


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_2xx_is_delivered(status: int) -> None:
    assert kit.by_status(kit.Response(status=status), count=2) == [kit.Delivered()] * 2


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again(status: int) -> None:
    assert kit.by_status(kit.Response(status=status), count=1) == [kit.Retry(str(status))]


@pytest.mark.parametrize("status", [301, 302, 304, 307, 400, 401, 403, 404, 409, 410, 413, 422])
def test_what_will_not_pass_is_rejected_with_the_answers_words(status: int) -> None:
    answer = kit.Response(status=status, body=b"because \xff" + b"x" * 1000)
    [outcome] = kit.by_status(answer, count=1)
    assert isinstance(outcome, kit.Rejected)
    assert outcome.reason == str(status)
    assert outcome.detail.startswith("because \N{REPLACEMENT CHARACTER}xxx") and len(outcome.detail) == 500


def test_a_redirect_says_where_to() -> None:
    answer = kit.Response(status=301, headers={"location": "https://x.example/new"})
    [outcome] = kit.by_status(answer, count=1)
    assert isinstance(outcome, kit.Rejected) and "redirects to https://x.example/new" in outcome.detail


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "120"}, 120),
        ({"retry-after": " 0 "}, 0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "²"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Fri, 20 Nov 2026 10:01:00 GMT"}, 60),
        ({"retry-after": "Friday, 20-Nov-26 10:01:00 GMT"}, 60),
        ({"retry-after": "Fri, 20 Nov 2026 09:00:00 GMT"}, 0),
        # The other side's clock is an hour behind ours: only its own Date tells how long it means.
        ({"retry-after": "Fri, 20 Nov 2026 09:00:30 GMT", "date": "Fri, 20 Nov 2026 09:00:00 GMT"}, 30),
        ({"retry-after": "Fri, 20 Nov 2026 10:01:00 GMT", "date": "gibberish"}, 60),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    at_ten = 1_795_168_800.0  # 2026-11-20T10:00:00Z
    response = kit.Response(status=503, headers=headers)
    assert kit.retry_after_s(response, now_s=at_ten) == seconds
    assert kit.by_status(response, count=1, now_s=at_ten) == [kit.Retry("503", seconds)]


@given(st.text())
def test_retry_after_never_breaks(text: str) -> None:
    found = kit.retry_after_s(kit.Response(status=503, headers={"retry-after": text}))
    assert found is None or found >= 0


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_a_key_can_stand_in_a_header_and_is_the_same_for_the_same_events(ids: list[str]) -> None:
    key = kit.idempotency_key(ids)
    assert key == kit.idempotency_key(ids)
    assert key.isascii() and key.isprintable() and " " not in key and 0 < len(key) <= 255


@given(st.lists(st.text(), min_size=1, max_size=4), st.lists(st.text(), min_size=1, max_size=4))
def test_other_events_have_another_key(some: list[str], others: list[str]) -> None:
    same_key = kit.idempotency_key(some) == kit.idempotency_key(others)
    assert same_key == (some == others)


def test_a_usual_message_id_is_its_own_key() -> None:
    assert kit.idempotency_key(["ajs-next-1795168800-uuid"]) == "ajs-next-1795168800-uuid"


def test_an_event_gives_its_options_for_the_destination_only() -> None:
    body = b'{"type":"track","messageId":"m","integrations":{"All":true,"Amplitude":{"session_id":7},"Slack":true}}'
    assert kit.Event.from_json(body, "Amplitude").options == {"session_id": 7}
    assert kit.Event.from_json(body, "Slack").options == {}
    assert kit.Event.from_json(body, "amplitude").options == {}
    assert kit.Event.from_json(b'{"integrations":null}', "Slack").options == {}


def test_requests_do_not_show_what_they_carry() -> None:
    request = kit.Request(method="POST", url="https://x.example/?key=abc", headers={"A": "abc"}, json={"k": "abc"})
    assert "abc" not in repr(request)
    assert request.content() == b'{"k":"abc"}'


def test_a_row_stands_in_a_request_as_it_was_encoded() -> None:
    row = kit.Row.of(kit.Event.from_json(b"{}"), {"a": 1.0, "b": "é"})
    assert row.size == len('{"a":1.0,"b":"é"}'.encode())
    assert (
        kit.Request(method="POST", url="", json={"rows": [row.value]}).content()
        == '{"rows":[{"a":1.0,"b":"é"}]}'.encode()
    )
