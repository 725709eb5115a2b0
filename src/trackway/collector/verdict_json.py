"""Verdicts as they stand in an answer, for those who ask."""

from collections.abc import Sequence

from trackway.collector.answers import Verdict
from trackway.collector.intake import Intake


def show_verdicts(taken: Intake, known: Sequence[bool]) -> list[Verdict]:
    """Return one verdict a call, in the order of the request; `known` marks ids that came before, if anybody looked."""
    shown: list[Verdict] = []
    before: set[str] = set()
    for number, message_id in enumerate(taken.message_ids):
        refusal = taken.refusals.get(number)
        if refusal is not None:
            reason, pointer, message = refusal.reason, refusal.pointer, refusal.message
            one = Verdict(message_id=message_id, verdict="invalid", reason=reason, pointer=pointer, message=message)
        elif message_id in before or (known and known[number]):
            one = Verdict(message_id=message_id, verdict="duplicate")
        else:
            one = Verdict(message_id=message_id, verdict="accepted")
            before.add(message_id)
        shown.append(one)
    return shown
