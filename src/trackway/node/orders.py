"""What the supervisor writes to its children, one object on a line: `Orders` once, then `News` as it comes."""

import base64
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
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
    owners: Mapping[str, int] = field(default_factory=dict[str, int])
    """The number of the process that delivers to each destination; none: the hub delivers to all."""


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
    """`collector`, `pipeline`, `delivery` or `hub`."""
    news: News
    sockets: tuple[int, ...] = ()
    """File descriptors of listening sockets."""
    number: int = 0
    """Which of its role it is: a collector's partition, what a delivery process goes by among the owners."""
    deliveries: tuple[str, ...] = ()
    """Where the delivery processes listen, by their number; for the hub."""
    canary: CanaryWay = CanaryWay("", "")


def to_line(value: Orders | News) -> bytes:
    """Return `value` as a line."""
    return base64.b64encode(pickle.dumps(value)) + b"\n"


def of_line(line: bytes) -> Any:
    """Return what `to_line` wrote; only for lines from our own parent process."""
    return pickle.loads(base64.b64decode(line))  # noqa: S301
