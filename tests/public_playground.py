"""`trackway playground` in a process of its own."""

import contextlib
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

_COMMAND = str(Path(sys.executable).with_name("trackway"))


@contextlib.contextmanager
def public_playground(*options: str) -> Iterator[str]:
    """Run it, give its address, stop it as Ctrl-C does, and see that it ends well and leaves no process behind."""
    process = subprocess.Popen(
        [_COMMAND, "playground", "--port", "0", *options], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+:\d+", line)
        assert found, f"it printed {line!r}"
        yield found.group()
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        psutil.wait_procs(children, timeout=10)
        assert not [one for one in children if one.is_running()]
    finally:
        process.kill()
        process.wait()
        process.stdout.close() if process.stdout else None
