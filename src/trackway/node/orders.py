"""What the supervisor writes to its children, one object on a line: `Orders` once, then `News` as it comes."""

import base64
import pickle
from dataclasses import dataclass
from typing import Any

from trackway.workspace.model import Workspace


@dataclass(frozen=True)
class News:
    """How the settings stand."""

    workspace: Workspace
    """Those in force."""
    mistake: str = ""
    """What is wrong with trackway.yaml as it is now, and why it is not in force."""
    waiting: tuple[str, ...] = ()
    """Keys whose change waits for a restart."""


@dataclass(frozen=True)
class CanaryWay:
    """How a canary enters; made anew at each start of the product."""

    url: str
    """Where the collector listens."""
    write_key: str
    """What the collector knows it by."""


@dataclass(frozen=True)
class Orders:
    """What a child is to do."""

    role: str
    """`collector`, `pipeline` or `hub`."""
    news: News
    sockets: tuple[int, ...] = ()
    """File descriptors of listening sockets."""
    partition: int = 0
    canary: CanaryWay = CanaryWay("", "")


def to_line(value: Orders | News) -> bytes:
    """Return `value` as a line."""
    return base64.b64encode(pickle.dumps(value)) + b"\n"


def of_line(line: bytes) -> Any:
    """Return what `to_line` wrote; only for lines from our own parent process."""
    return pickle.loads(base64.b64decode(line))  # noqa: S301
