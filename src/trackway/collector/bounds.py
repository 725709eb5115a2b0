"""Bounds that no setting moves."""

HEAD_BYTES = 32 * 1024
"""Of the request line and all headers. Pixels carry their event in the URL; browsers and proxies stop at 8 to 32 KB."""
