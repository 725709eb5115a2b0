"""What is wrong with an event's name, and a better one: Object + Action in the past tense, in Proper Case.

Source: Segment's "Naming conventions". A matter of words and forms, without a dictionary of English: a name made of
verbs that `naming_words` does not know may pass although it should not, hardly the reverse.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, TypeVar

from trackway.events.naming_words import (
    ABBREVIATIONS,
    EXCEPTIONS,
    NO_VERBS_IN_ED,
    OTHER_VOCABULARIES,
    PARTICLES,
    PAST_OF,
    SMALL_WORDS,
    VAGUE,
    VERB_OF_OTHER_FORM,
    VERB_OF_PAST,
    WITHOUT_OBJECT,
)

K = TypeVar("K")
Code = Literal["dynamic", "vague", "verb_first", "not_past", "no_action", "case", "near_duplicate"]


class Problem(NamedTuple):
    """One thing that is wrong with a name."""

    code: Code
    message: str
    suggestion: str | None = None
    """A name to use instead, where one follows from the words."""


_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", re.ASCII)
_SEPARATORS = re.compile(r"[\s_\-.:/|>]+")
_VALUES = (
    (re.compile(r"\{\{.*?\}\}|\$\{.*?\}|%[sd]\b|<[a-z_]+>|\[object \w+\]"), "a placeholder"),
    (re.compile(r"\S+@\S+\.\S+"), "an e-mail address"),
    (re.compile(r"\w+://\S+|\bwww\.\S+|(?<!\w)/[\w-]+(?:/[\w-]*)+"), "an address"),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE), "an id"),
    (re.compile(r"\b\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}\b"), "a date"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b", re.IGNORECASE), "an id"),
    (re.compile(r"[$€£]\s?\d[\d.,]*|\d[\d.,]*\s?(?:[$€£%]|USD\b|EUR\b)"), "an amount"),
    (re.compile(r"(?<=ed)[\s_-]*v?\d+$", re.IGNORECASE), "a version number"),
    (re.compile(r"#?(?<![A-Za-z])\d+(?![A-Za-z])"), "a number"),
    (re.compile(r"\b(?:undefined|null|NaN)\b"), "a missing value"),
)
_EMPTY_BRACKETS = re.compile(r"[(\[{\"'“„]\s*[)\]}\"'”“]|[\s_:#,-]+$")
_DANGLING = re.compile(r"(?:\s+(?:to|from|for|by|with|at|of|via|as|in))+$", re.IGNORECASE)
"""What a value at the end leaves behind: `Email sent to | bob@example.com`."""
_FEWEST_LETTERS = 4
_TYPO_FROM = 6


class NamingLint:
    """Finds what is wrong with names, and which of the known names they repeat."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        """`known` are the names in use, such as a source's catalogue or plan."""
        self._by_meaning: dict[tuple[str, ...], list[str]] = {}
        self._by_letters: dict[str, list[str]] = {}
        self._by_words: dict[tuple[str, ...], list[str]] = {}
        for name in known:
            self.learn(name)

    def learn(self, name: str) -> None:
        """Add a name to those in use."""
        for key in _letters(name):
            _add(self._by_letters, key, name)
        _add(self._by_meaning, _meaning(name), name)
        _add(self._by_words, _sorted_words(name), name)

    def check(self, name: str) -> list[Problem]:
        """Return the problems of `name`, the worst first; none for a good one."""
        problems = lint_name(name)
        others = self.near_duplicates(name)
        if others:
            listed = ", ".join(f"“{other}”" for other in others)
            best = min(others, key=lambda other: len(lint_name(other)))
            better = next((problem.suggestion for problem in lint_name(best) if problem.suggestion), best)
            advice = f"It seems to mean the same as {listed}; use one name."
            # A name that is good itself is told the one in use: two names for one thing are worse than a bad one.
            problems.append(Problem("near_duplicate", advice, better if better != name else best))
        return problems

    def near_duplicates(self, name: str) -> list[str]:
        """Return the known names that differ from `name` only in case, order, form or a slip of the finger."""
        found = list(self._by_meaning.get(_meaning(name), ()))
        for key in _letters(name):
            found += self._by_letters.get(key, ())
        if not found:
            mine = _sorted_words(name)
            found = [other for words, names in self._by_words.items() if _is_slip(mine, words) for other in names]
        return sorted({other for other in found if other != name})


def lint_name(name: str) -> list[Problem]:
    """Return the problems that a name has by itself, the worst first.

    One problem hides those that follow from it: a name that says nothing is not told about its capital letters.
    """
    kept, kind = _without_values(name)
    words = split_words(kept)
    vague = not words or _is_vague(words)
    if vague and not (kind and len(words) == 1 and _is_past(words[0].lower())):
        return [Problem("vague", "It does not say what happened; name the object and what was done to it.")]
    better = None if vague else suggest_name(kept)
    if kind:
        advice = f"It holds {kind}, so each value makes a new event; put the value into a property."
        return [Problem("dynamic", advice, better)]
    return _find_form(name, words, better)


def suggest_name(name: str) -> str | None:
    """Return `name` as Object + Action in the past tense, in Proper Case; None if its words do not tell how."""
    words = split_words(name)
    small = [word.lower() for word in words]
    if known := OTHER_VOCABULARIES.get("_".join(small)):
        return known
    if _is_well_formed(small):
        return _proper(words)
    order = _as_object_action(words, small)
    return _proper(order) if order else None


def split_words(name: str) -> list[str]:
    """Return the words of a name in any casing: spaces, snake_case, kebab-case, camelCase."""
    parts = [part for part in _SEPARATORS.split(name.strip()) if part]
    if len(parts) > 1 and any(part[:1].isupper() and part[1:].islower() for part in parts):
        return [part.strip("()[]{}\"',!?") for part in parts if part.strip("()[]{}\"',!?")]
    return [word for part in parts for word in (_WORDS.findall(part) or [part])]


def _find_form(name: str, words: list[str], better: str | None) -> list[Problem]:
    small = [word.lower() for word in words]
    if " ".join(small) in EXCEPTIONS:
        return (
            [] if name == _proper(words) else [Problem("case", "Write it in Proper Case, with spaces.", _proper(words))]
        )
    if _is_well_formed(small):
        if _is_proper(name):
            return []
        return [Problem("case", "Write it in Proper Case, with spaces.", better)]
    if "_".join(small) in OTHER_VOCABULARIES:
        return [Problem("not_past", "Segment has another name for this.", better)]
    if _is_past(small[0]) and len(small) > 1:
        return [Problem("verb_first", "The object comes first, then the action.", better)]
    if any(word in PAST_OF or word in VERB_OF_OTHER_FORM for word in (small[0], small[-1])):
        return [Problem("not_past", "Name what has happened, in the past tense.", better)]
    return [Problem("no_action", "It has no action; end it with a verb in the past tense, such as Viewed.", better)]


def _without_values(name: str) -> tuple[str, str]:
    """Return the name without what changes from event to event, and what that was, `""` for nothing."""
    kind, kept = "", name
    for pattern, what in _VALUES:
        kept, count = pattern.subn(" ", kept)
        if count and not kind:
            kind = what
    while kind and (shorter := _EMPTY_BRACKETS.sub("", kept).strip()) != kept:
        kept = shorter
    return (_DANGLING.sub("", kept) if kind else kept), kind


def _is_vague(words: list[str]) -> bool:
    small = [word.lower() for word in words]
    if sum(len(word) for word in small if word.isalpha()) < _FEWEST_LETTERS and not _is_well_formed(small):
        return True
    if all(word in VAGUE for word in small):
        return True
    return any(_is_abbreviation(word) for word in words)


def _is_abbreviation(word: str) -> bool:
    small = word.lower()
    if small in ABBREVIATIONS:
        return True
    if small.endswith("d") and small[:-1] in PAST_OF and small not in VERB_OF_PAST and not small.endswith("ed"):
        return True  # Dropd, Clickd
    consonants = len(small) >= 3 and not re.search(r"[aeiouy\d]", small)
    return consonants and not word.isupper()


def _is_past(word: str) -> bool:
    return word in VERB_OF_PAST or (word.endswith("ed") and len(word) > 3 and word not in NO_VERBS_IN_ED)


def _is_well_formed(small: Sequence[str]) -> bool:
    if " ".join(small) in WITHOUT_OBJECT:
        return True
    return any(
        _is_past(small[place]) and (place + 1 == len(small) or small[place + 1] in PARTICLES)
        for place in range(len(small) - 1, 0, -1)
    )


def _as_object_action(words: list[str], small: list[str]) -> list[str] | None:
    """Return the words with the verb behind the object and in the past tense."""
    if len(small) > 1 and small[-1] in PARTICLES and (past := _to_past(small[-2])):
        return [*words[:-2], past, words[-1]]  # Sign up, User Log In
    first = _to_past(small[0])
    if first and len(words) > 1:
        rest, tail = _cut_at_particle(words[1:], small[1:])
        return [*rest, first, *tail] if rest else None
    last = _to_past(small[-1])
    return [*words[:-1], last] if last and len(words) > 1 else None


def _cut_at_particle(words: list[str], small: list[str]) -> tuple[list[str], list[str]]:
    """Split at the first word that may follow a verb: `Product | to Cart`."""
    for place, word in enumerate(small):
        if word in PARTICLES:
            return words[:place], words[place:]
    return words, []


def _to_past(word: str) -> str | None:
    if word.endswith("ed") and _is_past(word):
        return word
    verb = word if word in PAST_OF else VERB_OF_OTHER_FORM.get(word) or VERB_OF_PAST.get(word)
    return PAST_OF[verb] if verb else None


def _proper(words: Sequence[str]) -> str:
    shouting = all(word.isupper() for word in words)
    return " ".join(_proper_word(word, number, shouting=shouting) for number, word in enumerate(words))


def _proper_word(word: str, number: int, *, shouting: bool) -> str:
    if number and word.lower() in SMALL_WORDS and len(word) > 1:
        # Up, In and Out belong to the verb; to, from and the like are small.
        return word.capitalize() if word.lower() in ("up", "in", "out", "on", "off", "down", "back") else word.lower()
    if not shouting and any(letter.isupper() for letter in word[1:]):
        return word
    return word.capitalize() if not word[:1].isdigit() else word


def _is_proper(name: str) -> bool:
    parts = name.split(" ")
    if name.isupper() and sum(map(str.isalpha, name)) > 5 and len(parts) > 1:
        return False
    if any(not part or "_" in part for part in parts) or (len(parts) == 1 and len(_WORDS.findall(name)) > 1):
        return False
    return all(
        part[0].isupper() or not part[0].isalpha() or (number and part in SMALL_WORDS) or not part.islower()
        for number, part in enumerate(parts)
    )


def _meaning(name: str) -> tuple[str, ...]:
    """Return the words of a name without form and order."""
    return tuple(sorted(_stem(word.lower()) for word in split_words(name) if word.lower() not in ("a", "an", "the")))


def _sorted_words(name: str) -> tuple[str, ...]:
    return tuple(sorted(word.lower() for word in split_words(name)))


def _stem(word: str) -> str:
    verb = VERB_OF_PAST.get(word) or VERB_OF_OTHER_FORM.get(word)
    if verb:
        return verb
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


def _letters(name: str) -> tuple[str, ...]:
    """Return a name as its letters alone, as it stands and with its last word first: for names without separators."""
    words = [word.lower() for word in split_words(name)]
    straight = "".join(words)
    return (straight, words[-1] + "".join(words[:-1])) if len(words) > 1 else (straight,)


def _is_slip(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Tell whether two names differ in one longer word, by one letter or two that changed places."""
    if len(one) != len(other):
        return False
    mine, theirs = set(one) - set(other), set(other) - set(one)
    if len(mine) != 1 or len(theirs) != 1:
        return False
    a, b = mine.pop(), theirs.pop()
    if min(len(a), len(b)) < _TYPO_FROM - 1 or a[0] != b[0] or (a in PAST_OF and b in PAST_OF):
        return False
    return _differ_by_one(a, b)


def _differ_by_one(a: str, b: str) -> bool:
    if len(a) > len(b):
        a, b = b, a
    start = next((place for place in range(len(a)) if a[place] != b[place]), len(a))
    if len(a) != len(b):
        return len(b) - len(a) == 1 and a[start:] == b[start + 1 :]
    swapped = a[:start] + a[start + 1 : start + 2] + a[start : start + 1] + a[start + 2 :]
    return b == swapped or a[start + 1 :] == b[start + 1 :]


def _add(where: dict[K, list[str]], key: K, name: str) -> None:
    names = where.setdefault(key, [])
    if name not in names:
        names.append(name)
