"""The browser clients as a page asks for them: Trackway's own, and Segment's with its parts.

Trackway's is one file, built from `web/sdk`; it finds collector and write key in its own tag. Segment's is
analytics-next's build for script tags. Its files are not ours and not in the repository: `make` copies them from the
npm package `@segment/analytics-next` (MIT, its licence beside them) into `static/`. The script finds its write key in
a placeholder. Where the rest of it and the settings are, it reads off its own tag, but only from an `https` address;
two lines around it tell it for `http`, too, so that a page changes nothing but the host.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import brotli

from trackway.collector.answers import Answer, Header, error

STATIC = Path(__file__).parent / "static"
_PLACEHOLDER = '"__WRITE_KEY__"'
_BEFORE = """\
/* Segment's analytics-next, (c) Segment, MIT licence; the lines before and after it are Trackway's. */
var __trackway = (function (page) {
  var tag = document.currentScript, found = tag && /^(.*)\\/analytics\\.js\\/v1\\//.exec(tag.src), ours;
  if (found && !page.analytics) ours = page.analytics = {};
  if (found && !page.analytics._cdn) page.analytics._cdn = found[1];
  return function () { if (ours && page.analytics === ours) delete page.analytics; };
})(window);
"""
# A page may keep the client under another name: then ours is only there until the script has read it.
_AFTER = "\n__trackway();\n"
_FOR_EVER = b"public, max-age=31536000, immutable"
_FOR_MINUTES = b"public, max-age=600"


class _Variant(NamedTuple):
    body: bytes
    headers: list[Header]


class _File:
    """One script, packed for each way of asking for it, when it is first asked for."""

    def __init__(self, text: str, caching: bytes) -> None:
        self._plain = text.encode()
        self._tag = hashlib.sha256(self._plain).hexdigest()[:20].encode()
        self._caching = caching
        self._variants: dict[bytes, _Variant] = {}

    def answer(self, accept_encoding: bytes, if_none_match: bytes) -> Answer:
        encoding = _choose(accept_encoding)
        variant = self._variants.get(encoding)
        if variant is None:
            variant = self._variants[encoding] = self._pack(encoding)
        tag = variant.headers[0][1]
        if any(one.strip().removeprefix(b"W/") in (tag, b"*") for one in if_none_match.split(b",")):
            return Answer(304, variant.headers[:3], b"")
        return Answer(200, variant.headers, variant.body)

    def _pack(self, encoding: bytes) -> _Variant:
        body = self._plain
        if encoding == b"br":
            body = brotli.compress(body, quality=9)
        elif encoding == b"gzip":
            packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
            body = packer.compress(body) + packer.flush()
        headers: list[Header] = [
            (b"etag", b'"%s%s"' % (self._tag, b"-" + encoding if encoding else b"")),
            (b"cache-control", self._caching),
            (b"vary", b"accept-encoding"),
            (b"content-type", b"text/javascript; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
            (b"x-content-type-options", b"nosniff"),
        ]
        if encoding:
            headers.append((b"content-encoding", encoding))
        return _Variant(body, headers)


def _choose(accept_encoding: bytes) -> bytes:
    """Return `br`, `gzip` or nothing, the smallest that the header takes."""
    taken: set[bytes] = set()
    for part in accept_encoding.lower().split(b","):
        name, _, quality = part.partition(b";")
        if quality.strip().rstrip(b".0") != b"q=":
            taken.add(name.strip())
    return b"br" if b"br" in taken else b"gzip" if b"gzip" in taken else b""


class BrowserClient:
    """Answers with the clients' files; those of `folder` are read when they are first asked for."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._folder = folder
        self._scripts: dict[str, _File] = {}

    def script(self, write_key: str, accept_encoding: bytes, if_none_match: bytes) -> Answer:
        """Return the script with `write_key`, which must be a real one: what was made for it is kept."""
        if self._template is None:
            return _missing()
        script = self._scripts.get(write_key)
        if script is None:
            before, after = self._template
            # As a part of a script, so no quote, no line end and no end of a tag in it.
            key = json.dumps(write_key).replace("<", "\\u003c")
            script = self._scripts[write_key] = _File(f"{_BEFORE}{before}{key}{after}{_AFTER}", _FOR_MINUTES)
        return script.answer(accept_encoding, if_none_match)

    def sdk(self, accept_encoding: bytes, if_none_match: bytes) -> Answer:
        """Return Trackway's own client; it is the same for every write key."""
        return self._sdk.answer(accept_encoding, if_none_match) if self._sdk else _missing()

    def chunk(self, name: str, accept_encoding: bytes, if_none_match: bytes) -> Answer:
        """Return a part of the client, by the name of its file."""
        if self._template is None:
            return _missing()
        chunk = self._chunks.get(name)
        if chunk is None:
            return error(404, "not_found", "This version of the browser client has no such part.")
        return chunk.answer(accept_encoding, if_none_match)

    def forget(self) -> None:
        """Drop what was made for write keys: they may have changed."""
        self._scripts.clear()

    @cached_property
    def _sdk(self) -> _File | None:
        file = self._folder / "trackway.js"
        return _File(_read(file), _FOR_MINUTES) if file.is_file() else None

    @cached_property
    def _template(self) -> tuple[str, str] | None:
        """The script before and after its write key."""
        file = self._folder / "standalone.js"
        if not file.is_file():
            return None
        before, found, after = _read(file).partition(_PLACEHOLDER)
        return (before, after) if found else None

    @cached_property
    def _chunks(self) -> Mapping[str, _File]:
        return {file.name: _File(_read(file), _FOR_EVER) for file in self._folder.glob("*.bundle.*.js")}


def _read(file: Path) -> str:
    """Return a script without the line that names its source map, which is not served."""
    return file.read_text("utf-8").partition("\n//# sourceMappingURL=")[0]


def _missing() -> Answer:
    return error(404, "script_not_installed", "This Trackway was built without the browser client: run `make build`.")
