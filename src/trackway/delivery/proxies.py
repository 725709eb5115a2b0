"""Which proxy a request goes through, as the environment says: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY."""

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.request import getproxies_environment

from yarl import URL


class Proxies:
    """The proxies by scheme, and the hosts that are asked without one."""

    def __init__(self, by_scheme: Mapping[str, str]) -> None:
        """`by_scheme` has URLs for `http`, `https` and `all`, and under `no` the hosts without, as in NO_PROXY."""
        self._by_scheme = {scheme: URL(url) for scheme, url in by_scheme.items() if scheme != "no" and url}
        without = [part.strip().lower() for part in by_scheme.get("no", "").split(",") if part.strip()]
        self._networks = [network for part in without if (network := _network(part)) is not None]
        self._names = [part.removeprefix("*.").lstrip(".") for part in without if "/" not in part]

    def of(self, url: URL) -> URL | None:
        """Return the proxy for `url`, which may hold a user and password; None: it is asked directly."""
        if not self._by_scheme:
            return None
        proxy = self._by_scheme.get(url.scheme) or self._by_scheme.get("all")
        if proxy is None or url.host is None or self._is_direct(url.host.lower()):
            return None
        return proxy

    def _is_direct(self, host: str) -> bool:
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            # A loopback name is this machine's own: a proxy would take it for its own.
            return host == "localhost" or self._is_named(host)
        return address.is_loopback or self._is_named(host) or any(address in network for network in self._networks)

    def _is_named(self, host: str) -> bool:
        """Say whether NO_PROXY has the host or a domain above it."""
        return any(one == "*" or host == one or host.endswith(f".{one}") for one in self._names)


def _network(text: str) -> IPv4Network | IPv6Network | None:
    """Return a network written like `10.0.0.0/8`; what is not is a host's name."""
    try:
        return ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


NO_PROXIES = Proxies({})


def environment_proxies() -> Proxies:
    """Return the proxies that the environment of this process names."""
    return Proxies(getproxies_environment())
