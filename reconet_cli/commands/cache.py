"""`reconet cache`: what is kept to be computed only once."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from reconet_cli.commands.asking import agreed

if TYPE_CHECKING:
    from reconet_cli.system.caches import Entry


@click.command("cache", help="Show what is kept to be computed only once, or remove it.")
@click.option("--clear", is_flag=True, help="Remove all of it; it is computed again when needed.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask before --clear.")
def command(clear: bool, yes: bool) -> None:
    from reconet_cli import console
    from reconet_cli.system import caches
    from reconet_cli.system.folders import cache_folder

    kept = caches.entries()
    if clear:
        if yes or agreed(f"Remove {_told(kept)} in {cache_folder()}?"):
            caches.clear()
            console.note(f"removed {_told(kept)}")
        return
    for kind, what in caches.KINDS.items():
        mine = [entry for entry in kept if entry.kind == kind]
        last = max((entry.used for entry in mine), default=None)
        used = f"last used {datetime.fromtimestamp(last):%Y-%m-%d %H:%M}" if last else ""
        click.echo(f"{what:<24}{len(mine):>6}{_megabytes(mine):>16}   {used}".rstrip())
    limits = f"at most {caches.MOST_BYTES / 1e9:g} GB, and nothing that was not used for {caches.MOST_DAYS} days"
    click.echo(f"{cache_folder()} keeps {limits}")


def _told(kept: list[Entry]) -> str:
    return f"{len(kept)} kept {'result' if len(kept) == 1 else 'results'} ({_megabytes(kept)})"


def _megabytes(kept: list[Entry]) -> str:
    return f"{sum(entry.size for entry in kept) / 1e6:,.1f} MB"
