"""Tests of values that need not be there: what is absent passes."""

from typing import Any

from trackway.destinations.catalog._addresses import is_email, is_uri


def email_if_any(value: Any) -> bool:
    """Say whether a value is an e-mail address, or absent."""
    return value is None or is_email(value)


def uri_if_any(value: Any) -> bool:
    """Say whether a value is an address with a scheme, or absent."""
    return value is None or is_uri(value)
