"""The options about how a painted frame is shown."""

from __future__ import annotations

import functools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import click

from reconet_cli.commands.parameters import Text, deflicker_option, read_time
from reconet_cli.commands.suggestions import suggest_files
from reconet_cli.errors import ReconetError


def _span(text: str) -> tuple[Fraction, Fraction]:
    """TIME or TIME-TIME; a single time is where the span ends that begins at 0."""
    times = [read_time(part.removesuffix("s")) for part in text.split("-", 1)]
    start, end = times if len(times) == 2 else (Fraction(0), times[0])
    if start >= end:
        raise ValueError(f"{text!r} ends before it begins")
    return start, end


# Those that stand in a group of their own in --help.
GROUP = "--mix --transition --mask --compare"
_PLAIN = ("transition", "deflicker", "keep_color", "strength", "compare")
_SHARE = click.FloatRange(0, 1)
deflicker = deflicker_option(
    help="Take out flicker: carry brush strokes along with the motion. How much, 0 to 1; 1 if left out.",
)
keep_color = click.option("--keep-color", is_flag=True, help="Keep the input's colors, paint light and dark.")
strength = click.option("--strength", type=_SHARE, default=1.0, help="0 is the input, 1 the painting.")
mask = click.option(
    "--mask", metavar="FILE|#RRGGBB", shell_complete=suggest_files, help="Paint where this is white, or of this color."
)
_OPTIONS = [
    click.option("--mix", type=_SHARE, help="Share of the second --style, 0 to 1."),
    click.option(
        "--transition", type=Text("time", _span), help="When the second --style replaces the first: 2s, or 0:10-0:12."
    ),
    deflicker,
    keep_color,
    strength,
    mask,
    click.option("--compare", type=click.Choice(["side", "split"]), help="Show the input, too."),
]


def effect_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command that takes `styles`; it gets them as one `effects`. Wrong use raises UsageError."""

    @functools.wraps(command)
    def with_effects(*, styles: tuple[str, ...], mix: float | None, mask: str | None, **options: Any) -> Any:
        from reconet_cli.stylizing.effects import Effects

        effects = Effects(mask=checked_mask(mask), mix=mix or 0.0, **{name: options.pop(name) for name in _PLAIN})
        _check_styles(len(styles), mix is not None, effects.transition is not None)
        return command(styles=styles, effects=effects, **options)

    for option in reversed(_OPTIONS):
        with_effects = option(with_effects)
    return with_effects


def checked_mask(mask: str | None) -> str | None:
    """A mask whose color key, if it is one, can be read. Raises UsageError."""
    from reconet_cli.stylizing.effects.masks import parse_key

    if mask and mask.startswith("#"):
        try:
            parse_key(mask)
        except ReconetError as wrong:
            raise click.UsageError(f"--mask: {wrong}") from wrong
    return mask


def _check_styles(count: int, mixed: bool, moving: bool) -> None:
    if count > 2:
        raise click.UsageError("at most two --style")
    if count == 2 and mixed == moving:
        raise click.UsageError("two --style need --mix or --transition, one of them")
    if count == 1 and (mixed or moving):
        raise click.UsageError("--mix and --transition need two --style")
