"""Give every event the same common fields, whatever its client left out or spelled otherwise."""

from typing import Any, cast

from trackway.events.ids import as_id
from trackway.pipeline.draft import Draft

_IDS = ("userId", "anonymousId", "groupId", "previousId")
_TEXTS = ("name", "category")
_SERVER_ONLY = ("writeKey", "projectId", "receivedAt", "originalTimestamp", "channel")
"""Set by the server alone; what a client sent there is not kept. A write key must never reach a destination."""
_OPEN_MEMBER = {
    "track": "properties",
    "page": "properties",
    "screen": "properties",
    "identify": "traits",
    "group": "traits",
}


def set_common_fields(draft: Draft) -> None:
    """Fill in type, message id, ids, context and channel; drop nulls where null means absent."""
    event, raw = draft.event, draft.raw
    for name in _SERVER_ONLY:
        event.pop(name, None)
    event["type"] = raw.type
    event["messageId"] = raw.message_id
    for name in _IDS:
        if name in event:
            _set_id(draft, name)
    for name in _TEXTS:
        if event.get(name, "") in (None, ""):
            event.pop(name, None)
    if raw.type == "alias" and "previousId" not in event and "anonymousId" in event:
        event["previousId"] = event["anonymousId"]
    member = _OPEN_MEMBER.get(raw.type)
    if member and event.get(member) is None:
        event[member] = {}
    if event.get("integrations") is None:
        event["integrations"] = {}
    context = cast("dict[str, Any]", event.get("context") or {})
    event["context"] = context
    # A server's own address says nothing about the person; `context.direct` marks servers' calls made on a device.
    if raw.client_side or context.get("direct") is True:
        if raw.ip and not context.get("ip"):
            context["ip"] = raw.ip
        if raw.user_agent and not context.get("userAgent"):
            context["userAgent"] = raw.user_agent
    event["channel"] = _channel(raw.client_side, context)


def _set_id(draft: Draft, name: str) -> None:
    sent = draft.event[name]
    found = as_id(sent)
    if found is None:
        del draft.event[name]
    elif found is not sent:
        draft.event[name] = found
        draft.find("id_was_number", f"/{name}")


def _channel(client_side: bool, context: dict[str, Any]) -> str:
    if not client_side:
        return "server"
    return "mobile" if context.get("device") or context.get("app") else "browser"
