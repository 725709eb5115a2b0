"""How the console's API says no."""

from typing import Any

from trackway.errors import TrackwayError


class ApiError(TrackwayError):
    """A request that is answered with `{"code", "message"}`, and `more` members, and a 4xx or 5xx status."""

    def __init__(self, status: int, code: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.more = more
