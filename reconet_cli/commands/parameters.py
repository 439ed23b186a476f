"""Kinds of values that options take."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from reconet_cli.commands.option_groups import GroupedCommand
from reconet_cli.system.processors import limit_processors


def refuse(names: Iterable[str], why: str) -> None:
    """Raise UsageError for an option, by its parameter's name, that was given and would change nothing here."""
    context = click.get_current_context()
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if parameter.name in names and given:
            raise click.UsageError(f"{parameter.opts[-1]} {why}")


def check_variant(styles: Sequence[str], found: Sequence[Path]) -> None:
    """Raise UsageError for --variant where each of `styles`, as the user wrote it, is the file that was `found`."""
    from reconet_cli.styles.finding import expanded

    if all(path == expanded(style) for path, style in zip(found, styles, strict=True)):
        refuse(["variant"], "is for named styles and folders, and --style is a file")


class Text(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # it takes one from click 8.5 on
    """What `read` makes of an option's text; its ValueErrors say what is wrong. `name` stands for it in --help."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Turn a text into a value."""
        try:
            return self._read(str(value))
        except ValueError as wrong:
            self.fail(str(wrong), param, ctx)


def _size(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9]\d{0,4})[xX×:]([1-9]\d{0,4})", text)
    if match is None:
        raise ValueError(f"{text!r} is no size like 640x360")
    return int(match[1]), int(match[2])


def _ratio(text: str, most: int) -> Fraction:
    try:
        number = Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{text!r} is not a number") from None
    if not 0 < number <= most:
        raise ValueError(f"{text} is not above 0 and at most {most}")
    return number.limit_denominator(1_000_000)  # ffmpeg holds fractions in 32 bits each


def read_time(text: str) -> Fraction:
    """Seconds, or minutes and hours with colons: 83.5, 1:23.5, 0:01:23.5. Raises ValueError."""
    match = re.fullmatch(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)", text)
    if match is None:
        raise ValueError(f"{text!r} is no time like 83.5 or 1:23.5")
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + Fraction(seconds)


def _duration(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text)
    if match is None or float(match[1]) == 0:
        raise ValueError(f"{text!r} is no time like 90 (seconds), 5m or 1h")
    return float(match[1]) * {"m": 60, "h": 3600}.get(match[2], 1)


def read_share(text: str, without: str = "") -> float:
    """A number from 0 to 1. Raises ValueError, which ends in `without` where there is no number."""
    try:
        share = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number{without}") from None
    if not 0 <= share <= 1:
        raise ValueError(f"{text} is not between 0 and 1")
    return share


SIZE = Text("WxH", _size)
FACTOR = Text("factor", partial(_ratio, most=16))
RATE = Text("rate", partial(_ratio, most=1000))
TIME = Text("time", read_time)
DURATION = Text("time", _duration)
SHARE = Text("0..1", partial(read_share, without="; without one, the option has to come behind the names"))


# With a help of its own in each command.
deflicker_option = partial(click.option, "--deflicker", type=SHARE, is_flag=False, flag_value=1.0, default=0.0)

# What options were called before, and are called now.
_RENAMED = {"--stabilize": "--deflicker"}


class Command(GroupedCommand):
    """A command whose options can be given by their old names, too; it says once that they have new ones."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse arguments, old names replaced."""
        return super().parse_args(ctx, [_todays(argument) for argument in args])


def _todays(argument: str) -> str:
    name, given, value = argument.partition("=")
    if name not in _RENAMED:
        return argument
    from reconet_cli import console

    console.note(f"{name} is called {_RENAMED[name]} now")
    return _RENAMED[name] + given + value


# What runs a style's network, and in what arithmetic; `auto` besides.
ENGINES = ("openvino", "torch", "onnxruntime")
PRECISIONS = ("int8", "fp32", "bf16", "fp16")
_ENGINE_OPTIONS = [
    click.option(
        "--engine", type=click.Choice(["auto", *ENGINES]), default="auto", show_default=True,
        help="What runs it; onnxruntime is for exported files.",
    ),
    click.option("--device", default="auto", show_default=True, metavar="NAME", help="cpu, cuda, cuda:1, mps, …"),
    click.option(
        "--precision", type=click.Choice(["auto", *PRECISIONS]), default="auto", show_default=True,
        help="In what arithmetic; auto: the fastest here.",
    ),
]  # fmt: skip


def engine_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --engine, --device and --precision to a command."""
    for option in reversed(_ENGINE_OPTIONS):
        command = option(command)
    return command


threads_option = click.option(
    "--threads",
    type=click.IntRange(1),
    metavar="N",
    expose_value=False,
    callback=lambda context, parameter, most: limit_processors(most) if most else None,
    help="How many processor cores to use; all if left out.",
)
