"""What the cases cannot show: nothing in an event can call people or hide a link in the usual text."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway.destinations import registry
from trackway.destinations.catalog.slack import judge
from trackway.destinations.catalog.slack.wording import told
from trackway.destinations.kit import Delivered, Rejected, Response, Retry

_PLAIN = st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["<!channel>", "<@U1>", "a & b", "\n"])
_VALUES = st.recursive(_PLAIN, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(), one, max_size=3))
_KINDS = st.sampled_from(["track", "identify", "page", "screen", "group", "alias", "other"])


@given(
    _KINDS,
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("event", "name", "userId", "anonymousId", "previousId", "groupId", "properties", "traits"), _VALUES
        ),
    ),
)
@settings(max_examples=200, deadline=None)
def test_nothing_in_an_event_means_anything_to_slack(kind: str, event: dict[str, Any]) -> None:
    text = told({"type": kind} | event)
    assert "<" not in text
    assert ">" not in text
    assert text.count("&") == text.count("&amp;") + text.count("&lt;") + text.count("&gt;")


def test_long_events_are_told_in_short() -> None:
    text = told({"type": "track", "event": "Seen", "properties": {f"p{n}": "x" * 1000 for n in range(100)}})
    assert len(text.splitlines()) == 14
    assert text.endswith("…")
    assert len(text) < 4_000


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, b"ok", Delivered()),
        (200, b'{"ok":true,"ts":"1.2"}', Delivered()),
        (200, b'{"ok":false,"error":"channel_not_found"}', Rejected("refused", "channel_not_found")),
        (200, b'{"ok":false}', Rejected("refused", "unknown_error")),
        (200, b'{"ok":false,"error":"invalid_auth"}', Rejected("401", "invalid_auth")),
        (200, b'{"ok":false,"error":"ratelimited"}', Retry("ratelimited")),
        (403, b"invalid_token", Rejected("401", "invalid_token")),
        (404, b"no_service", Rejected("401", "no_service")),
        (404, b"channel_not_found", Rejected("404", "channel_not_found")),
        (410, b"channel_is_archived", Rejected("410", "channel_is_archived")),
        (400, b"invalid_payload", Rejected("400", "invalid_payload")),
        (500, b"rollup_error", Retry("500")),
    ],
)
def test_answers(status: int, body: bytes, outcome: Any) -> None:
    assert judge(Response(status=status, body=body), count=1) == [outcome]


def test_a_bots_token_is_tested_and_a_webhook_cannot_be() -> None:
    bot = registry.load("slack", {"bot_token": "xoxb-1"}, where="s")
    request = bot.check()
    assert request is not None and request.url == "https://slack.com/api/auth.test"
    assert bot.checked(Response(status=200, body=b'{"ok": true, "user": "trackway"}')) == Delivered()
    refused = bot.checked(Response(status=200, body=b'{"ok": false, "error": "invalid_auth"}'))
    assert refused == Rejected("401", "invalid_auth")
    assert registry.load("slack", {"url": "https://hooks.slack.com/services/T/B/X"}, where="s").check() is None
