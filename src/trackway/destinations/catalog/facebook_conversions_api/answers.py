"""What Meta says: an error with a code, and how long a busy account is to wait."""

import msgspec
from msgspec import Struct

from trackway.destinations import kit

_THROTTLED = frozenset({4, 17, 32, 341, 613, *range(80000, 80015)})
_LATER = frozenset({2, 368})
"""A service that is down, and a business that is blocked for a while."""
_CREDENTIALS = frozenset({102, 190})
_PERMISSIONS = frozenset({3, 10, *range(200, 300)})
_SPOILT = 100
"""Invalid parameter: one event is enough for Meta to refuse all of a request."""


class _Fault(Struct):
    message: str = ""
    code: int = 0
    is_transient: bool = False
    error_user_msg: str = ""


class _Answer(Struct):
    error: _Fault | None = None


class _Usage(Struct):
    """What a business has used of one of its limits."""

    estimated_time_to_regain_access: float = 0.0
    """Minutes; 0 while there is no need to wait."""


def judge(response: kit.Response, *, count: int) -> list[kit.Outcome]:
    """Say what became of each row: Meta takes all events of a request, or none.

    Source: …/docs/graph-api/guides/error-handling and …/graph-api/overview/rate-limiting, read 2026-11-26.

    Raises:
        Divide: one of several is wrong, and the answer does not say which.
    """
    if response.status >= 500 or not response.body.lstrip().startswith(b"{"):
        return kit.by_status(response, count=count)
    fault = msgspec.json.decode(response.body, type=_Answer).error
    if fault is None:
        return kit.by_status(response, count=count)
    if fault.code in _THROTTLED:
        return [kit.Retry("429", _wait_s(response))] * count
    if fault.is_transient or fault.code in _LATER:
        return [kit.Retry("transient", kit.retry_after_s(response))] * count
    if fault.code == _SPOILT and count > 1:
        raise kit.Divide
    return [kit.Rejected(_reason(fault.code, response.status), fault.error_user_msg or fault.message)] * count


def _reason(code: int, status: int) -> str:
    return "401" if code in _CREDENTIALS else "403" if code in _PERMISSIONS else str(status if status >= 400 else 400)


def _wait_s(response: kit.Response) -> float | None:
    """Return how long a busy account is to wait: by `Retry-After`, else by what the business has used."""
    asked_s = kit.retry_after_s(response)
    if asked_s is not None:
        return asked_s
    told = response.headers.get("x-business-use-case-usage", "")
    try:
        usage = msgspec.json.decode(told, type=dict[str, list[_Usage]])
    except msgspec.DecodeError:
        return None
    minutes = max((one.estimated_time_to_regain_access for limits in usage.values() for one in limits), default=0.0)
    return minutes * 60 or None
