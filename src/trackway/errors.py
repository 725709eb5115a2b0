"""The root of Trackway's own exceptions."""


class TrackwayError(Exception):
    """A broken promise or a bad setting. The message says what to do; data stays in attributes."""


def why_unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Return why a file could not be read or written, in words and without its path, which the message names."""
    if isinstance(error, UnicodeDecodeError):
        return f"it is no UTF-8 text (byte {error.start})"
    return error.strerror or str(error)
