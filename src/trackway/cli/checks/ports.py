"""Checks of the two ports: free, or ours."""

import errno
import fcntl
import http.client
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

from trackway.cli.checks.finding import CheckResult, fail, ok, warn
from trackway.cli.options import local_url

_TIMEOUT_S = 3.0


def check_port(name: str, host: str, port: int, *, path: str, data: Path) -> CheckResult:
    """Check the port of `name` (`collector` or `console`): nobody has it, or our own server does and answers `path`."""
    setting = f"{name}.port"
    if port == 0:
        return ok(name, "any free port is taken at each start")
    trouble = _bind_trouble(host, port)
    if trouble is None and is_running(data):
        advice = f"run this with the same TRACKWAY__{name.upper()}__… variables as the server, or restart the server"
        return warn(name, f"a server runs on this workspace, but not at {host}:{port}", advice)
    if trouble is None:
        return ok(name, f"{host}:{port} is free; nothing runs there")
    if trouble != errno.EADDRINUSE:
        advice = f"set another {setting}, or another {name}.host, in trackway.yaml"
        return fail(name, f"{host}:{port} cannot be listened on: {errno.errorcode.get(trouble, trouble)}", advice)
    if not is_running(data):
        advice = f"stop that program, or set another {setting} in trackway.yaml"
        return fail(name, f"another program listens on {host}:{port}", advice)
    began = time.monotonic()
    status = _status(local_url(host, port) + path)
    if status != 200:
        what = "does not answer" if status is None else f"answers {path} with {status}"
        return warn(
            name, f"our server has {host}:{port} but {what}", "look at what `trackway up` printed; start it again"
        )
    return ok(name, f"our server answers at {host}:{port}, in {(time.monotonic() - began) * 1000:.0f} ms")


def is_running(data: Path) -> bool:
    """Tell whether a server runs on this workspace: it holds a lock in the data folder."""
    try:
        with (data / "trackway.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _bind_trouble(host: str, port: int) -> int | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the server does: a port whose old connections still linger is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.errno or errno.EINVAL
    return None


def _status(url: str) -> int | None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
