"""Browsers by their user agents, named as Mixpanel's own libraries name them.

Source: `$browser` in Mixpanel's default properties and in recorded requests, read 2026-11-23.
"""

import re
from functools import lru_cache


@lru_cache(maxsize=10_000)  # A site sees some thousands of them, again and again.
def browser(user_agent: str) -> list[str | None]:
    """Return the browser as Mixpanel's own libraries name it (`""` is none of these), and its version."""
    for name, pattern, by in _BROWSERS:
        if pattern.search(user_agent):
            version = by.search(user_agent) if by else None
            return [name, version[1] if version else None]
    return ["", None]


def _rules(*rules: tuple[str, str, str]) -> list[tuple[str, re.Pattern[str], re.Pattern[str] | None]]:
    number = r"(\d+(?:\.\d+)+)"
    return [(name, re.compile(seen), re.compile(by + number) if by else None) for name, seen, by in rules]


# In this order: most browsers also name those whose pages they want to get.
_BROWSERS = _rules(
    ("Opera Mini", r" OPR/.*Mini|Mini.* OPR/", ""),
    ("Opera", r" OPR/", r"(?:Opera|OPR)/"),
    ("BlackBerry", r"(?i:BlackBerry|PlayBook|BB10)", "BlackBerry "),
    ("Internet Explorer Mobile", r"IEMobile|WPDesktop", "rv:"),
    ("Samsung Internet", r"SamsungBrowser/", "SamsungBrowser/"),
    ("Microsoft Edge", r"Edge|Edg/", "Edge?/"),
    ("Facebook Mobile", r"FBIOS", ""),
    ("Chrome", r"Chrome", "Chrome/"),
    ("Chrome iOS", r"CriOS", "CriOS/"),
    ("UC Browser", r"UCWEB|UCBrowser", "(?:UCBrowser|UCWEB)/"),
    ("Firefox iOS", r"FxiOS", "FxiOS/"),
    ("Mobile Safari", r"Safari.*iPhone|iPhone.*Safari", "Version/"),
    ("Safari", r"Safari", "Version/"),
    ("Android Mobile", r"Android", r"android\s"),
    ("Konqueror", r"Konqueror", "Konqueror:"),
    ("Firefox", r"Firefox", "Firefox/"),
    ("Internet Explorer", r"MSIE|Trident/", "(?:rv:|MSIE )"),
    ("Mozilla", r"Gecko", "rv:"),
)
