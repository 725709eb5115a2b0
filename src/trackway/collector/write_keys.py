"""Which source may write: the write key, from wherever a client puts it."""

import base64
import binascii
from collections.abc import Mapping
from typing import NamedTuple

from trackway.workspace.model import Source, Workspace


class Entry(NamedTuple):
    """The source that a write key belongs to."""

    name: str
    source: Source


class WriteKeys:
    """All write keys of a workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._by_key: Mapping[str, Entry] = {
            key: Entry(name, source) for name, source in workspace.sources.items() for key in source.write_keys
        }
        # What clients really send, so that the hot path decodes no base64: with the colon, and without for old callers.
        self._by_header: Mapping[bytes, Entry] = {
            b"Basic " + base64.b64encode(text.encode()): entry
            for key, entry in self._by_key.items()
            for text in (f"{key}:", key)
        }

    def by_header(self, authorization: bytes) -> Entry | None:
        """Return the source that an `Authorization: Basic …` header names."""
        found = self._by_header.get(authorization)
        return found or self._by_key.get(_basic_user(authorization) or "")

    def by_key(self, key: str) -> Entry | None:
        """Return the source that a write key names."""
        return self._by_key.get(key)


def _basic_user(authorization: bytes) -> str | None:
    """Return the user name of a Basic header written in an unusual way."""
    scheme, _, value = authorization.strip().partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        return base64.b64decode(value.strip() + b"==").decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        return None
