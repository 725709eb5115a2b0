"""What Customer.io says to entities and batches of them.

Source: its own engineers in github.com/segmentio/action-destinations, pull request 3657 (a batch tried in all ways,
2026-04-21): `errors` has an entry for each entity that was refused, with its `batch_index`; all others got in. Read
2026-11-26; the answer was not found in its reference.
"""

import msgspec
from msgspec import Struct

from trackway.destinations import kit


class _Error(Struct):
    reason: str = ""
    """`required` or `invalid`."""
    field: str = ""
    message: str = ""
    batch_index: int | None = None

    def rejection(self) -> kit.Rejected:
        """Return it as an outcome."""
        return kit.Rejected("invalid_entity", " ".join(filter(None, (self.field, self.reason, self.message))))


class _Answer(Struct):
    """With 207 the entities that are not listed got in."""

    errors: list[_Error] = []


def judge(response: kit.Response, *, count: int) -> list[kit.Outcome]:
    """Say what became of each entity: those of a batch are judged on their own.

    Raises:
        Divide: one of several is wrong, and the answer does not say which.
    """
    if response.status not in (200, 207, 400) or not response.body.lstrip().startswith(b"{"):
        return kit.by_status(response, count=count)
    answer = msgspec.json.decode(response.body, type=_Answer)
    refused = {
        error.batch_index or 0: error.rejection()
        for error in answer.errors
        if error.batch_index is not None or count == 1
    }
    if not refused:
        if response.status == 400 and count > 1:
            raise kit.Divide
        return kit.by_status(response, count=count)
    if response.status == 400:
        # Nothing got in; the others go again without the bad ones.
        return [refused.get(index) or kit.Retry("sent_with_bad_entities", 0.0) for index in range(count)]
    return kit.per_item(refused, count=count)
