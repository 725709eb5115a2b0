"""Tables of counts, for people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType


def count_table(headings: Sequence[str], rows: Sequence[Sequence[str | int]]) -> "RenderableType":
    """Return a table whose numbers stand at the right, grouped by thousands."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="dim", pad_edge=False)
    for number, heading in enumerate(headings):
        numeric = (bool(rows) and isinstance(rows[0][number], int)) or heading.startswith("+")
        table.add_column(heading, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(f"{cell:,}" if isinstance(cell, int) else cell) for cell in row))
    return table
