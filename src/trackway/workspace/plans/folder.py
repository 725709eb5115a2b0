"""The folder `plans/` of a workspace, and which plan is for which source."""

import difflib
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from trackway.errors import why_unreadable
from trackway.workspace.plans.model import Controls, Plan, PlanError
from trackway.workspace.plans.reading import parse_plan
from trackway.workspace.plans.segment import is_segment_plan, parse_segment_plan

FOLDER = "plans"
Stamp = tuple[tuple[str, int, int, int], ...]


class Followed(NamedTuple):
    """The plan of a source, and what is done about its violations."""

    plan: Plan
    controls: Controls


class Plans:
    """All plans of a workspace."""

    def __init__(self, plans: Collection[Plan], sources: Collection[str]) -> None:
        """Take the plans of the workspace's `sources`.

        Raises:
            PlanError: a source has two plans, or a plan names a source that there is not.
        """
        self.plans = tuple(plans)
        self._by_source: dict[str, Followed] = {}
        for plan in self.plans:
            for source, controls in (plan.sources or {}).items():
                if source not in sources:
                    near = difflib.get_close_matches(source, sources, n=1)
                    hint = f"; did you mean {near[0]}?" if near else ""
                    raise PlanError(f"plan {plan.id}: sources: there is no source {source}{hint}")
                self._follow(source, plan, controls)
        general = [plan for plan in self.plans if plan.sources is None]
        if len(general) > 1:
            names = " and ".join(plan.id for plan in general)
            raise PlanError(f"the plans {names} are both for every source; name the `sources` of each")
        for plan in general:
            for source in sources:
                if source not in self._by_source:
                    self._follow(source, plan, plan.controls)

    def of(self, source: str) -> Followed | None:
        """Return the plan that a source follows; None if there is none."""
        return self._by_source.get(source)

    def by_source(self) -> dict[str, Followed]:
        """Return the plan of each source that has one."""
        return dict(self._by_source)

    def _follow(self, source: str, plan: Plan, controls: Controls) -> None:
        if other := self._by_source.get(source):
            raise PlanError(f"the source {source} is in two plans, {other.plan.id} and {plan.id}; take it out of one")
        self._by_source[source] = Followed(plan, controls)


def load_plans(folder: Path, sources: Collection[str]) -> Plans:
    """Return the plans in `plans/` of the workspace `folder`; there need be none.

    Raises:
        PlanError: a file cannot be read or says what cannot be.
    """
    return Plans([read_plan(file) for file in _files(folder)], sources)


def plans_stamp(folder: Path) -> Stamp:
    """Return what changes when a plan of the workspace `folder` is added, removed or written."""
    stamps: list[tuple[str, int, int, int]] = []
    for file in _files(folder):
        try:
            found = file.stat()
        except OSError:
            continue  # gone between listing and looking: an editor replaces it
        stamps.append((file.name, found.st_mtime_ns, found.st_size, found.st_ino))
    return tuple(stamps)


def read_plan(file: Path) -> Plan:
    """Return the plan in a file: ours in YAML, or Segment's in JSON.

    Raises:
        PlanError: with the line and what to do.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"{file} cannot be read: {why_unreadable(error)}") from None
    if file.suffix == ".json" or is_segment_plan(text):
        return parse_segment_plan(text, str(file), id_=file.stem)
    return parse_plan(text, str(file), id_=file.stem)


def _files(folder: Path) -> list[Path]:
    return sorted(file for pattern in ("*.yaml", "*.yml") for file in (folder / FOLDER).glob(pattern))
