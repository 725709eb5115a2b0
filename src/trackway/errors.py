"""The root of Trackway's own exceptions."""


class TrackwayError(Exception):
    """A broken promise or a bad setting. The message says what to do; data stays in attributes."""
