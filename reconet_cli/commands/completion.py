"""`reconet completion`: the script that lets a shell complete commands, options and the names of styles."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class


@click.command(
    "completion",
    help="""Print a script that completes commands, options and styles in SHELL.

    \b
    bash   reconet completion bash > ~/.local/share/bash-completion/completions/reconet
    zsh    reconet completion zsh > _reconet, in a folder of $fpath
    fish   reconet completion fish > ~/.config/fish/completions/reconet.fish
    """,
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    kind = get_completion_class(shell)
    assert kind
    script = kind(ctx.find_root().command, {}, "reconet", "_RECONET_COMPLETE")
    click.echo(ShellComplete.source(script))  # bash's own method would start bash, to look at its version
