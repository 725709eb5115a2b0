"""Which destinations are in trouble, as their last requests tell: for whoever looks from another process."""

from collections.abc import Iterable

from msgspec import Struct
from sqlalchemy import Engine, select

from trackway.delivery.sender import NOT_ALLOWED, SETTINGS
from trackway.state.tables import attempts


class Refusal(Struct, frozen=True):
    """A destination's last request, which was refused for its credentials or its address."""

    reason: str
    """`401`, `403`, `token_refused` or `address_not_allowed`."""
    at_ms: int
    answer: str
    """Its beginning, free of secrets; for an address why it is not allowed."""


def in_words(reason: str, detail: str = "") -> str:
    """Return what is wrong at a destination whose settings are refused, to go on with after "it"."""
    if reason == NOT_ALLOWED:
        return f"has an address that is not allowed{f': {detail}' if detail else ''}"
    return f"refuses the credentials ({reason})"


def refusals(engine: Engine, destinations: Iterable[str]) -> dict[str, Refusal]:
    """Return those of `destinations` whose events wait for other settings. May block for some 0.1 s."""
    found: dict[str, Refusal] = {}
    with engine.connect() as connection:
        for key in destinations:
            newest = select(attempts).where(attempts.c.destination == key).order_by(attempts.c.id.desc()).limit(1)
            row = connection.execute(newest).first()
            if row is not None and row.outcome == "retry" and row.reason in SETTINGS:
                found[key] = Refusal(row.reason, row.started_ms, row.answer)
    return found


_IN_A_ROW = 5
"""Failures with which a destination is in trouble, as for its breaker; fewer where it had no more requests."""


def troubles(engine: Engine, destinations: Iterable[str]) -> dict[str, str]:
    """Return those of `destinations` whose last requests all failed, with why the newest did."""
    found: dict[str, str] = {}
    with engine.connect() as connection:
        for key in destinations:
            newest = select(attempts).where(attempts.c.destination == key).order_by(attempts.c.id.desc())
            rows = connection.execute(newest.limit(_IN_A_ROW)).all()
            if rows and all(row.outcome == "retry" for row in rows):
                row = rows[0]
                why = f": {row.answer}" if row.status is None and row.answer else ""
                found[key] = f"{row.reason}{why}"
    return found
