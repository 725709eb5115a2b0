"""`trackway suppress`: the people whose events are not wanted."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from trackway.cli.options import JsonOption, WorkspaceOption, find_workspace
from trackway.cli.output import print_json, remark, screen
from trackway.errors import TrackwayError, why_unreadable
from trackway.workspace import load_workspace
from trackway.workspace.suppression import change_suppression, suppressed_users

suppress = typer.Typer(
    help="People whose events are not wanted.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

IdsArgument = Annotated[list[str] | None, typer.Argument(help="User ids; `-` reads one a line from standard input.")]
FileOption = Annotated[Path | None, typer.Option("--file", "-f", help="A file with one user id a line.")]


@suppress.command()
def add(
    user_ids: IdsArgument = None,
    file: FileOption = None,
    delete: Annotated[bool, typer.Option("--delete", help="Have destinations delete them, too.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Drop the events of these users from now on. What is stored or delivered already stays there, but for --delete."""
    ids = read_ids(user_ids, file)
    settings = load_workspace(find_workspace(workspace), sending=False)
    added = change_suppression(settings.data, ids, suppressed=True)
    remark(f"{len(added):,} suppressed; {len(ids) - len(added):,} were before.")
    if delete:
        from trackway.cli.deletions import ask_for

        ask_for(settings, ids)


@suppress.command()
def remove(user_ids: IdsArgument = None, file: FileOption = None, workspace: WorkspaceOption = None) -> None:
    """Take the events of these users again."""
    ids = read_ids(user_ids, file)
    removed = change_suppression(_data(workspace), ids, suppressed=False)
    remark(f"{len(removed):,} taken off the list; {len(ids) - len(removed):,} were not on it.")


@suppress.command("list")
def list_(workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """Print who is suppressed, and since when."""
    found = suppressed_users(_data(workspace)).values()
    for one in found:
        if json:
            print_json({"userId": one.user_id, "since": one.since})
        else:
            screen().print(f"{one.since}  {one.user_id}", markup=False, soft_wrap=True)
    if not json:
        remark(f"{len(found):,} suppressed.")


def _data(workspace: Path | None) -> Path:
    return load_workspace(find_workspace(workspace), sending=False).data


def read_ids(given: list[str] | None, file: Path | None) -> list[str]:
    """Return the ids that were given, read from standard input or from a file, each once.

    Raises:
        TrackwayError: there are none, or the file cannot be read.
    """
    ids = [one for one in given or () if one != "-"]
    if "-" in (given or ()):
        ids += sys.stdin.read().splitlines()
    if file is not None:
        try:
            ids += file.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise TrackwayError(f"{file} cannot be read: {why_unreadable(error)}") from error
    ids = list(dict.fromkeys(stripped for one in ids if (stripped := one.strip())))
    if not ids:
        raise TrackwayError("name the user ids, or a file of them with --file")
    return ids
