"""The verdict on one call: may it go in, and if not, which part is wrong and what to do.

`judge` reads a call in two ways. Nearly all calls pass a typed decode that builds nothing but the few fields a verdict
needs. What fails it is read a second time, leniently and field by field, to find the reason, or that there is none.
"""

from typing import Any, cast

import msgspec
from msgspec import Struct

from trackway.events import calls, lenient_json
from trackway.events.ids import MESSAGE_ID_MAX, as_id
from trackway.events.reasons import REFUSALS
from trackway.events.records import Refusal

MAX_BYTES = 32 * 1024
CONSENT_EVENT = "Segment Consent Preference Updated"


class Judged(Struct, frozen=True, gc=False):
    """What `judge` found out about a call."""

    type: str
    """`""` when it could not be told."""
    message_id: str | None
    """As sent; None when there is none, or none that can be used."""
    refusal: Refusal | None
    """None: the call is accepted."""


def refuse(reason: str, pointer: str = "", message: str | None = None) -> Refusal:
    """Return a refusal; the sentence is the reason's own unless given."""
    return Refusal(reason, pointer, message or REFUSALS[reason])


def judge(body: bytes, path_type: str | None = None, max_bytes: int = MAX_BYTES) -> Judged:
    """Return the verdict on the call whose JSON text is `body`.

    `path_type` is the type that the request's path names; it wins over the call's own. Null is absent, an empty id is
    absent, a whole number is taken as an id.
    """
    if len(body) > max_bytes:
        reason = f"The call has {len(body)} bytes, more than the {max_bytes} this source allows; send less in it."
        kind, message_id = _peek(body)
        return Judged(path_type or kind, message_id, refuse("event_too_large", "", reason))
    try:
        call: calls.AnyCall = calls.decode_as[path_type](body) if path_type else calls.decode_any(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _judge_slowly(body, path_type)
    kind = type(call)
    if not (call.user_id or call.anonymous_id) or kind in _LOOK_CLOSELY:
        return _judge_slowly(body, path_type)
    if isinstance(call, calls.Track) and call.event == CONSENT_EVENT:
        return _judge_slowly(body, path_type)
    message_id = call.message_id or None
    return Judged(_TYPE_OF[kind], message_id if message_id is None else str(message_id), None)


_TYPE_OF: dict[type, str] = {kind: name for name, kind in calls.BY_TYPE.items()}
_LOOK_CLOSELY: set[type] = {calls.Group, calls.Alias}
"""Rare calls with rules that no struct can hold."""


class _Peek(Struct, gc=False, rename="camel"):
    type: Any = None
    message_id: Any = None


_decode_peek = msgspec.json.Decoder(_Peek).decode


def _peek(body: bytes) -> tuple[str, str | None]:
    """Return type and message id of a call that is too large to be looked at closely: people look for it by the id."""
    try:
        found = _decode_peek(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", None
    kind = found.type if isinstance(found.type, str) and found.type in calls.BY_TYPE else ""
    return kind, _message_id({"messageId": found.message_id})


def _judge_slowly(body: bytes, path_type: str | None) -> Judged:
    try:
        value, _ = lenient_json.loads(body)
    except lenient_json.NotJson as error:
        return Judged(path_type or "", None, refuse("body_not_json", "", f"The call is not JSON: {error}."))
    if not isinstance(value, dict):
        return Judged(path_type or "", None, refuse("event_not_object"))
    call = cast("dict[str, Any]", value)
    kind = path_type or call.get("type")
    if not isinstance(kind, str) or kind not in calls.BY_TYPE:
        return Judged("", _message_id(call), refuse("type_unknown", "/type"))
    refusal = _find_refusal(call, kind)
    return Judged(kind, _message_id(call), refusal)


def _message_id(call: dict[str, Any]) -> str | None:
    try:
        found = as_id(call.get("messageId"))
    except ValueError:
        return None
    return found if found is None or len(found) <= MESSAGE_ID_MAX else None


def _find_refusal(call: dict[str, Any], kind: str) -> Refusal | None:
    for field in ("userId", "anonymousId", "messageId", "groupId", "previousId"):
        if field in ("groupId", "previousId") and kind not in ("group", "alias"):
            continue
        try:
            as_id(call.get(field))
        except ValueError:
            return refuse("id_not_string", f"/{field}", f"`{field}` must be text.")
    if not (call.get("userId") or call.get("anonymousId") or call.get("userId") == 0 or call.get("anonymousId") == 0):
        return refuse("no_user_anon_id", "/userId")
    if len(str(call.get("messageId") or "")) > MESSAGE_ID_MAX:
        return refuse("message_id_too_long", "/messageId")
    return _find_member_refusal(call) or _FIND_BY_TYPE[kind](call)


def _find_member_refusal(call: dict[str, Any]) -> Refusal | None:
    for field in ("context", "integrations"):
        if not isinstance(call.get(field), dict | None):
            return refuse(f"{field}_not_object", f"/{field}")
    return None


def _find_in_track(call: dict[str, Any]) -> Refusal | None:
    event = call.get("event")
    if event is None or event == "":
        return refuse("event_not_defined", "/event")
    if not isinstance(event, str):
        return refuse("event_not_string", "/event")
    if not isinstance(call.get("properties"), dict | None):
        return refuse("properties_not_object", "/properties")
    return _find_in_consent(call) if event == CONSENT_EVENT else None


def _find_in_identify(call: dict[str, Any]) -> Refusal | None:
    return None if isinstance(call.get("traits"), dict | None) else refuse("traits_not_object", "/traits")


def _find_in_page(call: dict[str, Any]) -> Refusal | None:
    for field in ("name", "category"):
        if not isinstance(call.get(field), str | None):
            return refuse(f"{field}_not_string", f"/{field}")
    return None if isinstance(call.get("properties"), dict | None) else refuse("properties_not_object", "/properties")


def _find_in_group(call: dict[str, Any]) -> Refusal | None:
    if as_id(call.get("groupId")) is None:
        return refuse("group_id_required", "/groupId")
    return _find_in_identify(call)


def _find_in_alias(call: dict[str, Any]) -> Refusal | None:
    if as_id(call.get("userId")) is None:
        return refuse("user_id_required", "/userId")
    if as_id(call.get("previousId")) is None and as_id(call.get("anonymousId")) is None:
        return refuse("previous_id_required", "/previousId")
    return None


def _find_in_consent(call: dict[str, Any]) -> Refusal | None:
    context = cast("dict[str, Any]", call.get("context") or {})
    consent = cast("dict[str, Any]", context.get("consent") if isinstance(context.get("consent"), dict) else {})
    preferences = consent.get("categoryPreferences")
    pointer = "/context/consent/categoryPreferences"
    if preferences is None:
        return refuse("consent_categorypreferences_should_exist", pointer)
    if not isinstance(preferences, dict):
        return refuse("consent_categorypreferences_fields_should_be_object", pointer)
    for name, choice in cast("dict[str, Any]", preferences).items():
        if not isinstance(choice, bool):
            place = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            return refuse("consent_categorypreferences_fields_should_be_bool", place)
    version = consent.get("version")
    if version is not None and (isinstance(version, bool) or not isinstance(version, int | float)):
        return refuse("consent_version_should_be_number", "/context/consent/version")
    return None


_FIND_BY_TYPE = {
    "track": _find_in_track,
    "identify": _find_in_identify,
    "page": _find_in_page,
    "screen": _find_in_page,
    "group": _find_in_group,
    "alias": _find_in_alias,
}
