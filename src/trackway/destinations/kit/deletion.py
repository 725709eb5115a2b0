"""Deleting a person at a vendor: who it is, and the requests that do it."""

from collections.abc import Generator, Iterable
from typing import TypeAlias

from msgspec import Struct

from trackway.destinations.kit.contract import (
    Answer,
    Delivered,
    Outcome,
    Request,
    Response,
    Retry,
    Skipped,
    by_status,
    limit_reset_s,
)


class Person(Struct, frozen=True, kw_only=True):
    """Somebody whose data is to be deleted, with what is known of him."""

    user_id: str
    anonymous_ids: tuple[str, ...] = ()
    """Devices that the identity ledger has as his."""
    email: str = ""
    """Where the asker told it: some vendors know people by nothing else."""

    @property
    def ids(self) -> list[str]:
        """The user id, and after it the anonymous ones."""
        return [self.user_id, *self.anonymous_ids]


Deletion: TypeAlias = Generator[Request, Answer, Outcome | Skipped]
"""Requests, one after the other, and what came of them. `Skipped` has a reason why nothing was asked."""


def deleted(answer: Answer) -> Outcome:
    """Judge the answer to a deletion by its status; somebody whom the vendor does not know (404, 410) is deleted."""
    if not isinstance(answer, Response):
        return answer
    if answer.status == 429:
        return Retry("429", limit_reset_s(answer))
    return Delivered() if answer.status in (404, 410) else by_status(answer, count=1)[0]


def each_deleted(requests: Iterable[Request]) -> Deletion:
    """Send one deletion after the other, and end with the first that was not taken."""
    outcome: Outcome = Delivered()
    for request in requests:
        outcome = deleted((yield request))
        if not isinstance(outcome, Delivered):
            break
    return outcome
