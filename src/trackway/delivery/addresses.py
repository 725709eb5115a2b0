"""Which network addresses a destination may be reached at.

Destinations' URLs come from people, and names resolve to what their owners like. So the address itself is checked,
after the name is resolved and again when the socket is made: what a name resolved to earlier does not matter.
"""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, TypeAlias

from aiohttp.abc import AbstractResolver, ResolveResult

# Networks whose addresses carry an IPv4 address in their last 32 bits: a gateway would forward to it.
_CARRIERS = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
# As above, but with the IPv4 address anywhere.
_LOCAL_CARRIER = IPv6Network("64:ff9b:1::/48")
# Kept for protocols (RFC 6890). Older Pythons take most of it for public.
_PROTOCOLS = IPv4Network("192.0.0.0/24")


Address: TypeAlias = tuple[int, int, int, str, tuple[Any, ...]]
"""Family, kind, protocol, canonical name, and the socket's own address, as `socket.getaddrinfo` gives them."""


class AddressNotAllowed(OSError):
    """The address is loopback, link-local, private or reserved."""


def is_public(address: str) -> bool:
    """Say whether `address` (IPv4 or IPv6, as text) is on the public internet, and so is any address inside it."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        if inner := _carried(ip):
            return is_public(str(inner))
        if ip.is_site_local or ip in _LOCAL_CARRIER:
            return False
    elif ip in _PROTOCOLS:
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _carried(ip: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for, if it does."""
    if found := ip.ipv4_mapped or ip.sixtofour:
        return found
    if ip.teredo:
        return ip.teredo[1]
    if any(ip in network for network in _CARRIERS):
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return None


class PublicResolver(AbstractResolver):
    """Resolves names by `inner`, and leaves out addresses that are not public."""

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the public addresses of `host`.

        Raises:
            AddressNotAllowed: it has none, but others.
        """
        found = await self._inner.resolve(host, port, family)
        public = [result for result in found if is_public(result["host"])]
        if found and not public:
            raise AddressNotAllowed(_refusal(result["host"] for result in found))
        return public

    async def close(self) -> None:
        """Release the inner resolver."""
        await self._inner.close()


def public_socket(address: Address) -> socket.socket:
    """Make a socket for `address`.

    Raises:
        AddressNotAllowed: it is not public. An address written in the URL comes here without being resolved.
    """
    family, kind, protocol, _, place = address
    if not is_public(str(place[0])):
        raise AddressNotAllowed(_refusal([str(place[0])]))
    return socket.socket(family, kind, protocol)


def refuse_private(host: str) -> None:
    """Check a URL's host that somebody else will connect to: as far as it can be known here.

    Raises:
        AddressNotAllowed: it is an address that is not public, in whatever way it is written, or `localhost`.
    """
    try:
        written = str(ip_address(host.partition("%")[0]))
    except ValueError:
        try:
            written = socket.inet_ntoa(socket.inet_aton(host))  # such as 127.1 and 0x7f000001
        except OSError:
            written = "127.0.0.1" if host == "localhost" or host.endswith(".localhost") else ""
    if written and not is_public(written):
        raise AddressNotAllowed(_refusal([host]))


def _refusal(addresses: Iterable[str]) -> str:
    return (
        f"{', '.join(addresses)}: loopback, private and reserved addresses are refused; correct the address or its "
        "DNS entry, or allow them by `delivery: {allow_private_addresses: true}` in trackway.yaml"
    )
