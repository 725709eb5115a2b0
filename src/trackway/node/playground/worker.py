"""A process that previews made-up calls of strangers, one at a time, and cannot reach anything.

On standard input come calls, on standard output go answers, each with its length before it (4 bytes, big-endian). A
call is MessagePack of the arguments of `Playground.preview`. An answer begins with `+` and is JSON, or with `-` and is
a sentence for its reader. The first answer is empty and says that the worker is ready. It ends with its standard input.
"""

import io
import os
import signal
import struct
import sys
from typing import Any, BinaryIO

import msgspec

from trackway.errors import TrackwayError
from trackway.node.playground.engine import Playground

LENGTH = struct.Struct(">I")
MOST_ANSWER = 8 * 1024 * 1024
_MOST_MEMORY = 1024 * 1024 * 1024
_EXAMPLE = b'{"type":"track","event":"Order Completed","userId":"u1","properties":{"order_id":"o1","total":1}}'
_FORBIDDEN = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "os.remove")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def main(limit_s: float) -> None:
    """Answer calls until standard input ends; die of a call that takes more than `limit_s` seconds."""
    # Ctrl-C reaches the whole process group; the parent closes standard input when it stops.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    calls = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not get among the answers
    _bound_memory()
    playground = Playground(None)
    playground.preview(_EXAMPLE)  # imports the whole catalogue
    stay_inside()
    _write(answers, b"+")
    while head := calls.read(LENGTH.size):
        # The parent kills a worker that is late. Should the parent itself be gone, this does.
        signal.setitimer(signal.ITIMER_REAL, limit_s)
        answer = _answer(playground, calls.read(LENGTH.unpack(head)[0]))
        signal.setitimer(signal.ITIMER_REAL, 0)
        _write(answers, answer)


def stay_inside() -> None:
    """Make this process unable, from now on, to open sockets, start processes or write files by Python's means.

    Rendering does none of this: look-ups are answered by examples. It is here so that a mistake cannot change that.
    """
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"a preview does no {event}")
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING:
        raise PermissionError("a preview writes no file")


def _answer(playground: Playground, call: bytes) -> bytes:
    try:
        told = msgspec.json.encode(playground.preview(**msgspec.msgpack.decode(call)), enc_hook=str)
    except TrackwayError as error:
        return b"-" + str(error).encode("utf-8", "replace")
    except Exception as error:  # noqa: BLE001  # the outermost loop: the next call has a right to its answer
        # Of a stranger's call nothing goes into the log, so not the message either.
        print(f"a preview failed: {type(error).__name__} at {_place_of(error)}", file=sys.stderr, flush=True)
        return b"-this call cannot be shown; that is a mistake of Trackway's, and noted in its log"
    if len(told) > MOST_ANSWER:
        return b"-so much would become of this call that it cannot be shown; make it smaller"
    return b"+" + told


def _place_of(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "an unknown place"


def _bound_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))


def _write(answers: BinaryIO | io.BufferedWriter, answer: bytes) -> None:
    answers.write(LENGTH.pack(len(answer)) + answer)
    answers.flush()


if __name__ == "__main__":
    main(float(sys.argv[1]))
