"""The web console: JSON API, live tail and the page that shows them."""

from trackway.console.app import create_app, end_streams

__all__ = ["create_app", "end_streams"]
