"""Give every event the same common fields, whatever its client left out or spelled otherwise."""

from typing import Any, cast

from trackway.events.ids import as_id
from trackway.events.libraries import platform_of
from trackway.events.records import RawRecord
from trackway.pipeline.draft import Draft

_IDS = ("userId", "anonymousId", "groupId", "previousId")
_TEXTS = ("name", "category")
_SERVER_ONLY = ("writeKey", "projectId", "receivedAt", "originalTimestamp", "channel")
"""Set by the server alone; what a client sent there is not kept. A write key must never reach a destination."""
OPEN_MEMBER = {
    "track": "properties",
    "page": "properties",
    "screen": "properties",
    "identify": "traits",
    "group": "traits",
}
"""By kind the member that clients fill as they like."""
_ODD = frozenset((*_SERVER_ONLY, *_TEXTS))


class CommonFields:
    """The stage that fills in type, message id, ids, context and channel, and drops nulls where null means absent."""

    name = "common_fields"

    def run(self, drafts: list[Draft]) -> list[Draft]:
        """Change `drafts` in place."""
        for draft in drafts:
            event, raw = draft.event, draft.raw
            kind = raw.type
            if not _ODD.isdisjoint(event):
                _drop_odd(event)
            event["type"] = kind
            event["messageId"] = raw.message_id
            for name in _IDS:
                if name in event and (type(sent := event[name]) is not str or not sent):
                    _set_id(draft, name)
            if kind == "alias" and "previousId" not in event and "anonymousId" in event:
                event["previousId"] = event["anonymousId"]
            member = OPEN_MEMBER.get(kind)
            if member and event.get(member) is None:
                event[member] = {}
            if event.get("integrations") is None:
                event["integrations"] = {}
            context: dict[str, Any] | None = event.get("context")
            if context is None:
                context = event["context"] = {}
            # A server's own address says nothing about the person; `context.direct` marks servers' calls made on a
            # device.
            if raw.client_side or context.get("direct") is True:
                _add_request(context, raw)
            event["channel"] = _channel(raw.client_side, context)
        return drafts


def _drop_odd(event: dict[str, Any]) -> None:
    for name in _SERVER_ONLY:
        event.pop(name, None)
    for name in _TEXTS:
        if event.get(name, "") in (None, ""):
            event.pop(name, None)


def _set_id(draft: Draft, name: str) -> None:
    """Take away an id that is null or empty, and make text of a number."""
    found = as_id(draft.event[name])
    if found is None:
        del draft.event[name]
    else:
        draft.event[name] = found
        draft.find("id_was_number", f"/{name}")


def _add_request(context: dict[str, Any], raw: RawRecord) -> None:
    if raw.ip and not context.get("ip"):
        context["ip"] = raw.ip
    if raw.user_agent and not context.get("userAgent"):
        context["userAgent"] = raw.user_agent


def _channel(client_side: bool, context: dict[str, Any]) -> str:
    """Return `browser`, `mobile` or `server`; the library knows best, then the route and what a phone alone says."""
    library = context.get("library")
    name = cast("dict[str, Any]", library).get("name") if type(library) is dict else None
    platform = platform_of(name) if type(name) is str else None
    if platform is not None:
        return platform.channel
    if not client_side:
        return "server"
    return "mobile" if context.get("device") or context.get("app") else "browser"
