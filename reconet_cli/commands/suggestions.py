"""What a shell suggests for the values of options and arguments."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from reconet_cli.styles.finding import VARIANT_ORDER, list_styles


def suggest_styles(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of styles; where none begins like this, files."""
    names = [style.name for style in list_styles() if style.name.startswith(incomplete)]
    return [CompletionItem(name) for name in names] or suggest_files(ctx, param, incomplete)


def suggest_variants(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of networks."""
    return [CompletionItem(name) for name in VARIANT_ORDER if name.startswith(incomplete)]


def suggest_masks(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The masks that have names; where none begins like this, files."""
    from reconet_cli.stylizing.effects.masks import PEOPLE

    names = [CompletionItem(name) for name in PEOPLE if name.startswith(incomplete)]
    return names or suggest_files(ctx, param, incomplete)


def suggest_folders(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The shell's own suggestion of folders."""
    return [CompletionItem(incomplete, type="dir")]


def suggest_files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The shell's own suggestion of files and folders."""
    return [CompletionItem(incomplete, type="file")]
