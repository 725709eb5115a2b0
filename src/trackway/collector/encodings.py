"""Unpack request bodies, never to more than a bound: a few kilobytes may unpack to gigabytes."""

import zlib
from collections.abc import Callable

import brotli
import zstandard

from trackway.collector.refused import Refused, too_large

MOST_LAYERS = 2
"""`gzip, br` is odd but legal; more layers only serve to wear us out."""
_ZSTD_WINDOW = 8 << 20
"""What RFC 8878 asks every decoder to take; a larger window would be memory that the sender chooses."""
_CHUNK = 1 << 16


def unpack(body: bytes, encoding: bytes, *, max_bytes: int) -> bytes:
    """Return the body behind a `Content-Encoding`, such as `gzip` or `gzip, br` (applied in that order).

    Raises:
        Refused: an unknown encoding, damaged data, or more than `max_bytes` when unpacked.
    """
    names = [name.strip().lower().decode("latin-1") for name in encoding.split(b",")]
    layers = [name for name in names if name not in ("", "identity")]
    if len(layers) > MOST_LAYERS:
        raise Refused("encoding_unknown", f"The body is packed {len(layers)} times; pack it once.")
    for name in reversed(layers):
        reader = _READERS.get(name)
        if reader is None:
            known = ", ".join(_READERS)
            raise Refused("encoding_unknown", f"Content-Encoding {name} is not understood; send {known} or none.")
        body = reader(body, max_bytes)
        if len(body) > max_bytes:
            raise too_large(max_bytes)
    return body


def _damaged(error: object) -> Refused:
    return Refused("encoding_damaged", f"The compressed body is damaged: {error}.")


def _gunzip(body: bytes, max_bytes: int) -> bytes:
    return _inflate(body, max_bytes, zlib.MAX_WBITS | 16)


def _deflate(body: bytes, max_bytes: int) -> bytes:
    # RFC 9110 means the zlib format; some clients send the bare one.
    is_zlib = len(body) > 1 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0
    return _inflate(body, max_bytes, zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS)


def _inflate(body: bytes, max_bytes: int, window: int) -> bytes:
    unpacked = b""
    # gzip allows several members one after another.
    while body and len(unpacked) <= max_bytes:
        reader = zlib.decompressobj(window)
        try:
            unpacked += reader.decompress(body, max_bytes + 1 - len(unpacked))
        except zlib.error as error:
            raise _damaged(error) from None
        if not reader.eof and len(unpacked) <= max_bytes:
            raise _damaged("it ends too early")
        body = reader.unused_data
    return unpacked


def _unbrotli(body: bytes, max_bytes: int) -> bytes:
    reader = brotli.Decompressor()
    unpacked = bytearray()
    try:
        unpacked += reader.process(body, output_buffer_limit=_CHUNK)
        while not reader.is_finished() and len(unpacked) <= max_bytes:
            more = reader.process(b"", output_buffer_limit=_CHUNK)
            if not more:
                raise _damaged("it ends too early")
            unpacked += more
    except brotli.error as error:
        raise _damaged(error) from None
    return bytes(unpacked)


def _unzstd(body: bytes, max_bytes: int) -> bytes:
    reader = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).stream_reader(body, read_across_frames=True)
    unpacked = bytearray()
    try:
        while len(unpacked) <= max_bytes and (chunk := reader.read(_CHUNK)):
            unpacked += chunk
    except zstandard.ZstdError as error:
        raise _damaged(error) from None
    return bytes(unpacked)


_READERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _deflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}
NAMES = tuple(_READERS)
"""The encodings that `unpack` understands."""
