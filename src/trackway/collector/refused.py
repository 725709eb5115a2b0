"""A request that can never succeed."""

from trackway.events.reasons import REFUSALS


class Refused(Exception):
    """The request as a whole can never succeed: `code` and a sentence for the 400."""

    def __init__(self, code: str, message: str | None = None) -> None:
        super().__init__(message or REFUSALS[code])
        self.code = code


def too_large(max_bytes: int) -> Refused:
    """Return the refusal of a body over the cap."""
    return Refused("body_too_large", f"The body is larger than {max_bytes} bytes; send fewer calls at a time.")
