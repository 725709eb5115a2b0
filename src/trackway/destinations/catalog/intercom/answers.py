"""What Intercom says: contacts that a search found, and lists of errors."""

import re
from typing import TypeAlias

import msgspec
from msgspec import Struct

from trackway.destinations import kit

Answer: TypeAlias = kit.Response | kit.Retry | kit.Rejected
_KNOWN_ID = re.compile(r"already exists with id=(\w+)")


class _Named(Struct):
    """A contact or a company."""

    id: str = ""


class _Found(Struct):
    total_count: int = 0
    data: list[_Named] = []


class _Error(Struct):
    code: str = ""
    message: str | None = None


class _Errors(Struct):
    errors: list[_Error] = []


def taken(answer: Answer) -> bool:
    """Say whether Intercom did what it was asked."""
    return isinstance(answer, kit.Response) and 200 <= answer.status < 300


def status(answer: Answer) -> int:
    """Return the status, or 0 if nothing came back."""
    return answer.status if isinstance(answer, kit.Response) else 0


def only_one(answer: Answer) -> str:
    """Return the id of the contact that a search found, `""` if there is none or there are several."""
    found = msgspec.json.decode(_object(answer), type=_Found)
    return found.data[0].id if found.total_count == 1 and found.data else ""


def all_found(answer: Answer) -> list[str]:
    """Return the ids of all contacts that a search found, as many as stand in one answer."""
    return [one.id for one in msgspec.json.decode(_object(answer), type=_Found).data]


def made_id(answer: Answer) -> str:
    """Return the id of what was written."""
    return msgspec.json.decode(_object(answer), type=_Named).id


def known_id(answer: Answer) -> str:
    """Return the id of the contact that stands in the way of a new one (409), if the answer tells it."""
    told = [error.message or "" for error in msgspec.json.decode(_object(answer), type=_Errors).errors]
    matches = [match[1] for message in told if (match := _KNOWN_ID.search(message))]
    return matches[0] if matches and status(answer) == 409 else ""


def judge(answer: Answer) -> list[kit.Outcome]:
    """Say what became of the row.

    A 409 comes of two writes at once, or of a search that does not know the newest contacts yet: it passes.
    """
    if not isinstance(answer, kit.Response):
        return [answer]
    if answer.status == 409:
        return [kit.Retry("409", kit.retry_after_s(answer))]
    if answer.status == 429:
        return [kit.Retry("429", kit.limit_reset_s(answer))]
    return kit.by_status(answer, count=1)


def _object(answer: Answer) -> bytes:
    if isinstance(answer, kit.Response) and answer.body.lstrip().startswith(b"{"):
        return answer.body
    return b"{}"
