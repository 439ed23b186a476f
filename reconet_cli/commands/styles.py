"""`reconet styles`: what there is to paint with."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import Any

import click


@click.command("styles", help="List the styles that are there: shipped ones and your own.")
@click.option("--json", is_flag=True, help="Print JSON instead of a table.")
def command(json: bool) -> None:
    from reconet_cli.styles.finding import list_styles
    from reconet_cli.system.folders import styles_folder

    styles = list_styles()
    if json:
        entries = [
            {"name": s.name, "folder": str(s.folder), "variants": {k: str(v) for k, v in s.variants.items()}}
            for s in styles
        ]
        click.echo(json_format.dumps(entries, indent=2))
        return
    for style in styles:
        click.echo(f"{style.name:<14}{', '.join(sorted(style.variants)):<20}{_looks(style.folder)}")
        click.echo(f"{'':<14}{style.folder}")
    click.echo(f"{len(styles)} styles; your own go to {styles_folder()}")


def _looks(folder: Path) -> str:
    """The one line of a style's card that says what it looks like."""
    try:
        card: dict[str, Any] = json_format.loads((folder / "card.json").read_text(encoding="utf-8"))
        return str(card.get("looks", ""))
    except (OSError, ValueError):
        return ""
