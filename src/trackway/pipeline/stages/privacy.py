"""Keep out the people who are not wanted, and the personal data that nobody is to see.

`Suppress` belongs right behind `CommonFields`, which makes ids texts. `Privacy` belongs after the stages that
need the real values (a place from an ip) and before those that remember values (the catalogue, functions, the plan).
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple, Self, cast

from trackway.events import fql
from trackway.events.personal_data import ANY_KEY, change_at, hasher, leave_out, mask
from trackway.events.records import Finding
from trackway.pipeline.draft import Draft
from trackway.workspace.governance import PrivacyRule
from trackway.workspace.model import Workspace
from trackway.workspace.suppression import suppressed_users


class Suppress:
    """The stage that leaves out the calls of suppressed users; `suppression_file` says when to build it anew."""

    name = "suppress"

    def __init__(self, user_ids: Collection[str]) -> None:
        self.user_ids = frozenset(user_ids)

    @classmethod
    def from_workspace(cls, workspace: Workspace) -> Self:
        """Return the stage for the list as it stands in the workspace's data folder."""
        return cls(suppressed_users(workspace.data))

    def run(self, drafts: list[Draft]) -> list[Draft]:
        """Drop what names a suppressed user as `userId`, or as the `previousId` of an alias."""
        if not self.user_ids:
            return drafts
        for draft in drafts:
            event = draft.event
            if event.get("userId") in self.user_ids or event.get("previousId") in self.user_ids:
                draft.drop("suppressed")
        return drafts


class Rule(NamedTuple):
    """A privacy rule, compiled."""

    keys: tuple[str, ...]
    """The path to what is changed."""
    sources: frozenset[str] | None
    """None is all."""
    concerns: Callable[[dict[str, Any]], bool]
    """Tells whether an event is one of those that the rule is about."""
    change: Callable[[Any], Any]
    always: bool
    """The rule is about all events."""


class Privacy:
    """The stage that applies the workspace's privacy rules.

    They reach what earlier stages kept of a value, too: its original, and the details of findings about it.
    """

    name = "privacy"

    def __init__(self, rules: Sequence[PrivacyRule], salt: str = "") -> None:
        """`salt` is the key of hashes."""
        changes = {"drop": leave_out, "hash": hasher(salt), "mask": mask}
        self._rules = [
            Rule(
                rule.path.keys,
                None if rule.sources is None else frozenset(rule.sources),
                fql.compile(rule.if_).matches,
                changes[rule.do],
                rule.if_ == "all",
            )
            for rule in rules
        ]

    @classmethod
    def from_workspace(cls, workspace: Workspace) -> Self:
        """Return the stage for the workspace's `privacy`."""
        privacy = workspace.privacy
        return cls(privacy.rules, privacy.salt.reveal() if privacy.salt else "")

    def rules_of(self, source: str) -> list[Rule]:
        """Return the rules for a source, in their order."""
        return [rule for rule in self._rules if rule.sources is None or source in rule.sources]

    def run(self, drafts: list[Draft]) -> list[Draft]:
        """Change `drafts` in place. Conditions are asked of the event as it came into this stage."""
        if self._rules:
            for draft in drafts:
                self._apply(draft)
        return drafts

    def _apply(self, draft: Draft) -> None:
        event, source = draft.event, draft.raw.source
        rules = [
            rule for rule in self._rules if (rule.sources is None or source in rule.sources) and rule.concerns(event)
        ]
        for rule in rules:
            change_at(event, rule.keys, rule.change)
        if not rules:
            return
        _change_originals(_originals(event), rules)
        for number, finding in enumerate(draft.findings):
            if finding.detail and any(_covers(rule.keys, _path(finding.pointer)) for rule in rules):
                draft.findings[number] = Finding(finding.code, finding.pointer)


def _originals(event: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what stages before this one replaced and kept; `Draft.keep_original` writes it."""
    context = event.get("context")
    ours = cast("dict[str, Any]", context).get("trackway") if isinstance(context, dict) else None
    kept = cast("dict[str, Any]", ours).get("original") if isinstance(ours, dict) else None
    entries = cast("list[Any]", kept) if isinstance(kept, list) else []
    return [cast("dict[str, Any]", one) for one in entries if isinstance(one, dict)]


def _change_originals(kept: list[dict[str, Any]], rules: list[Rule]) -> None:
    for entry in kept:
        at = _path(str(entry.get("pointer", "")))
        for rule in rules:
            if _covers(rule.keys, at):
                entry["value"] = None
            elif _covers(at, rule.keys):
                change_at(entry.get("value"), rule.keys[len(_keys(at)) :], rule.change)


def _path(pointer: str) -> tuple[str, ...]:
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:])


def _covers(above: tuple[str, ...], below: tuple[str, ...]) -> bool:
    """Tell whether a path leads to another one or to something that it stands in; positions in lists are passed."""
    above, below = _keys(above), _keys(below)
    return len(above) <= len(below) and all(
        one == other or ANY_KEY in (one, other) for one, other in zip(above, below, strict=False)
    )


def _keys(path: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(key for key in path if not key.isdecimal())
