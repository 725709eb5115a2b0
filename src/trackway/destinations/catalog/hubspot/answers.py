"""What HubSpot says: records, batches of which some are refused, errors with a category."""

import re
from typing import Any, TypeVar, cast

import msgspec
from msgspec import Struct

from trackway.destinations import kit
from trackway.destinations.catalog.hubspot.calls import Answer

_WAIT_S = {"TEN_SECONDLY_ROLLING": 10.0, "SECONDLY": 1.0, "DAILY": 3600.0}
"""How long to wait by the limit that was reached, when HubSpot does not say."""
_T = TypeVar("_T")
_LOCKED_S, _MOVING_S = 2.0, 3600.0
_EXISTING = re.compile(r"Existing ID: (\d+)")


class Record(Struct):
    """A contact, a company or another record as HubSpot keeps it."""

    id: str = ""
    properties: dict[str, Any] = {}


class Found(Struct):
    """What a search found."""

    total: int = 0
    results: list[Record] = []


class Error(Struct):
    """Why a request, or one of a batch's records, was refused."""

    message: str = ""
    category: str = ""
    policy_name: str = msgspec.field(name="policyName", default="")
    context: dict[str, Any] = {}

    def names(self) -> set[str]:
        """Return the ids of the records that it is about, in lower case."""
        told = [cast("list[Any]", value) if isinstance(value, list) else [value] for value in self.context.values()]
        return {str(one).lower() for group in told for one in group}


class Batch(Struct):
    """The answer to a batch; with 207 some records were refused."""

    results: list[Record] = []
    errors: list[Error] = []


def taken(answer: Answer) -> bool:
    """Say whether HubSpot did what it was asked."""
    return isinstance(answer, kit.Response) and 200 <= answer.status < 300


def status(answer: Answer) -> int:
    """Return the status, or 0 if nothing came back."""
    return answer.status if isinstance(answer, kit.Response) else 0


def read(answer: Answer, kind: type[_T]) -> _T:
    """Return an answer's body as `kind`; one without members if it has none."""
    return msgspec.json.decode(_object(answer), type=kind)


def record(answer: Answer) -> Record:
    """Return the record that was written or found; an empty one if the answer has none."""
    return read(answer, Record)


def found(answer: Answer) -> Found:
    """Return what a search found."""
    return read(answer, Found)


def batch(answer: Answer) -> Batch:
    """Return what became of a batch."""
    return read(answer, Batch)


def existing_id(answer: Answer) -> str | None:
    """Return the id of the record that stands in the way of a new one (409), if the answer tells it."""
    told = _EXISTING.search(_error(answer).message) if status(answer) == 409 else None
    return told[1] if told else None


def lacks(answer: Answer, name: str) -> bool:
    """Say whether a request was refused because the account has no property `name`."""
    message = _error(answer).message
    return status(answer) == 400 and "PROPERTY_DOESNT_EXIST" in message and f'"{name}"' in message


def judge(answer: Answer, *, count: int = 1) -> list[kit.Outcome]:
    """Say what became of `count` rows that share an answer."""
    if not isinstance(answer, kit.Response):
        return [answer] * count
    asked = kit.retry_after_s(answer)
    if answer.status == 429:
        return [kit.Retry("429", asked if asked is not None else _WAIT_S.get(_error(answer).policy_name))] * count
    if answer.status in (423, 477):  # locked by another write; the account moves to another data centre
        usual = _LOCKED_S if answer.status == 423 else _MOVING_S
        return [kit.Retry(str(answer.status), asked if asked is not None else usual)] * count
    return kit.by_status(answer, count=count)


def _error(answer: Answer) -> Error:
    return read(answer, Error)


def _object(answer: Answer) -> bytes:
    if isinstance(answer, kit.Response) and answer.body.lstrip().startswith(b"{"):
        return answer.body
    return b"{}"
