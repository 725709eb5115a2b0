"""Hold a destination type to its cases, and to what every destination promises."""

from pathlib import Path

import msgspec
from rich.text import Text

from trackway.cli.output import complain, screen
from trackway.errors import TrackwayError
from trackway.testing.destinations import Case, cases, check_case, check_contract

_ROUNDS = 5
"""Of random answers to the events of each case."""


def try_type(kind: str, only: str | None, folder: Path) -> bool:
    """Print how each case of a type ends, or the one called `only`; return whether all end well.

    Raises:
        TrackwayError: there is no such type or case.
    """
    found = {name: one for name, one in cases(kind, folder=folder).items() if only in (None, name)}
    if not found:
        raise TrackwayError(f"{kind} has no such case; they are JSON files beside its module, in {kind}.cases/")
    ends = [_try(kind, name, one, folder) for name, one in found.items()]
    return all(ends)


def _try(kind: str, name: str, case: Case, folder: Path) -> bool:
    events = [msgspec.json.decode(event) for event in case.events]
    try:
        check_case(kind, case, folder=folder)
        check_contract(kind, case.settings, events, folder=folder, rounds=_ROUNDS)
    except (AssertionError, TrackwayError) as wrong:
        screen().print(Text.assemble(("FAIL", "bold red"), f"  {name}: {case.about}"), soft_wrap=True)
        complain(str(wrong).replace("trackway.yaml", f"{name}.json", 1))
        return False
    screen().print(Text.assemble(("OK", "green"), f"    {name}: {case.about}"), soft_wrap=True)
    return True
