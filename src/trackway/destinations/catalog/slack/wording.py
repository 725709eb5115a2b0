"""An event in words, for people who read it in a channel."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from trackway.destinations import kit

_MOST_LINES = 12
_LONGEST = 200
"""Characters of one value."""
_MONEY = frozenset({"revenue", "total", "value", "subtotal", "price", "tax", "shipping", "discount"})


def told(event: Mapping[str, Any]) -> str:
    """Return what happened in a line, with what is known of it in the lines after it.

    Whatever comes from the event is escaped: none of it can call people (`<!channel>`) or hide a link.
    """
    lines = [" · ".join(filter(None, (_headline(event), _who(event))))]
    known = _members(event, "properties") if event.get("type") in ("track", "page", "screen") else _traits(event)
    currency = known.get("currency")
    for name, value in known.items():
        if len(lines) > _MOST_LINES:
            lines.append("…")
            break
        if name != "currency" and (shown := _shown(value)):
            unit = f" {_plain(currency)}" if name in _MONEY and isinstance(currency, str) else ""
            lines.append(f"{_plain(name)}: {shown}{unit}")
    return "\n".join(lines)


def _headline(event: Mapping[str, Any]) -> str:
    kind, about = event.get("type"), _members(event, "properties")
    if kind == "track":
        return f"*{_plain(event.get('event'))}*"
    if kind in ("page", "screen"):
        seen = event.get("name") or about.get("title") or about.get("url") or f"a {kind}"
        return f"Viewed *{_plain(seen)}*"
    if kind == "group":
        return f"Joined *{_plain(_members(event, 'traits').get('name') or event.get('groupId'))}*"
    if kind == "alias":
        return f"Was *{_plain(event.get('previousId'))}* before"
    return "Identified"


def _who(event: Mapping[str, Any]) -> str:
    return _plain(event.get("userId") or event.get("anonymousId"))


def _traits(event: Mapping[str, Any]) -> Mapping[str, Any]:
    return _members(event, "traits")


def _members(event: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = event.get(name)
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}


def _shown(value: Any) -> str:
    if isinstance(value, list):
        count = len(cast("list[Any]", value))
        return f"{count} item" + ("" if count == 1 else "s")
    if isinstance(value, dict):
        return ", ".join(_pairs(cast("Mapping[str, Any]", value)))
    return _plain(value)


def _pairs(members: Mapping[str, Any]) -> Iterator[str]:
    for name, value in members.items():
        if not isinstance(value, dict | list) and (shown := _plain(value)):
            yield f"{_plain(name)} {shown}"


def _plain(value: Any) -> str:
    """Return a value as text in which nothing means anything to Slack (https://docs.slack.dev, Formatting text)."""
    text = "" if value is None else kit.values.spoken(value) if not isinstance(value, str) else value
    text = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", " ")
