"""Answers of the warehouse on the screen, as JSON lines and as CSV."""

import csv
import sys
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from rich.box import ROUNDED
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from trackway.cli.output import print_json, screen
from trackway.warehouse.contract import QueryResult

_NUMERIC = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
_ALSO_NUMERIC = ("UHUGEINT", "DOUBLE", "FLOAT", "REAL", "DECIMAL")


def print_table(result: QueryResult) -> None:
    """Print a table: framed on a terminal, else as aligned text with every value whole."""
    console = screen()
    if not console.is_terminal:
        _print_aligned(result)
        return
    table = Table(box=ROUNDED, header_style="bold", border_style="dim")
    for name, kind in zip(result.columns, result.types, strict=True):
        table.add_column(Text(name), justify="right" if is_number(kind) else "left", overflow="fold")
    for row in result.rows:
        table.add_row(*(_cell(value) for value in row))
    console.print(table)
    count = f"{len(result.rows):,} row{'' if len(result.rows) == 1 else 's'}"
    console.print(Text(f"{count} in {result.duration_s * 1000:,.0f} ms", style="dim"))


def print_json_rows(result: QueryResult) -> None:
    """Print an object a row; of two columns with one name the later is called `name_2`."""
    names = _distinct(result.columns)
    for row in result.rows:
        print_json(dict(zip(names, row, strict=True)))


def print_csv(result: QueryResult) -> None:
    """Print RFC 4180 CSV with a header; NULL is an empty field, lists and objects are JSON."""
    writer = csv.writer(sys.stdout)
    writer.writerow(result.columns)
    for row in result.rows:
        writer.writerow("" if value is None else as_text(value) for value in row)


def is_number(kind: str) -> bool:
    """Tell whether a column of this database type holds numbers."""
    return kind.partition("(")[0].upper() in (*_NUMERIC, *_ALSO_NUMERIC)


def as_text(value: Any) -> str:
    """Return a value as people read it: a database's NULL is `NULL`, lists and objects are JSON."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return msgspec.json.encode(value).decode()
    return str(value)


def _cell(value: Any) -> Text:
    return Text("NULL", style="dim") if value is None else Text(_visible(as_text(value)))


def _visible(text: str) -> str:
    """Make control characters visible: what clients send must not steer the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else "�" for char in text)


def _print_aligned(result: QueryResult) -> None:
    # A value stays on its line: what reads this goes by lines.
    rows = [[as_text(value).replace("\n", "\\n").replace("\r", "\\r") for value in row] for row in result.rows]
    columns = list(zip(result.columns, *rows, strict=True))
    widths = [max(map(cell_len, column)) for column in columns]
    aligned: list[Callable[[str, int], str]] = [_right if is_number(kind) else _left for kind in result.types]
    for row in [result.columns, ["-" * width for width in widths], *rows]:
        _print_line(row, widths, aligned)


def _print_line(row: Sequence[str], widths: Sequence[int], aligned: Sequence[Callable[[str, int], str]]) -> None:
    cells = [align(text, width) for text, width, align in zip(row, widths, aligned, strict=True)]
    print("  ".join(cells).rstrip())


def _left(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _right(text: str, width: int) -> str:
    return " " * (width - cell_len(text)) + text


def _distinct(names: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    out: list[str] = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return out
