"""What was seen of one event: its properties, their types, when, and a few of their values. Pure.

A shape takes in one event after the other and remembers nothing of the batches they came in, so any split of the same
events gives the same shape. Its size is bounded whatever comes.
"""

import re
from typing import Any, NamedTuple, cast

from trackway.catalogue.findings import NEW_PROPERTY, PERSONAL_DATA, TOO_MANY_PROPERTIES, TYPE_CHANGED
from trackway.catalogue.sharing import is_data, is_personal, is_shareable
from trackway.events.personal_fields import LEVELS, is_likely, kind_of_key, kind_of_value, may_be
from trackway.workspace.plans.model import ITEM

KINDS = ("string", "date-time", "integer", "number", "boolean", "object", "array", "null")
"""Types of values, as in tracking plans."""
ANY_KEY = "*"
"""The step of a path that stands for all keys that are data, such as ids."""

MAX_PATHS = 200
"""Of one event."""
MAX_KEYS = 100
"""Of one object below the top; one with more holds data in its keys."""
MAX_DEPTH = 8
MAX_ITEMS = 100
"""Members of an array that are looked at."""
MAX_SAMPLES = 12
"""Different texts at one path; one with more is no small vocabulary."""
SHOWN_FROM = 5
"""A text is shown once it came so often: what came once may be somebody's own."""
_LOOKED_AT, _THEN_EVERY = 100, 16
"""So many texts at a path are looked at for personal data, then every sixteenth."""

_STRING, _MOMENT, _INTEGER, _NUMBER, _BOOLEAN, _OBJECT, _ARRAY, _NULL = range(len(KINDS))
_KIND_OF: dict[type, int] = {
    str: _STRING,
    int: _INTEGER,
    float: _NUMBER,
    bool: _BOOLEAN,
    dict: _OBJECT,
    list: _ARRAY,
    type(None): _NULL,
}
_IS_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:?\d\d)").fullmatch
_STEP = re.compile(r"(?:\\.|[^.\\])+", re.DOTALL)


def looked_at(texts: int) -> int:
    """Return how many of so many texts at a path were looked at for personal data."""
    return texts if texts <= _LOOKED_AT else _LOOKED_AT + texts // _THEN_EVERY - _LOOKED_AT // _THEN_EVERY


class News(NamedTuple):
    """Something about an event that was not so before."""

    code: str
    path: str
    detail: str


class Room:
    """How many more paths all events of a source together may have."""

    def __init__(self, paths: int) -> None:
        self.paths = paths


class Node:
    """What was seen at one path."""

    __slots__ = (
        "born",
        "changed",
        "children",
        "counts",
        "depth",
        "first_ms",
        "key",
        "last_ms",
        "looks",
        "path",
        "samples",
    )

    def __init__(self, path: str, depth: int, *, at_ms: int, born: int, key: str = "", private: bool = False) -> None:
        self.path = path
        self.key = key
        """The last step of the path that is a key; that of the array for its members."""
        self.depth = depth
        self.counts = [0] * len(KINDS)
        """Values by type, in the order of `KINDS`."""
        self.first_ms = at_ms
        self.last_ms = at_ms
        self.samples: dict[str, int] | None = None if private else {}
        """Texts with how often they came; None when they are not to be shown."""
        self.looks: dict[str, int] = {}
        """How many of the texts that were looked at are some kind of personal data, by `personal_fields`."""
        self.children: dict[str, Node] = {}
        self.born = born
        """Which event of the shape brought it, counted from 1; 0 when that is long ago."""
        self.changed = False

    def types(self) -> dict[str, int]:
        """Return how many values had which type."""
        return {kind: count for kind, count in zip(KINDS, self.counts, strict=True) if count}

    def sample(self, samples: dict[str, int], text: str) -> None:
        """Count a text among the samples, or keep none from now on when it shows that they are no vocabulary."""
        if text in samples:
            samples[text] += 1
        elif text and (len(samples) >= MAX_SAMPLES or not is_shareable(text)):
            self.samples = None
        elif text:
            samples[text] = 1


class EventShape:
    """What was seen of one event of a source."""

    def __init__(self, table: str, *, at_ms: int, room: Room) -> None:
        """`table` is the member that is looked at, `properties` or `traits`; each path takes of `room`."""
        self.count = 0
        self.first_ms = at_ms
        self.last_ms = at_ms
        self.unlisted = 0
        """Events with values at paths that are not listed, for want of room."""
        self.changed = False
        self.paths = 0
        self._root = Node(table, 0, at_ms=at_ms, born=0)
        self._room = room
        self._news: list[News] = []
        self._nodes: list[Node] = []
        self._left_out = False

    def add(self, members: Any, at_ms: int) -> list[News]:
        """Take in an event's properties or traits (no object is an empty one), and return what was new in them."""
        self.changed = True
        self.count += 1
        self.first_ms, self.last_ms = min(self.first_ms, at_ms), max(self.last_ms, at_ms)
        self._news, self._left_out = [], False
        if isinstance(members, dict):
            self._see_members(self._root, cast("dict[str, Any]", members), at_ms)
        if self._left_out:
            self.unlisted += 1
            if self.unlisted == 1:
                self._news.append(News(TOO_MANY_PROPERTIES, "", f"{self.paths} are listed"))
        return self._news

    def restore(self, path: str) -> Node:
        """Return the node of a path, made if need be along with those above it; for what was stored before."""
        node = self._root
        _, *steps = steps_of(path)
        for step in steps:
            node = node.children.get(step) or self._add_child(node, step, 0, born=0)
        return node

    def take_changed(self) -> list[Node]:
        """Return the nodes that changed since the last call."""
        nodes, self._nodes, self.changed = self._nodes, [], False
        for node in nodes:
            node.changed = False
        return nodes

    def _see(self, node: Node, value: Any, at_ms: int) -> None:
        kind = _KIND_OF[value.__class__]
        # Most texts are told from a moment by one character.
        if kind == _STRING and value[4:5] == "-" and _IS_MOMENT(value):
            kind = _MOMENT
        count = node.counts[kind]
        if not count:
            self._note_kind(node, kind)
        count += 1
        node.counts[kind] = count
        if at_ms > node.last_ms:
            node.last_ms = at_ms
        elif at_ms < node.first_ms:
            node.first_ms = at_ms
        if not node.changed:
            node.changed = True
            self._nodes.append(node)
        if kind == _STRING:
            if node.samples is not None:
                node.sample(node.samples, value)
            if count <= _LOOKED_AT or not count % _THEN_EVERY:
                look = kind_of_value(value, node.key)
                if look is not None:
                    self._note_look(node, look)
        elif kind == _OBJECT:
            self._see_members(node, value, at_ms)
        elif kind == _ARRAY and value and (items := self._child(node, ITEM, at_ms)):
            for item in value[:MAX_ITEMS]:
                self._see(items, item, at_ms)

    def _see_members(self, node: Node, members: dict[str, Any], at_ms: int) -> None:
        children = node.children
        for key, value in members.items():
            child = children.get(key) or self._child(node, ANY_KEY if is_data(key) else key, at_ms)
            if child is not None:
                self._see(child, value, at_ms)

    def _child(self, node: Node, key: str, at_ms: int) -> Node | None:
        found = node.children.get(key)
        if found is not None:
            return found
        crowded = node.depth > 0 and len(node.children) >= MAX_KEYS
        if crowded or node.depth >= MAX_DEPTH or self.paths >= MAX_PATHS or self._room.paths <= 0:
            self._left_out = True
            return None
        child = self._add_child(node, key, at_ms, born=self.count)
        # Not for what a new property brings with it, nor for the members of an array that was empty so far.
        if self.count > 1 and node.born != self.count and key != ITEM:
            self._news.append(News(NEW_PROPERTY, child.path, ""))
        return child

    def _add_child(self, node: Node, key: str, at_ms: int, *, born: int) -> Node:
        self.paths += 1
        self._room.paths -= 1
        path = f"{node.path}.{_escaped(key)}"
        # What lies within something private is private too.
        private = node.samples is None or is_personal(key)
        said = node.key if key == ITEM else key
        child = node.children[key] = Node(path, node.depth + 1, at_ms=at_ms, born=born, key=said, private=private)
        return child

    def _note_look(self, node: Node, kind: str) -> None:
        first = kind not in node.looks and kind_of_key(node.key) is None
        if first and is_likely(kind, 1, looked_at(node.counts[_STRING])):
            self._news.append(News(PERSONAL_DATA, node.path, f"a value looks like personal data: {kind}"))
        node.looks[kind] = node.looks.get(kind, 0) + 1

    def _note_kind(self, node: Node, kind: int) -> None:
        known = {one for one, count in enumerate(node.counts) if count and one != _NULL}
        named = kind_of_key(node.key)
        if named is not None and LEVELS[named] == "red":
            was, may = (may_be(named, [KINDS[one] for one in some]) for some in (known, {kind}))
            if may and not was:
                self._news.append(News(PERSONAL_DATA, node.path, f"its name says so: {named}"))
        if known and kind != _NULL and not _is_kin(kind, known):
            before = ", ".join(KINDS[one] for one in sorted(known))
            self._news.append(News(TYPE_CHANGED, node.path, f"was {before}, is now {KINDS[kind]} too"))


def _is_kin(kind: int, known: set[int]) -> bool:
    """Return whether a type beside the known ones is no change: whole among other numbers, moments among texts."""
    if kind in (_INTEGER, _NUMBER):
        return bool(known & {_INTEGER, _NUMBER})
    return kind == _MOMENT and _STRING in known


def _escaped(key: str) -> str:
    return key.replace("\\", "\\\\").replace(".", "\\.") if "." in key or "\\" in key else key


def steps_of(path: str) -> list[str]:
    """Return the steps of a path, outermost first."""
    return [re.sub(r"\\(.)", r"\1", step, flags=re.DOTALL) for step in _STEP.findall(path)]
