"""What passes between Trackway and the functions' process: frames of msgpack behind their length in four bytes."""

import struct
from typing import Any, Literal

import msgspec
from msgspec import Struct

_LENGTH = struct.Struct(">I")


class Greeting(Struct, array_like=True):
    """The first frame of the process: for each function file that cannot be used, why."""

    broken: dict[str, str]


class Task(Struct, array_like=True):
    """One event for one function."""

    function: str
    event: bytes
    """JSON."""
    source: str = ""
    destination: str = ""
    """Set for a function of a destination."""
    received_at_ms: int = 0
    settings: dict[str, Any] = {}


class Reply(Struct, array_like=True):
    """What a function made of an event."""

    end: Literal["passed", "dropped", "failed"]
    events: list[bytes] = []
    """When it passed: JSON, one or more."""
    reason: str = ""
    """When it was dropped, the function's own words; when it failed, a code of `events.reasons`."""
    detail: str = ""
    """When it failed: the traceback as far as it lies in the function's files, or what it returned."""


encode = msgspec.msgpack.Encoder().encode
decode_greeting = msgspec.msgpack.Decoder(Greeting).decode
decode_task = msgspec.msgpack.Decoder(Task).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode


def frame(message: Struct) -> bytes:
    """Return a message as it is sent."""
    body = encode(message)
    return _LENGTH.pack(len(body)) + body


class Frames:
    """Takes frames apart as their bytes arrive."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the bodies of the frames that are whole now."""
        self._buffer += data
        bodies: list[bytes] = []
        while len(self._buffer) >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._buffer)
            end = _LENGTH.size + size
            if len(self._buffer) < end:
                break
            bodies.append(bytes(self._buffer[_LENGTH.size : end]))
            del self._buffer[:end]
        return bodies
