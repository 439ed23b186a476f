"""Kinds of values that options take."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

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


Value = TypeVar("Value")
if TYPE_CHECKING:
    from click import ParamType as ParamType
else:  # Until click 8.5 its own takes no type of the values.

    class ParamType(click.ParamType, Generic[Value]):
        """What an option's text is turned into."""


class Size(ParamType[tuple[int, int]]):
    """WIDTHxHEIGHT in pixels."""

    name = "WxH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        """Turn `640x360` into (640, 360)."""
        match = re.fullmatch(r"([1-9]\d{0,4})[xX×:]([1-9]\d{0,4})", str(value))
        if match is None:
            self.fail(f"{value!r} is no size like 640x360", param, ctx)
        return int(match[1]), int(match[2])


class Ratio(ParamType[Fraction]):
    """A positive number: decimal or a fraction such as 30000/1001."""

    name = "number"

    def __init__(self, most: int, name: str) -> None:
        self.most = most
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        """Turn `29.97` or `30000/1001` into an exact Fraction."""
        try:
            number = Fraction(str(value))
        except (ValueError, ZeroDivisionError):
            self.fail(f"{value!r} is not a number", param, ctx)
        if not 0 < number <= self.most:
            self.fail(f"{value} is not above 0 and at most {self.most}", param, ctx)
        # ffmpeg holds fractions in 32 bits each.
        return number.limit_denominator(1_000_000)


class Time(ParamType[Fraction]):
    """Seconds, or minutes and hours with colons: 83.5, 1:23.5, 0:01:23.5."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        """Turn a time into seconds."""
        match = re.fullmatch(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)", str(value))
        if match is None:
            self.fail(f"{value!r} is no time like 83.5 or 1:23.5", param, ctx)
        hours, minutes, seconds = match.groups()
        return int(hours or 0) * 3600 + int(minutes or 0) * 60 + Fraction(seconds)


class Duration(ParamType[float]):
    """Seconds, or a number with s, m or h behind it."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Turn `90`, `90s`, `1.5m` or `1h` into seconds."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value))
        if match is None or float(match[1]) == 0:
            self.fail(f"{value!r} is no time like 90 (seconds), 5m or 1h", param, ctx)
        return float(match[1]) * {"m": 60, "h": 3600}.get(match[2], 1)


class Share(ParamType[float]):
    """A share in [0, 1], for an option that may stand without one."""

    name = "0..1"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Turn `0.7` into a number."""
        try:
            share = float(value)
        except ValueError:
            self.fail(f"{value!r} is not a number; without one, the option has to come behind the names", param, ctx)
        if not 0 <= share <= 1:
            self.fail(f"{value} is not between 0 and 1", param, ctx)
        return share


# With a help of its own in each command.
deflicker_option = partial(click.option, "--deflicker", type=Share(), is_flag=False, flag_value=1.0, default=0.0)

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
