"""Which destinations refuse the credentials, as their last requests tell: for whoever looks from another process."""

from collections.abc import Iterable

from msgspec import Struct
from sqlalchemy import Engine, select

from trackway.delivery.sender import CREDENTIALS
from trackway.state.tables import attempts


class Refusal(Struct, frozen=True):
    """A destination's last request, which was refused for its credentials."""

    reason: str
    """`401`, `403` or `token_refused`."""
    at_ms: int
    answer: str
    """Its beginning, free of secrets."""


def refusals(engine: Engine, destinations: Iterable[str]) -> dict[str, Refusal]:
    """Return those of `destinations` whose events wait for other credentials. May block for some 0.1 s."""
    found: dict[str, Refusal] = {}
    with engine.connect() as connection:
        for key in destinations:
            newest = select(attempts).where(attempts.c.destination == key).order_by(attempts.c.id.desc()).limit(1)
            row = connection.execute(newest).first()
            if row is not None and row.outcome == "retry" and row.reason in CREDENTIALS:
                found[key] = Refusal(row.reason, row.started_ms, row.answer)
    return found
