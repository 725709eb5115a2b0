from typing import Any

from msgspec import Raw

from trackway.events.members import Members

class Settler:
    def __init__(self, members: Members, currency: bytes = b"") -> None: ...
    def __call__(self, text: Raw | bytes) -> Any: ...
