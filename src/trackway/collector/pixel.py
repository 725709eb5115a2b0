"""The pixel: a call in the query string of an image, for e-mails, AMP pages and `<noscript>`.

`data` is the call as base64 JSON, standard or URL-safe, padded or not, its `+` perhaps become spaces. Without it the
parameters are the call: dotted names nest, all values are text. Source: Segment's "Pixel Tracking API".
"""

import base64
from collections.abc import Mapping
from typing import Any, cast

from trackway.collector.answers import Answer, Header
from trackway.collector.refused import Refused
from trackway.events import lenient_json

# 1×1, one colour, transparent: the smallest GIF that browsers and mail programs take.
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_MOST_PARTS = 20


def pixel_answer(verdict: str) -> Answer:
    """Return the image, whatever became of the call; `verdict` (ASCII) goes into a header."""
    headers: list[Header] = [
        (b"content-type", b"image/gif"),
        (b"content-length", b"%d" % len(GIF)),
        (b"cache-control", b"no-store, private"),
        (b"x-trackway-verdict", verdict.encode("ascii", "replace")),
    ]
    return Answer(200, headers, GIF)


def read_pixel(query: Mapping[str, str]) -> tuple[bytes, str | None]:
    """Return the call as JSON text and its write key.

    Raises:
        Refused: `data` is no base64, or holds no JSON object.
    """
    call = _decode(query["data"]) if "data" in query else _nest(query)
    key = call.pop("writeKey", None)
    key = key if isinstance(key, str) else query.get("writeKey")
    return lenient_json.dumps(call), key


def _decode(data: str) -> dict[str, Any]:
    text = data.strip().replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        value, _ = lenient_json.loads(base64.b64decode(text + "=" * (-len(text) % 4), validate=True))
    except lenient_json.NotJson as error:
        raise Refused("body_not_json", f"`data` is not JSON: {error}.") from None
    except ValueError:  # no base64, or characters that no base64 has
        raise Refused("pixel_not_base64", "`data` must be a call as base64 JSON.") from None
    if not isinstance(value, dict):
        raise Refused("body_not_object", "`data` must hold a JSON object.")
    return cast("dict[str, Any]", value)


def _nest(query: Mapping[str, str]) -> dict[str, Any]:
    """Turn `properties.a.b=1` into nested objects; where a text and an object meet, the object stays."""
    call: dict[str, Any] = {}
    for name, value in query.items():
        *parents, last = name.split(".", _MOST_PARTS)
        node = call
        for parent in parents:
            below = node.get(parent)
            if not isinstance(below, dict):
                below = node[parent] = {}
            node = cast("dict[str, Any]", below)
        if not isinstance(node.get(last), dict):
            node[last] = value
    for name in ("verdicts",):
        call.pop(name, None)
    return call
