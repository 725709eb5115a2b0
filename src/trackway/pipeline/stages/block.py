"""Leave out the calls that a source's `block` names; they are counted, and stay in the raw log.

Belongs behind `SemanticEvents`, so that a name means every spelling that becomes it, and before anybody gets to see it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

from trackway.events import fql
from trackway.events.semantic import recognise
from trackway.pipeline.draft import Draft
from trackway.workspace.governance import Block
from trackway.workspace.model import Workspace


class _Blocked(NamedTuple):
    """What one source's `block` says."""

    names: dict[str, frozenset[str]]
    """By type of call."""
    queries: list[tuple[str, Callable[[dict[str, Any]], bool]]]


class BlockStage:
    """The stage of blocked calls."""

    name = "block"

    def __init__(self, blocked: Mapping[str, Sequence[str | Block]], *, renamed: frozenset[str] = frozenset()) -> None:
        """Take what each source blocks; in those of `renamed`, old names of semantic events mean the current ones."""
        self._by_source = {
            source: _read(rules, renames=source in renamed) for source, rules in blocked.items() if rules
        }

    @classmethod
    def from_workspace(cls, workspace: Workspace) -> Self:
        """Return the stage for the sources of a workspace."""
        unrecognised = workspace.skipping("semantic_events")
        renames = workspace.pipeline.rename_events and unrecognised is not None
        renamed = frozenset(workspace.sources) - (unrecognised or frozenset()) if renames else frozenset[str]()
        return cls({name: source.block for name, source in workspace.sources.items()}, renamed=renamed)

    def may_concern(self, source: str, kind: str, event: str) -> bool:
        """Tell whether a call of the type `kind`, a track call of the name `event`, has to come to this stage."""
        blocked = self._by_source.get(source)
        if blocked is None:
            return False
        names = blocked.names.get(kind)
        return bool(blocked.queries) or (names is not None and (kind != "track" or event in names))

    def run(self, drafts: list[Draft]) -> list[Draft]:
        """Drop what is blocked."""
        if self._by_source:
            for draft in drafts:
                blocked = self._by_source.get(draft.raw.source)
                if blocked is not None and (detail := _why(blocked, draft)) is not None:
                    draft.drop("blocked", detail)
        return drafts


def _why(blocked: _Blocked, draft: Draft) -> str | None:
    """Return what is remarked on a call that is blocked, None if it is not."""
    kind, event = draft.raw.type, draft.event
    if names := blocked.names.get(kind):
        name = event.get("event" if kind == "track" else "name")
        if type(name) is str and name in names:
            return ""
    return next((query for query, matches in blocked.queries if matches(event)), None)


def _read(rules: Sequence[str | Block], *, renames: bool) -> _Blocked:
    names: dict[str, set[str]] = {}
    queries: list[tuple[str, Callable[[dict[str, Any]], bool]]] = []
    for rule in rules:
        if isinstance(rule, str):
            found = recognise(rule) if renames else None
            names.setdefault("track", set()).add(found.name if found else rule)
        elif rule.if_ is not None:
            # As plain text: it goes into a record, which holds no `Query`.
            queries.append((str(rule.if_), fql.compile(rule.if_).matches))
        elif rule.page is not None:
            names.setdefault("page", set()).add(rule.page)
        elif rule.screen is not None:
            names.setdefault("screen", set()).add(rule.screen)
    return _Blocked({kind: frozenset(some) for kind, some in names.items()}, queries)
