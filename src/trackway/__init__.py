"""Trackway: a self-hosted, Segment-compatible event pipeline."""

__version__ = "0.1.0"
