"""The processes of a running product, told apart by what they listen on."""

from urllib.parse import urlsplit

import psutil

from tests.running import Trackway


def collectors(trackway: Trackway) -> list[psutil.Process]:
    """Return the collectors' processes, oldest first."""
    return _children_listening(trackway, trackway.collector_url)


def hub(trackway: Trackway) -> psutil.Process:
    """Return the hub's process."""
    [found] = _children_listening(trackway, trackway.console_url)
    return found


def pipeline(trackway: Trackway) -> psutil.Process:
    """Return the pipeline's process, which listens on nothing."""
    others = {one.pid for one in (*collectors(trackway), hub(trackway), *deliveries(trackway))}
    [found] = [one for one in _children(trackway) if one.pid not in others]
    return found


def deliveries(trackway: Trackway) -> list[psutil.Process]:
    """Return the processes that do nothing but deliver, by their number."""
    numbered = [(place, one) for one in _children(trackway) for place in _unix_places(one)]
    return [one for place, one in sorted(numbered, key=lambda found: found[0]) if "/delivery-" in place]


def _children(trackway: Trackway) -> list[psutil.Process]:
    return sorted(psutil.Process(trackway.pid).children(), key=lambda one: one.create_time())


def _children_listening(trackway: Trackway, url: str) -> list[psutil.Process]:
    port = urlsplit(url).port
    return [one for one in _children(trackway) if port in _ports(one)]


def _ports(process: psutil.Process) -> set[int]:
    try:
        connections = process.net_connections("tcp")
    except psutil.Error:
        return set()
    return {one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN}


def _unix_places(process: psutil.Process) -> set[str]:
    try:
        return {str(one.laddr) for one in process.net_connections("unix")}
    except psutil.Error:
        return set()
