"""Commits of a warehouse of files: many files appear at once, or none does, whatever dies when.

    _trackway/commits/000000000042.json     the commits; making one, where none of its number is, is the moment of truth
    _trackway/staged/000000000042-1f3a/     files of a commit to be; nothing reads them
    _trackway/state/000000000042-1f3a.json  the tables as a commit leaves them, when it changes them
    <schema>/<table>/day=2026-11-26/…       what everybody reads: only files of commits

A load writes its files to a staged folder, then the commit, which names them, says where they belong and which older
files go, and holds the position in the log; then it moves them into place. If it dies before the commit the staged
files are litter, removed by the next opening; after it, the next opening moves what is still staged. Old files are
removed before new ones take their place: somebody who lists the folder meanwhile may miss rows for that moment, but
never sees one twice.

Two writers: a number can be had once, so that the slower one fails instead of writing an event again. Whoever opens the
warehouse makes an empty commit first: what another has staged for that number can then become none, and is removed.
"""

import secrets

import msgspec
from msgspec import Struct

from trackway.warehouse.contract import WarehouseError
from trackway.warehouse.files_store import Store

_COMMITS, _STAGED, _STATE = "_trackway/commits", "_trackway/staged", "_trackway/state"
_KEPT = 20
"""Commits that are kept for people to look at."""


class Move(Struct, frozen=True):
    """A staged file and where it belongs."""

    staged: str
    path: str
    rows: int
    size_bytes: int


class Commit(Struct, frozen=True, kw_only=True):
    """One step of the warehouse."""

    number: int
    positions: dict[str, dict[int, int]]
    """By topic and partition: the next offset to load."""
    writer: str = ""
    """Who made it, so that it is known again when the answer to its making was lost."""
    state: str = ""
    """The file of the tables as they are; empty: there are none yet."""
    removed: list[str] = []
    added: list[Move] = []


class Staging:
    """The files of a commit to be."""

    def __init__(self, store: Store, number: int) -> None:
        self._store = store
        self._folder = f"{_STAGED}/{number:012}-{secrets.token_hex(4)}"
        self.moves: list[Move] = []
        self.removed: list[str] = []

    def add(self, path: str, data: bytes, rows: int) -> None:
        """Stage a file that belongs at `path`."""
        staged = f"{self._folder}/{len(self.moves)}"
        self._store.write(staged, data)
        self.moves.append(Move(staged, path, rows, len(data)))


class Commits:
    """The chain of commits in a store; one writer."""

    def __init__(self, store: Store) -> None:
        """Find the last commit, finish what it left undone, and remove what never became one."""
        self._store = store
        self._writer = secrets.token_hex(8)
        self.head = last_commit(store) or Commit(number=0, positions={})
        self._finish(self.head)
        self._make(Commit(number=self.head.number + 1, positions=self.head.positions, state=self.head.state))
        litter = [found.path for found in store.list(_STAGED) if _number(found.path) <= self.head.number]
        old = [found.path for found in store.list(_STATE) if found.path != self.head.state]
        store.delete([*litter, *(path for path in old if _number(path) < self.head.number)])

    def stage(self) -> Staging:
        """Begin the next commit."""
        return Staging(self._store, self.head.number + 1)

    def state(self) -> bytes | None:
        """Return the tables as they are, as `commit` was given them."""
        return self._store.read(self.head.state) if self.head.state else None

    def commit(self, staging: Staging, positions: dict[str, dict[int, int]], state: bytes | None) -> None:
        """Let the staged files be there, the removed ones be gone, and remember `positions`; `state` None: as before.

        Raises:
            WarehouseError: another writer made this commit; nothing is changed.
        """
        number, old = self.head.number + 1, self.head
        path = self.head.state
        if state is not None:
            path = f"{_STATE}/{number:012}-{self._writer}.json"
            self._store.write(path, state)
        self._make(Commit(number=number, positions=positions, state=path, removed=staging.removed, added=staging.moves))
        self._finish(self.head)
        self._store.delete([_commit_path(number - _KEPT)] if number > _KEPT else [])
        if old.state not in ("", path):
            self._store.delete([old.state])

    def _make(self, commit: Commit) -> None:
        commit = msgspec.structs.replace(commit, writer=self._writer)
        text = msgspec.json.encode(commit)
        path = _commit_path(commit.number)
        # A repeated request may find its own commit there, when the first answer was lost.
        if not self._store.create(path, text) and self._store.read(path) != text:
            raise WarehouseError("another Trackway loads into these files; one at a time can: stop it")
        self.head = commit

    def _finish(self, commit: Commit) -> None:
        self._store.delete(commit.removed)
        for move in commit.added:
            self._store.move(move.staged, move.path)  # it is in place already when it is not staged any more


def last_commit(store: Store) -> Commit | None:
    """Return the newest commit; None when there is none.

    Raises:
        WarehouseError: it was removed while it was looked for.
    """
    newest = max((_number(found.path) for found in store.list(_COMMITS)), default=0)
    if newest == 0:
        return None
    text = store.read(_commit_path(newest))
    if text is None:
        raise WarehouseError(f"commit {newest} of these files is gone; somebody else loads into them, or removed it")
    return msgspec.json.decode(text, type=Commit)


def _commit_path(number: int) -> str:
    return f"{_COMMITS}/{number:012}.json"


def _number(path: str) -> int:
    """The number in `folder/000000000042…`."""
    return int(path.removeprefix("_trackway/").split("/")[1][:12])
