"""Compressed bodies: every encoding, every kind of damage, and bombs."""

import gzip
import tracemalloc
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from trackway.collector.encodings import unpack
from trackway.collector.refused import Refused


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


PACK = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("name", PACK)
@given(body=st.binary(max_size=5000))
def test_what_was_packed_comes_back(name: str, body: bytes):
    assert unpack(PACK[name](body), name.upper().encode(), max_bytes=5000) == body


@given(st.binary(max_size=500))
def test_bare_deflate_and_two_layers(body: bytes):
    assert unpack(raw_deflate(body), b"deflate", max_bytes=500) == body
    assert unpack(brotli.compress(gzip.compress(body)), b"gzip, br", max_bytes=1000) == body
    assert unpack(body, b" , identity", max_bytes=500) == body


def test_gzip_of_several_members():
    assert unpack(gzip.compress(b"one") + gzip.compress(b"two"), b"gzip", max_bytes=10) == b"onetwo"


@pytest.mark.parametrize("name", PACK)
def test_the_bound_holds_at_the_byte(name: str):
    packed = PACK[name](b"x" * 1000)
    assert len(unpack(packed, name.encode(), max_bytes=1000)) == 1000
    with pytest.raises(Refused, match="larger than 999 bytes"):
        unpack(packed, name.encode(), max_bytes=999)


@pytest.mark.parametrize("name", PACK)
def test_a_bomb_costs_no_more_memory_than_the_bound(name: str):
    bomb = PACK[name](bytes(100_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match="larger than"):
            unpack(bomb, name.encode(), max_bytes=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["gzip", "deflate", "br"])
def test_a_body_cut_short_is_refused(name: str):
    packed = PACK[name](bytes(range(256)) * 20)
    for length in (0, 1, len(packed) // 2, len(packed) - 1):
        if length or name == "br":
            with pytest.raises(Refused, match="damaged"):
                unpack(packed[:length], name.encode(), max_bytes=10_000)


@pytest.mark.parametrize("name", PACK)
@given(body=st.binary(min_size=1, max_size=200))
def test_any_bytes_are_unpacked_or_refused(name: str, body: bytes):
    code, unpacked = "", b""
    try:
        unpacked = unpack(body, name.encode(), max_bytes=1000)
    except Refused as refused:
        code = refused.code
    assert code in ("", "encoding_damaged", "body_too_large") and len(unpacked) <= 1000


@pytest.mark.parametrize("encoding", [b"zip", b"gzip, gzip, gzip", b"\xff"])
def test_unknown_encodings_are_named(encoding: bytes):
    with pytest.raises(Refused) as caught:
        unpack(b"{}", encoding, max_bytes=100)
    assert caught.value.code == "encoding_unknown"
