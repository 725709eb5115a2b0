"""Conversations with Klaviyo: jobs for many, look-up and write for one; and how each request looks."""

from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote

import msgspec
from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.catalog.klaviyo import answers

REVISION = "2026-07-15"
_API = "https://a.klaviyo.com/api"
_TOO_LARGE = 413
Exchange: TypeAlias = Generator[kit.Request, kit.Response | kit.Retry | kit.Rejected, list[kit.Outcome]]
_Made: TypeAlias = tuple[str, Any]
"""A path, and the body that goes there."""


class Seen(Struct, frozen=True):
    """A row of the route `events`: an event's attributes, and apart from them its profile's."""

    attributes: dict[str, msgspec.Raw]
    profile: msgspec.Raw


def send(settings: Any, method: str, path: str, body: Any = None) -> kit.Request:
    """Return a request to Klaviyo."""
    headers = {
        "Authorization": f"Klaviyo-API-Key {settings.api_key.reveal()}",
        "Accept": "application/json",
        "Content-Type": "application/json",
        "revision": REVISION,
    }
    nothing = b"" if body is None else None
    return kit.Request(method=method, url=f"{_API}/{path}", headers=headers, json=body, body=nothing, timeout_s=30)


def job(settings: Any, rows: Sequence[kit.Row], make: Callable[[Sequence[kit.Row]], _Made]) -> Exchange:
    """Send rows in one request as `make` has it; one that is too large, or wrong who knows where, in halves."""
    path, body = make(rows)
    response = yield send(settings, "POST", path, body)
    if not isinstance(response, kit.Response):
        return [response] * len(rows)
    count = len(rows)
    unclear = response.status == 400 and not answers.refused(response, count=count)
    if count == 1 or not (response.status == _TOO_LARGE or unclear):
        return answers.judge(response, count=count)
    half = count // 2
    first = yield from job(settings, rows[:half], make)
    if isinstance(first[-1], kit.Retry):
        # In order: later traits must not be overwritten by earlier ones that are sent again.
        return first + [first[-1]] * (count - half)
    return first + (yield from job(settings, rows[half:], make))


def events(rows: Sequence[kit.Row]) -> _Made:
    """Return one event, or a job of several."""
    seen = [msgspec.json.decode(row.value, type=Seen) for row in rows]
    if len(seen) == 1:
        attributes = seen[0].attributes | {"profile": _data("profile", seen[0].profile)}
        return "events", _data("event", attributes)
    items = [
        {
            "type": "event-bulk-create",
            "attributes": {
                "profile": _data("profile", one.profile),
                "events": {"data": [{"type": "event", "attributes": one.attributes}]},
            },
        }
        for one in seen
    ]
    return "event-bulk-create-jobs", _data("event-bulk-create-job", {"events-bulk-create": {"data": items}})


def profiles(settings: Any, rows: Sequence[kit.Row], list_id: str) -> Exchange:
    """Create or update profiles, and put them into a list if one is named."""
    return _profile(settings, rows[0], list_id) if len(rows) == 1 else job(settings, rows, _imported(list_id))


def _imported(list_id: str) -> Callable[[Sequence[kit.Row]], _Made]:
    def make(rows: Sequence[kit.Row]) -> _Made:
        found = _data("profile-bulk-import-job", {"profiles": {"data": [row.value for row in rows]}})
        if list_id:
            found["data"]["relationships"] = {"lists": {"data": [{"type": "list", "id": list_id}]}}
        return "profile-bulk-import-jobs", found

    return make


def _profile(settings: Any, row: kit.Row, list_id: str) -> Exchange:
    response = yield send(settings, "POST", "profiles", {"data": row.value})
    known = answers.duplicate_id(response) if isinstance(response, kit.Response) and response.status == 409 else None
    if known is not None:
        data = msgspec.json.decode(row.value, type=dict[str, msgspec.Raw])
        response = yield send(settings, "PATCH", f"profiles/{quote(known, safe='')}", {"data": {**data, "id": known}})
    if not isinstance(response, kit.Response):
        return [response]
    if list_id and 200 <= response.status < 300:
        found = {"data": [{"type": "profile", "id": known or answers.created_id(response)}]}
        response = yield send(settings, "POST", _members(list_id), found)
        if not isinstance(response, kit.Response):
            return [response]
    return answers.judge(response, count=1)


def removal(settings: Any, rows: Sequence[kit.Row], list_id: str) -> Exchange:
    """Take one profile out of a list: each look-up finds it by one identifier."""
    ids: dict[str, None] = {}
    for name, value in rows[0].json.items():
        response = yield send(settings, "GET", f"profiles?filter={_any_of(name, value)}")
        if not isinstance(response, kit.Response):
            return [response]
        if response.status != 200:
            return answers.judge(response, count=1)
        ids |= dict.fromkeys(answers.found_ids(response))
    if not ids:
        return [kit.Rejected("no_profile", "Klaviyo knows nobody with these identifiers")]
    body = {"data": [{"type": "profile", "id": one} for one in ids]}
    response = yield send(settings, "DELETE", _members(list_id), body)
    return answers.judge(response, count=1) if isinstance(response, kit.Response) else [response]


def deletion(settings: Any, person: kit.Person) -> kit.Deletion:
    """Have the profiles deleted that a look-up finds under the user id, and those with the address."""
    response = yield send(settings, "GET", f"profiles?filter={_any_of('external_id', person.user_id)}")
    if not isinstance(response, kit.Response) or response.status != 200:
        return kit.deleted(response)
    whom = [{"id": one} for one in answers.found_ids(response)]
    whom += [{"email": person.email}] if person.email else []
    return (yield from kit.each_deleted(_deletion(settings, one) for one in whom))


def _deletion(settings: Any, whom: dict[str, str]) -> kit.Request:
    profile: dict[str, Any] = {"type": "profile"}
    profile |= whom if "id" in whom else {"attributes": whom}
    return send(
        settings,
        "POST",
        "data-privacy-deletion-jobs",
        _data("data-privacy-deletion-job", {"profile": {"data": profile}}),
    )


def _any_of(name: str, value: str) -> str:
    return quote(f"any({name},[{kit.values.encode_json(value)}])", safe="")


def _members(list_id: str) -> str:
    return f"lists/{quote(list_id, safe='')}/relationships/profiles"


def subscription(kind: str, list_id: str, **attributes: Any) -> Callable[[Sequence[kit.Row]], _Made]:
    """Return what makes a job (`create` or `delete`) that changes what people agreed to get."""

    def make(rows: Sequence[kit.Row]) -> _Made:
        name = f"profile-subscription-bulk-{kind}-job"
        found = _data(name, {**attributes, "profiles": {"data": [row.value for row in rows]}})
        if list_id:
            found["data"]["relationships"] = {"list": {"data": {"type": "list", "id": list_id}}}
        return f"{name}s", found

    return make


def _data(kind: str, attributes: Any) -> dict[str, Any]:
    return {"data": {"type": kind, "attributes": attributes}}
