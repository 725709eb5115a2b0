"""What Klaviyo says: JSON:API errors, each with a pointer into the request.

Source: …/docs/rate_limits_and_error_handling; the pointers of jobs as Segment's open-source Klaviyo (Actions) reads
them, which takes the number in them for the item's and sends the others again; read 2026-11-26. The specification of
revision 2026-07-15 (https://github.com/klaviyo/openapi, read 2026-11-27) has `source.pointer` in an error, and does not
say what that of a job looks like: where one is not understood, the job's halves are sent.
"""

import re
from typing import Any

import msgspec
from msgspec import Struct, field

from trackway.destinations import kit

_PLACE = re.compile(r"/data/attributes/(?:events-bulk-create|profiles)/data/(\d+)(?:/|$)")


class _Source(Struct):
    pointer: str | None = None


class _Error(Struct):
    code: str = ""
    detail: str = ""
    source: _Source = field(default_factory=_Source)
    meta: dict[str, Any] = {}


class _Errors(Struct):
    errors: list[_Error] = []


class _Resource(Struct):
    id: str


class _One(Struct):
    data: _Resource


class _Many(Struct):
    data: list[_Resource] = []


def _errors(response: kit.Response) -> list[_Error]:
    is_json = response.body.lstrip().startswith(b"{")
    return msgspec.json.decode(response.body, type=_Errors).errors if is_json else []


def refused(response: kit.Response, *, count: int) -> dict[int, kit.Rejected]:
    """Return what an answer with status 400 says about single items of the `count` in a job, by index from 0."""
    found: dict[int, kit.Rejected] = {}
    for error in _errors(response) if response.status == 400 else []:
        pointer = error.source.pointer or ""
        place = _PLACE.match(pointer)
        index = int(place[1]) if place else 0 if count == 1 else count
        if index < count:
            about = pointer[place.end() :] if place else pointer
            found[index] = kit.Rejected("invalid_item", f"{about}: {error.detail or error.code}".strip(": "))
    return found


def judge(response: kit.Response, *, count: int) -> list[kit.Outcome]:
    """Say what became of each of `count` items: with one that is wrong nothing got in."""
    found = refused(response, count=count)
    if not found:
        return kit.by_status(response, count=count)
    # The others go again without the bad ones.
    return [found.get(index) or kit.Retry("sent_with_bad_items", 0.0) for index in range(count)]


def created_id(response: kit.Response) -> str:
    """Return the id of what was created.

    Raises:
        msgspec.DecodeError: the answer does not tell it.
    """
    return msgspec.json.decode(response.body, type=_One).data.id


def found_ids(response: kit.Response) -> list[str]:
    """Return the ids of what was found."""
    return [one.id for one in msgspec.json.decode(response.body, type=_Many).data]


def duplicate_id(response: kit.Response) -> str | None:
    """Return the id of the profile that has the identifiers already, if that is what the answer (409) says."""
    ids = (error.meta.get("duplicate_profile_id") for error in _errors(response))
    return next((one for one in ids if isinstance(one, str) and one), None)
