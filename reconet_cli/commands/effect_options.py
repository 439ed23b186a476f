"""The options about how a painted frame is shown."""

from __future__ import annotations

import functools
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import click

from reconet_cli.commands.parameters import Text, deflicker_option, read_share, read_time
from reconet_cli.commands.suggestions import suggest_masks
from reconet_cli.errors import ReconetError

if TYPE_CHECKING:
    from reconet_cli.stylizing.effects.curves import Curve


def _time(text: str) -> Fraction:
    return read_time(text.removesuffix("s"))


def _transition(text: str) -> Curve:
    """TIME or TIME-TIME, any number; a single time is where a span ends that begins at 0 or where the last one ends."""
    from reconet_cli.stylizing.effects.curves import transition_curve

    spans: list[tuple[Fraction, Fraction]] = []
    for part in text.split(","):
        start, dash, end = part.rpartition("-")
        before = spans[-1][1] if spans else Fraction(0)
        spans.append((_time(start) if dash else before, _time(end)))
    return _checked(transition_curve, spans)


def _strength(text: str) -> float | Curve:
    """A number, or TIME:NUMBER, any number of them."""
    if ":" not in text:
        return read_share(text)
    from reconet_cli.stylizing.effects.curves import strength_curve

    points = [part.rpartition(":") for part in text.split(",")]
    return _checked(strength_curve, [(_time(time), read_share(value)) for time, _, value in points])


def _checked(make: Callable[[list[Any]], Curve], given: list[Any]) -> Curve:
    try:
        return make(given)
    except ReconetError as wrong:
        raise ValueError(str(wrong)) from wrong


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
    "--mask",
    metavar="person|background|FILE|#RRGGBB",
    shell_complete=suggest_masks,
    help="Paint people, or what is behind them; where FILE is white; what has this color.",
)
_OPTIONS = [
    click.option("--mix", type=_SHARE, help="Share of the second --style, 0 to 1."),
    click.option(
        "--transition",
        type=Text("times", _transition),
        help="When each next --style replaces the last: 2s, or 0:10-0:12, or 0:05,0:12 for three.",
    ),
    deflicker,
    keep_color,
    click.option(
        "--strength",
        type=Text("0..1", _strength),
        default=1.0,
        help="0 is the input, 1 the painting; over time 0:0.2,0:05:1.",
    ),
    mask,
    click.option("--compare", type=click.Choice(["side", "split"]), help="Show the input, too."),
]


def effect_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command that takes `styles`; it gets them as one `effects`. Wrong use raises UsageError."""

    @functools.wraps(command)
    def with_effects(*, styles: tuple[str, ...], mix: float | None, mask: str | None, **options: Any) -> Any:
        from reconet_cli.stylizing.effects import Effects

        effects = Effects(mask=checked_mask(mask), mix=mix or 0.0, **{name: options.pop(name) for name in _PLAIN})
        if not (len(styles) == 2 and mix is None and effects.in_parts):
            _check_styles(len(styles), mix is not None, effects.transition)
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


def _check_styles(count: int, mixed: bool, transition: Curve | None) -> None:
    if count == 1 and (mixed or transition):
        raise click.UsageError("--mix and --transition need two --style")
    if count == 2 and mixed == bool(transition):
        raise click.UsageError("two --style need --mix or --transition, one of them, or --mask person or background")
    if count > 2 and (mixed or not transition):
        raise click.UsageError(f"{count} --style need --transition with {count - 1} times; --mix is for two")
    if transition and len(transition) != 2 * (count - 1):
        raise click.UsageError(f"{count} --style need {count - 1} times in --transition, not {len(transition) // 2}")
