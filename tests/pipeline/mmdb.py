"""Writes small files in MaxMind's format, after its published description ("MaxMind DB File Format", version 2.0)."""

import ipaddress
import struct
from pathlib import Path
from typing import Any

_MARKER = b"\xab\xcd\xefMaxMind.com"
_UINT16, _UINT32, _UINT64 = 5, 6, 9
_NOTHING = -1


def write_mmdb(path: Path, entries: dict[str, dict[str, Any]]) -> Path:
    """Write a file that gives `entries`, by network such as `203.0.113.0/24`, and return its path."""
    tree: list[list[int]] = [[_NOTHING, _NOTHING]]
    data, places = b"", {}
    for network, entry in entries.items():
        places[network] = len(data)
        data += _encode(entry)
    for network in entries:
        _insert(tree, ipaddress.ip_network(network), ~places[network] - 1)
    nodes = b"".join(_record(tree, side).to_bytes(4, "big") for node in tree for side in node)
    metadata = {
        "binary_format_major_version": (_UINT16, 2),
        "binary_format_minor_version": (_UINT16, 0),
        "build_epoch": (_UINT64, 1_795_168_800),
        "database_type": "Test-City",
        "description": {"en": "Test"},
        "ip_version": (_UINT16, 6),
        "languages": ["en"],
        "node_count": (_UINT32, len(tree)),
        "record_size": (_UINT16, 32),
    }
    path.write_bytes(nodes + bytes(16) + data + _MARKER + _encode(metadata))
    return path


def _insert(tree: list[list[int]], network: ipaddress.IPv4Network | ipaddress.IPv6Network, value: int) -> None:
    """Put a value below -1, standing for a place in the data, at the end of the network's path."""
    length = network.prefixlen + (96 if network.version == 4 else 0)  # IPv4 lies in ::/96
    address = int(network.network_address)
    node = 0
    for depth in range(length):
        bit = address >> (127 - depth) & 1
        if depth == length - 1:
            tree[node][bit] = value
        else:
            if tree[node][bit] < 0:
                tree.append([_NOTHING, _NOTHING])
                tree[node][bit] = len(tree) - 1
            node = tree[node][bit]


def _record(tree: list[list[int]], side: int) -> int:
    if side == _NOTHING:
        return len(tree)
    return side if side >= 0 else len(tree) + 16 + ~(side + 1)


def _encode(value: Any) -> bytes:
    if isinstance(value, str):
        return _head(2, len(value.encode())) + value.encode()
    if isinstance(value, float):
        return _head(3, 8) + struct.pack(">d", value)
    if isinstance(value, dict):
        return _head(7, len(value)) + b"".join(_encode(key) + _encode(item) for key, item in value.items())
    if isinstance(value, list):
        return _head(11, len(value)) + b"".join(map(_encode, value))
    kind, number = value if isinstance(value, tuple) else (_UINT32, value)
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return _head(kind, len(raw)) + raw


def _head(kind: int, size: int) -> bytes:
    """Return the control bytes of a field: kinds above 7 take a second byte, sizes above 28 another."""
    low, tail = (size, b"") if size < 29 else (29, bytes([size - 29]))
    return (bytes([kind << 5 | low]) if kind < 8 else bytes([low, kind - 7])) + tail
