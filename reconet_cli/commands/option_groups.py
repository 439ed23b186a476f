"""Help that shows a command's options in groups, the common ones first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click


class GroupedCommand(click.Command):
    """A command with `groups`: a heading, and the options below it in their order; the rest come last."""

    def __init__(self, *args: Any, groups: Mapping[str, str] | None = None, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.groups = {heading: names.split() for heading, names in (groups or {}).items()}

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of each group."""
        options = {option.opts[-1]: option for option in self.get_params(ctx) if isinstance(option, click.Option)}
        for heading, names in self.groups.items():
            _write(heading, [options.pop(name) for name in names], ctx, formatter)
        _write("Other options" if self.groups else "Options", list(options.values()), ctx, formatter)


def _write(heading: str, options: list[click.Option], ctx: click.Context, formatter: click.HelpFormatter) -> None:
    with formatter.section(heading):
        formatter.write_dl([record for option in options if (record := option.get_help_record(ctx))])
