"""Questions before something that cannot be taken back."""

from __future__ import annotations

import sys

import click

from reconet_cli.errors import ReconetError


def agreed(question: str, error: type[ReconetError] = ReconetError) -> bool:
    """Whether the user says yes. Raises `error` where nobody can."""
    from reconet_cli import console

    try:
        said = click.confirm(question, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise error("nobody is there to answer", "-y goes on without asking") from None
    if not said:
        console.note("nothing has changed")
    return said
