"""Slack, messages to a channel: events told by an incoming webhook, or by an app's bot.

Source:   https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
          …/reference/methods/chat.postMessage, …/messaging/formatting-message-text and …/apis/web-api/rate-limits;
          field names as in Segment's open-source Slack; read 2026-11-23. Answers of webhooks by
          https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks, read 2026-11-26. A bot's
          token is tested by …/reference/methods/auth.test, read 2026-11-27; a webhook's URL only by a message.
Limits:   one message a request, about one a second to a channel; 40 000 characters of text, 50 blocks.
Repeats:  a message that is sent twice stands there twice: Slack knows no key of ours.
Deletes:  nobody: Slack keeps messages, not people that we know.
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.catalog.slack.wording import told
from trackway.destinations.kit import Action, Field, Mapping, at

NAME = "Slack"
# Messages come in order, and no faster than a channel takes them.
LIMITS = kit.Limits(events=1, concurrency=1)

_WEBHOOK = re.compile(r"https://([a-z0-9-]+\.)+(slack|slack-gov)\.com(/[a-z0-9]+)+/?", re.IGNORECASE | re.ASCII)
_POST = "https://slack.com/api/chat.postMessage"
_TEST = "https://slack.com/api/auth.test"
_LONGEST = 40_000


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where messages go: a webhook's channel, or any channel that a bot may write to."""

    url: kit.Secret | None = None
    """Slack: Your Apps > Incoming Webhooks > Webhook URL; it stands for one channel. A mapping may have another."""
    bot_token: kit.Secret | None = None
    """Slack: Your Apps > OAuth & Permissions > Bot User OAuth Token, with `chat:write`; used where there is no URL."""


class _Message(Struct):
    """A row: what is posted, and where, if a mapping says so."""

    message: msgspec.Raw
    url: str = ""


def _message(settings: Settings, made: dict[str, Any], event: kit.Event) -> kit.Rows:
    """Return the message as it is posted, with the mapping's own URL beside it."""
    url = made.pop("url", "")
    used = url or (settings.url.reveal() if settings.url else "")
    if used and not _WEBHOOK.fullmatch(used):
        return kit.Rejected("invalid_url", "a webhook's URL is like https://hooks.slack.com/services/T000/B000/XXXX")
    if not used and settings.bot_token is None:
        return kit.Skipped("missing_url")
    if not used and "channel" not in made:
        return kit.Skipped("missing_channel")
    return kit.Row.of(event, {"message": made} | ({"url": url} if url else {}))


ACTIONS = {
    "postToChannel": Action(
        fields={
            "url": Field.text(about="A webhook's URL, where it is not the one of the settings."),
            "text": Field.text(
                kit.call(told, at(""), always=True),
                required=True,
                about="What to say, in Slack's mrkdwn; the usual text tells the event, with nothing in it that calls.",
            ),
            "channel": Field.text(
                at("integrations.Slack.channel"),
                about="A channel's id or name without `#`; a webhook of an app has its own and takes no other.",
            ),
            "username": Field.text("Trackway", about="Who says it; a bot needs `chat:write.customize` for it."),
            "icon_url": Field.text(about="A picture beside it."),
            "icon_emoji": Field.text(about="A picture beside it, such as `:tada:`."),
            "blocks": Field.items(about="The message in Slack's blocks; the text is then for notifications."),
            "thread_ts": Field.text(about="The `ts` of the message to which this is a reply."),
            "unfurl_links": Field.flag(about="Show what links lead to."),
        },
        row=kit.row(
            {
                name: kit.field(name)
                for name in ("url", "channel", "username", "icon_url", "icon_emoji", "thread_ts", "unfurl_links")
            }
            | {"text": kit.cut(kit.field("text"), chars=_LONGEST), "blocks": kit.field("blocks")}
        ),
        build=_message,
        about="Posts a message.",
    ),
}
# A channel is for what somebody asked to be told of: all of these are off until an operator switches them on.
MAPPINGS = {
    "order": Mapping(action="postToChannel", trigger='type = "track" and event = "Order Completed"', enabled=False),
    "sign_up": Mapping(action="postToChannel", trigger='type = "track" and event = "Signed Up"', enabled=False),
    **{
        kind: Mapping(action="postToChannel", trigger=f'type = "{kind}"', enabled=False)
        for kind in ("track", "identify", "page", "screen", "group", "alias")
    },
}


def rows_together(settings: Settings, route: str) -> int:
    """Return how many rows share a request: a message goes alone, also where two mappings tell of one event."""
    return LIMITS.events


def request(settings: Settings, rows: Sequence[kit.Row]) -> kit.Request:
    """Return a message to a webhook, or one of the bot's."""
    row = msgspec.json.decode(rows[0].value, type=_Message)
    headers = {"Content-Type": "application/json"}
    url = row.url or (settings.url.reveal() if settings.url else "")
    if url or settings.bot_token is None:
        return kit.Request(method="POST", url=url, headers=headers, json=row.message)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Authorization": f"Bearer {settings.bot_token.reveal()}",
    }
    return kit.Request(method="POST", url=_POST, headers=headers, json=row.message)


def check(settings: Settings) -> kit.Request | None:
    """Return a request that asks who the bot is; there is none for a webhook."""
    if settings.bot_token is None:
        return None
    headers = {"Authorization": f"Bearer {settings.bot_token.reveal()}", "Content-Type": kit.FORM}
    return kit.Request(method="POST", url=_TEST, headers=headers, body=b"")


class _Answer(Struct):
    """The Web API's answer, with status 200 for nearly everything."""

    ok: bool = True
    error: str = ""


_LATER = frozenset(
    {"ratelimited", "rate_limited", "message_limit_exceeded", "internal_error", "fatal_error", "service_unavailable"}
    | {"request_timeout", "team_added_to_org", "rollup_error"}
)
_NO_LONGER_ALLOWED = frozenset(
    {"invalid_token", "no_service", "no_service_id", "no_team", "no_active_hooks", "team_disabled", "not_authed"}
    | {"invalid_auth", "account_inactive", "token_revoked", "token_expired", "missing_scope", "no_permission"}
    | {"org_login_required", "access_denied", "accesslimited", "ekm_access_denied"}
)
"""What Slack says when a webhook or a token is gone: with other statuses than 401, or 200."""


def judge(response: kit.Response, *, count: int) -> list[kit.Outcome]:
    """Say what became of the message: the Web API answers 200 with an error inside, a webhook with a word."""
    body = response.body.strip()
    if response.status in (408, 425, 429) or response.status >= 500:
        return kit.by_status(response, count=count)
    error = ""
    if body.startswith(b"{"):
        answer = msgspec.json.decode(body, type=_Answer)
        error = "" if answer.ok else answer.error or "unknown_error"
    elif response.status != 200:
        error = body.decode("utf-8", "replace")
    if error in _LATER:
        return [kit.Retry(error, kit.retry_after_s(response))] * count
    if error in _NO_LONGER_ALLOWED:
        return [kit.Rejected("401", error)] * count
    if error and response.status == 200:
        return [kit.Rejected("refused", error[:500])] * count
    return kit.by_status(response, count=count)
