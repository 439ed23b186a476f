"""`reconet styles`: what there is to paint with, and keeping one's own."""

from __future__ import annotations

import json as json_format
from pathlib import Path

import click

from reconet_cli.commands.asking import agreed
from reconet_cli.commands.suggestions import suggest_files, suggest_styles
from reconet_cli.errors import StyleError


@click.group(
    "styles",
    invoke_without_command=True,
    help="List the styles that are there: shipped ones and your own. Commands show one of them and keep your own.",
)
@click.option("--json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--sheet", type=click.Path(dir_okay=False, path_type=Path), help="Write all previews as one picture.")
@click.option("-y", "--yes", is_flag=True, help="Overwrite the picture.")
@click.pass_context
def command(ctx: click.Context, json: bool, sheet: Path | None, yes: bool) -> None:
    if ctx.invoked_subcommand:
        if json or sheet or yes:
            raise click.UsageError(
                f"options of the list do not go with `{ctx.invoked_subcommand}`; put others behind it"
            )
        return
    from reconet_cli.styles.finding import list_styles
    from reconet_cli.styles.listing import description
    from reconet_cli.system.folders import styles_folder

    styles = list_styles()
    if sheet:
        from reconet_cli import console
        from reconet_cli.styles.sheets import write_style_sheet

        write_style_sheet(sheet, styles, overwrite=yes)
        console.note(f"{sheet}: {len(styles)} styles")
        return
    if json:
        entries = [
            {"name": s.name, "folder": str(s.folder), "variants": {k: str(v) for k, v in s.variants.items()}}
            for s in styles
        ]
        click.echo(json_format.dumps(entries, indent=2))
        return
    for style in styles:
        click.echo(f"{style.name:<14}{', '.join(sorted(style.variants)):<20}{description(style)}")
        click.echo(f"{'':<14}{style.folder}")
    click.echo(f"{len(styles)} styles; your own go to {styles_folder()}")


@command.command("show", help="Say everything that is known about a style.")
@click.argument("name", shell_complete=suggest_styles)
def show(name: str) -> None:
    from reconet_cli.styles.finding import named_style
    from reconet_cli.styles.listing import describe

    style = named_style(name)
    click.echo(style.name)
    for what, words in describe(style):
        click.echo(f"  {what:<14}{words}")


@command.command(
    "add",
    help="Add a style: a weights file, a style's folder, a zip of one, or the http(s) address of a file.",
    short_help="Add a style from a file, folder, zip or address.",
)
@click.argument("what", metavar="FILE|FOLDER|ZIP|URL", shell_complete=suggest_files)
@click.option("--name", help="What to call it.  [default: what it is called there]")
@click.option("-y", "--yes", is_flag=True, help="Replace a style of that name without asking.")
def add(what: str, name: str | None, yes: bool) -> int:
    from reconet_cli import console
    from reconet_cli.styles.arriving import arriving
    from reconet_cli.styles.keeping import check_name, keep_style, style_in_the_way

    if name is not None:
        check_name(name)
    with arriving(what) as arrival:
        name = check_name(arrival.name if name is None else name)
        there = style_in_the_way(name)
        does = "Hide the shipped style" if there and there.shipped else "Replace the style"
        if there and not yes and not agreed(f"{does} {name!r} ({there.folder})?", StyleError):
            return 1
        folder = keep_style(arrival, name, replace=yes or (there is not None and not there.shipped))
    console.note(f"{folder}: paint with `reconet stylize INPUT OUTPUT --style {name}`")
    return 0


@command.command("rename", help="Give one of your own styles another name.")
@click.argument("old", shell_complete=suggest_styles)
@click.argument("new")
def rename(old: str, new: str) -> None:
    from reconet_cli import console
    from reconet_cli.styles.keeping import rename_style

    console.note(f"{rename_style(old, new)}: it was called {old}")


@command.command("remove", help="Remove one of your own styles, and what training keeps beside it.")
@click.argument("name", shell_complete=suggest_styles)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def remove(name: str, yes: bool) -> int:
    from reconet_cli import console
    from reconet_cli.styles.keeping import contents, own_style, remove_style

    style = own_style(name)
    kept = contents(style)
    if not yes and not agreed(f"Remove {style.folder} ({kept.files} files, {kept.size / 1e6:.1f} MB)?", StyleError):
        return 1
    remove_style(name)
    console.note(f"removed {name}")
    return 0


@command.command("export", help="Write a style as a zip for others: weights, card and preview.")
@click.argument("name", shell_complete=suggest_styles)
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--with-picture", is_flag=True, help="Put in the picture, too, if it is in the style's folder.")
@click.option("-y", "--yes", is_flag=True, help="Overwrite OUTPUT.")
def export(name: str, output: Path, with_picture: bool, yes: bool) -> None:
    from reconet_cli import console
    from reconet_cli.styles.keeping import pack_style

    files = pack_style(name, output, with_picture=with_picture, overwrite=yes)
    console.note(f"{output}: {', '.join(files)}")
