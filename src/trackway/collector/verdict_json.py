"""Verdicts as they stand in an answer, for those who ask."""

from collections.abc import Sequence
from typing import Any

from trackway.collector.intake import Intake


def show_verdicts(taken: Intake, known: Sequence[bool]) -> list[dict[str, Any]]:
    """Return one object a call, in the order of the request; `known` marks ids that came before, if anybody looked."""
    shown: list[dict[str, Any]] = []
    before: set[str] = set()
    for number, message_id in enumerate(taken.message_ids):
        refusal = taken.refusals.get(number)
        if refusal is not None:
            verdict: dict[str, Any] = {
                "verdict": "invalid",
                "reason": refusal.reason,
                "pointer": refusal.pointer,
                "message": refusal.message,
            }
        elif message_id in before or (known and known[number]):
            verdict = {"verdict": "duplicate"}
        else:
            verdict = {"verdict": "accepted"}
            before.add(message_id)
        shown.append({"messageId": message_id, **verdict})
    return shown
