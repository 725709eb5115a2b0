"""A group of commands whose modules are imported when they are used: `--help` and completion import none of them."""

import importlib
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from trackway.errors import TrackwayError


class LazyGroup(TyperGroup):
    """Commands from a table; an error that says what to do ends them as one sentence and exit code 1."""

    lazy: ClassVar[dict[str, tuple[str, str]]]
    """Name to the module that has a function or a group of that name, and one line of help."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, (_, line) in self.lazy.items():
            self.commands[name] = TyperCommand(name, help=line)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the table."""
        return list(self.commands)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the name, the real command and what is left of `args`; until here commands are only names."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in self.lazy:
            command = self._load(name)
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except TrackwayError as error:
            from trackway.cli.output import complain

            complain(str(error))
            raise typer.Exit(1) from error

    def _load(self, name: str) -> Any:
        module, _ = self.lazy[name]
        found = getattr(importlib.import_module(module), name)
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        single.command(name)(found)
        command = typer.main.get_command(single)
        command.context_settings.setdefault("help_option_names", ["-h", "--help"])
        return command
