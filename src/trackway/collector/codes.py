"""Every `code` of an error answer, by status, with what it means: for the published description of the API.

A test holds this list against the code that answers.
"""

from trackway.events.reasons import REFUSALS

_OF_REQUESTS = {
    400: {
        "body_too_large": "The body, packed or unpacked, is over the cap; send fewer calls at a time.",
        "encoding_damaged": "The compressed body cannot be unpacked.",
        "encoding_unknown": "`Content-Encoding` names something that is not understood, or too many layers.",
        "headers_too_large": "The request line and headers are too large.",
        "not_http": "This is no HTTP request that can be read.",
    },
    401: {
        "no_write_key": "The request names no write key.",
        "unknown_source": REFUSALS["unknown_source"],
        "source_disabled": REFUSALS["source_disabled"],
    },
    403: {"origin_not_allowed": "The page's origin is not among the source's `allowed_origins`."},
    404: {
        "not_found": "There is nothing at this path.",
        "unknown_source": REFUSALS["unknown_source"],
        "script_not_installed": "This installation was built without the browser client.",
    },
    405: {"method_not_allowed": "Another method is meant; `Allow` says which."},
    408: {"too_slow": "The request did not arrive in time; send it again."},
    429: {"try_later": "Over the source's rate, too much in flight, or no room to keep it; see `Retry-After`."},
}
_NOT_OF_A_CALL = {
    "body_not_object", "batch_not_array", "empty_batch", "unknown_source", "source_disabled", "unreadable",
    "pipeline_error",
}  # fmt: skip

OF_CALLS = {code: sentence for code, sentence in REFUSALS.items() if code not in _NOT_OF_A_CALL}
"""Why a single call can be refused, while the others of its batch are taken."""
OF_PIXELS = ("accepted", "duplicate", "try_later", "pixel_not_base64", "body_not_object", *_OF_REQUESTS[401], *OF_CALLS)
"""What `X-Trackway-Verdict` can say."""
_OF_BODIES = {code: REFUSALS[code] for code in ("body_not_object", "batch_not_array", "empty_batch")}
# A `strict` source answers the reason of its first invalid call.
CODES = {**_OF_REQUESTS, 400: {**_OF_REQUESTS[400], **_OF_BODIES, **OF_CALLS}}
"""Sentences by status and code."""
