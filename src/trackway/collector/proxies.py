"""Which proxies may say whom a request is from. Anybody can write `X-Forwarded-For`; only trusted ones are believed."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Proxies:
    """The trusted proxies of a workspace, given as addresses and networks such as `10.0.0.0/8`."""

    def __init__(self, networks: Sequence[str] = ()) -> None:
        """Read the networks.

        Raises:
            ValueError: one of them is none; the message names it.
        """
        self._networks = [ipaddress.ip_network(text, strict=False) for text in networks]
        self.trusts = lru_cache(maxsize=4096)(self._trusts)

    def client_of(self, peer: str, forwarded_for: bytes) -> str:
        """Return the client's address: the last one in the chain that no trusted proxy has."""
        if not self.trusts(peer):
            return peer
        client = peer
        for hop in reversed(forwarded_for.decode("latin-1").split(",")):
            address = _address(hop)
            if address is None:
                return client  # what stands further left was written by whoever wrote this
            client = str(address)
            if not self.trusts(client):
                return client
        return client

    def is_near(self, peer: str, forwarded_for: bytes) -> bool:
        """Return whether a request is from this machine or its private network, and not handed on by a stranger."""
        if forwarded_for and not self.trusts(peer):
            return False
        address = _address(self.client_of(peer, forwarded_for))
        return address is not None and (address.is_loopback or address.is_private)

    def _trusts(self, text: str) -> bool:
        address = _address(text)
        return address is not None and any(address in network for network in self._networks)


def _address(text: str) -> Address | None:
    """Read `203.0.113.9`, `203.0.113.9:4711`, `2001:db8::1` or `[2001:db8::1]:4711`."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address
