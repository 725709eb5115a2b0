"""The error of a query, which shows the character it is about."""

from trackway.errors import TrackwayError

_SHOWN = 100
"""Characters of the query's line that are shown around the fault."""


class FqlError(TrackwayError):
    """A query that cannot be understood; `position` is the character's index in `query`, `problem` the sentence."""

    def __init__(self, problem: str, query: str, position: int) -> None:
        self.problem = problem
        self.query = query
        self.position = position
        super().__init__(f"{problem}\n{_pointed_at(query, position)}")


def _pointed_at(query: str, position: int) -> str:
    """Return the line of `query` that holds `position`, and a caret under the character."""
    begin = query.rfind("\n", 0, position) + 1
    end = query.find("\n", position)
    line = query[begin : len(query) if end < 0 else end]
    column = position - begin
    first = max(0, column - _SHOWN * 3 // 4)
    shown = line[first : first + _SHOWN].replace("\t", " ")
    left, right = "… " if first else "", " …" if first + _SHOWN < len(line) else ""
    return f"  {left}{shown}{right}\n  {' ' * (len(left) + column - first)}^"
