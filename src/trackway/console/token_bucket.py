"""How many calls an address may make a minute."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

_MOST_CLIENTS = 65_536


class TokenBuckets:
    """A bucket of `per_minute` tokens for each address, which fills again at `per_minute` tokens a minute.

    Whoever has an IPv6 address has its whole /64 network: such a network is one address here.
    """

    def __init__(
        self, per_minute: int, *, most_clients: int = _MOST_CLIENTS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._size, self._per_s = float(per_minute), per_minute / 60
        self._most_clients, self._clock = most_clients, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """What is left, and when that was so; the one that was used longest ago comes first."""

    def take(self, client: str) -> float:
        """Take a token and return 0, or return the seconds to wait until there is one."""
        key, now = _network_of(client), self._clock()
        left, then = self._left.pop(key, (self._size, now))
        left = min(self._size, left + (now - then) * self._per_s)
        wait_s = 0.0 if left >= 1 else (1 - left) / self._per_s
        self._left[key] = (left if wait_s else left - 1, now)
        if len(self._left) > self._most_clients:
            self._left.popitem(last=False)
        return wait_s


def _network_of(client: str) -> str:
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    return client if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
