"""Bodies, headers and answers that many vendors share."""

import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import quote_plus

import msgspec

from trackway.destinations.kit.contract import Delivered, Outcome, Rejected, Row
from trackway.destinations.kit.values import encode_json

_encode = msgspec.json.Encoder().encode
FORM = "application/x-www-form-urlencoded;charset=UTF-8"


def json_list(rows: Sequence[Row]) -> bytes:
    """Return the rows as a JSON list; each is already encoded."""
    return _encode([row.value for row in rows])


def form(members: Mapping[str, Any]) -> bytes:
    """Return the body of a form; what is no text becomes JSON text, absent members are left out."""
    told = {k: v if isinstance(v, str) else encode_json(v) for k, v in members.items() if v is not None}
    return "&".join([f"{_quoted(name)}={_quoted(value)}" for name, value in told.items()]).encode()


def _quoted(text: str) -> str:
    """Return text as a form writes it: like `urllib.parse.quote_plus`, which costs three times as much."""
    return "".join(map(_QUOTED.__getitem__, text.encode()))


_QUOTED = [quote_plus(bytes([byte])) for byte in range(256)]


def basic(user: str, password: str = "") -> str:
    """Return the value of an `Authorization` header with a name and a password."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def per_item(refused: Mapping[int, Rejected], *, count: int) -> list[Outcome]:
    """Return an outcome for each of `count` rows: delivered, but for those `refused` by index from 0."""
    return [refused.get(index) or Delivered() for index in range(count)]


class Kept(Protocol):
    """Secrets that a vendor handed out, for longer than this process lives."""

    @property
    def changed(self) -> bool:
        """Whether something was put that is not on disk."""
        ...

    def get(self, name: str) -> str | None:
        """Return what is kept under a name."""
        ...

    def put(self, name: str, secret: str) -> None:
        """Keep a secret; before the next request it is on disk, where there is one."""
        ...


class KeptInMemory:
    """What is kept where there is no disk: in tests, and for previews."""

    changed = False

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}

    def get(self, name: str) -> str | None:
        """Return what is kept under a name."""
        return self._secrets.get(name)

    def put(self, name: str, secret: str) -> None:
        """Keep a secret."""
        self._secrets[name] = secret


class Cache:
    """What look-ups found, for a while: at most 10 000 answers, each as long as its finder said."""

    MOST = 10_000

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` returns seconds."""
        self.kept: Kept = KeptInMemory()
        """What is to outlive this process; delivery puts it on disk."""
        self._clock = clock
        self._found: dict[str, tuple[float, Any]] = {}

    def get(self, key: str) -> Any:
        """Return what was kept under `key`, or None."""
        until, value = self._found.get(key, (0.0, None))
        return value if self._clock() < until else None

    def put(self, key: str, value: Any, *, seconds: float) -> None:
        """Keep `value` under `key`; the oldest entry goes when there are too many."""
        self._found.pop(key, None)
        if len(self._found) >= self.MOST:
            del self._found[next(iter(self._found))]
        self._found[key] = (self._clock() + seconds, value)

    def drop(self, key: str) -> None:
        """Forget what was kept under `key`."""
        self._found.pop(key, None)
