"""What a user agent says: operating system, browser, device; and whether it is a bot.

Browsers, systems and devices come from the regexes of the ua-parser project. Bots come from crawler-user-agents, whose
list is wider: of its own 2,123 sample agents ua-parser takes 1,324 for a spider.
"""

import re
from functools import cache
from typing import Any, NamedTuple

import crawleruseragents
import ua_parser

LONGEST = 1024
"""Characters that are looked at; more only costs time."""
_CHUNK = 25
"""Patterns in one regex: as one they are slower, since Python tries all of them at each character."""
_BEGINNING = 4
"""Letters by which the words among the patterns are looked up."""
_WORD = re.compile(r"(?:[^\\.^$*+?{}\[\]|()]|\\[^a-zA-Z0-9])+")
"""A pattern that stands for one text."""
_ESCAPED = re.compile(r"\\(.)")
_NEVER = "(?!)"
_NO_DEVICES = frozenset({"Spider", "Other"})
_HINTED_MODEL = frozenset({"K", "Smartphone", "Tablet"})
"""Models that say nothing: browsers write K for any phone, ua-parser has words for what it does not know."""
_FIRST_WINDOWS_11 = 13


class Agent(NamedTuple):
    """What a user agent says; None where it says nothing."""

    os: dict[str, str] | None
    """`name`, `version`, as in Segment's `context.os`."""
    browser: dict[str, str] | None
    """`name`, `version`."""
    device: dict[str, str] | None
    """`manufacturer`, `model`, as in Segment's `context.device`; none for desktop computers."""


def read_user_agent(text: str) -> Agent:
    """Return what `text`, a `User-Agent`, says."""
    found = ua_parser.parse(text[:LONGEST])
    browser, system, device = found.user_agent, found.os, found.device
    if device is not None and (device.family in _NO_DEVICES or not device.model or device.model in _HINTED_MODEL):
        device = None
    return Agent(
        _named(system.family, system.major, system.minor, system.patch) if system else None,
        _named(browser.family, browser.major, browser.minor, browser.patch) if browser else None,
        _without_none(manufacturer=device.brand, model=device.model) if device else None,
    )


def apply_hints(agent: Agent, hints: dict[str, Any]) -> Agent:
    """Return `agent` made more exact by client hints, Segment's `context.userAgentData`.

    Browsers freeze parts of their user agent: Windows 11 calls itself 10, every Android phone has the model K.
    """
    system, device = agent.os, agent.device
    platform, version = hints.get("platform"), hints.get("platformVersion")
    if isinstance(platform, str) and isinstance(version, str) and version and system is not None:
        first = version.split(".", 1)[0]
        if platform == "Windows":
            if first.isdecimal() and int(first) >= _FIRST_WINDOWS_11:
                system = {**system, "version": "11"}
        elif platform in ("Android", "macOS", "Chrome OS"):
            system = {**system, "version": version}
    model = hints.get("model")
    if isinstance(model, str) and model and device is None:
        device = {"model": model}
    return Agent(system, agent.browser, device)


def bot_named(text: str) -> str | None:
    """Return what the bot behind a user agent is called, such as `Googlebot`; None if it is none that is known."""
    text = text[:LONGEST]
    bots = _bots()
    if not bots.are_in(text):
        return None
    for pattern in bots.patterns:
        if found := pattern.search(text):
            return found[0].strip(" /;()+") or text
    return None


def _named(name: str, *version: str | None) -> dict[str, str]:
    parts: list[str] = []
    for part in version:
        if part is None:
            break
        parts.append(part)
    return {"name": name, "version": ".".join(parts)} if parts else {"name": name}


def _without_none(**members: str | None) -> dict[str, str]:
    return {name: value for name, value in members.items() if value and value != "Generic_Android"}


class _Bots:
    """The patterns of all bots, and what tells of most agents that none is in them, in an eighth of the time.

    Nearly all patterns are plain words. A word is in a text only if its first letters are, and of these a text has few.
    """

    def __init__(self, patterns: list[str]) -> None:
        self.patterns = [re.compile("|".join(patterns[at : at + _CHUNK])) for at in range(0, len(patterns), _CHUNK)]
        self._words: dict[str, list[str]] = {}
        first: list[str] = []
        others: list[str] = []
        for pattern in patterns:
            word = _ESCAPED.sub(r"\1", pattern)
            if _WORD.fullmatch(pattern) and len(word) >= _BEGINNING:
                self._words.setdefault(word[:_BEGINNING], []).append(word)
            else:
                (first if pattern.startswith("^") and "|" not in pattern else others).append(pattern)
        self._first = re.compile("|".join(first) or _NEVER)
        self._others = re.compile("|".join(others) or _NEVER)

    def are_in(self, text: str) -> bool:
        """Tell whether any of the patterns is in `text`."""
        beginnings = {text[at : at + _BEGINNING] for at in range(len(text) - _BEGINNING + 1)}
        for beginning in beginnings & self._words.keys():
            for word in self._words[beginning]:
                if word in text:
                    return True
        # `match` looks at the beginning alone, `search` for what is there everywhere.
        return self._first.match(text) is not None or self._others.search(text) is not None


@cache
def _bots() -> _Bots:
    return _Bots([entry["pattern"] for entry in crawleruseragents.CRAWLER_USER_AGENTS_DATA])
