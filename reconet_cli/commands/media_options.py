"""The options about how files, streams and devices are read and written."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from reconet_cli.commands.parameters import refuse
from reconet_cli.video.ffmpeg.hardware import DECODERS

if TYPE_CHECKING:
    from reconet_cli.stylizing.effects import Effects
    from reconet_cli.video.request import Request

_OF_ENCODERS = ("codec", "crf", "preset", "encoder", "extra")
_OF_TIME = ("fps", "start", "duration", "deflicker", "transition", "live")
_FORMATS = ["y4m", "rgb24", "rgb48le", "yuv420p", "matroska", "mp4", "mpegts"]
_ENCODING = [
    click.option("--codec", metavar="NAME", help="h264, hevc, av1, vp9, prores or ffmpeg's name of a video encoder."),
    click.option("--crf", type=click.IntRange(0, 63), help="Quality: lower is better and larger."),
    click.option("--preset", metavar="NAME", help="The encoder's speed preset."),
    click.option(
        "--encoder",
        type=click.Choice(["auto", "nvenc", "videotoolbox", "qsv", "vaapi"]),
        help="Encode on a graphics chip; auto: on one that works, if there is any.",
    ),
    click.option("-e", "extra", multiple=True, metavar="KEY=VALUE", help="An option for ffmpeg's encoder or muxer."),
    click.option("--no-audio", is_flag=True, help="Leave the sound out."),
]
_OTHERS = [
    click.option(
        "--decoder",
        type=click.Choice(["auto", *DECODERS]),
        help="Decode on a graphics chip; auto: on one that works, if there is any.",
    ),
    click.option(
        "--hdr",
        type=click.Choice(["tonemap", "reject"]),
        default="tonemap",
        show_default=True,
        help="What to do with high dynamic range (PQ, HLG).",
    ),
    click.option(
        "--input-format",
        type=click.Choice(["rgb24", "rgb48le", "yuv420p"]),
        default="rgb24",
        show_default=True,
        help="What raw frames on standard input are.",
    ),
    click.option("--allow-playlists", "lists", is_flag=True, help="Read an INPUT that is a list of other files."),
    click.option("--live", is_flag=True, help="For cameras and streams: drop late frames to keep up."),
    click.option(
        "--latency",
        type=click.FloatRange(0, min_open=True),
        default=0.5,
        show_default=True,
        help="How late --live frames may be, in seconds.",
    ),
    click.option("--format", type=click.Choice(_FORMATS), help="What goes to standard output."),
]


def gpu_number(device: str) -> int | None:
    """The number in a device's name (`cuda:1`), None where there is none."""
    match = re.fullmatch(r"cuda:(\d+)", device)
    return int(match[1]) if match else None


def check_encoding(requests: Sequence[Request]) -> None:
    """Raise UsageError for options of a video's encoder where nothing is encoded as a video."""
    if all(request.raw_format for request in requests):
        refuse(_OF_ENCODERS, f"is about encoded video, and {requests[0].raw_format} is none")
    elif all(request.output.endswith(("/", os.sep)) or _is_still(request) for request in requests):
        refuse(_OF_ENCODERS, "is about video, not about pictures")


def check_moving(request: Request, effects: Effects) -> None:
    """Raise UsageError for options about time where a single picture is painted."""
    if request.to_one_picture:
        over_time = ["strength"] if effects.moving == "strength" else []
        refuse([*_OF_TIME, *over_time], "is about video, not about a picture")


def _is_still(request: Request) -> bool:
    """Whether the output is named like a picture, or like a pattern for many, of a kind that does not move."""
    return request.to_picture and not request.output.lower().endswith(".webp")


def media_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command; it gets them as one `media`, keyword arguments of Request."""

    @functools.wraps(command)
    def with_media(*, media: dict[str, Any], live: bool, latency: float, **options: Any) -> Any:
        if not live:
            refuse(["latency"], "needs --live")
        media |= {name: options.pop(name) for name in ("decoder", "hdr", "input_format", "format", "lists")}
        media["latency"] = latency if live else 0.0
        return command(media=media, **options)

    for option in reversed(_OTHERS):
        with_media = option(with_media)
    return encoding_options(with_media)


def encoding_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options about the output file alone; the command gets them as one `media`, as with `media_options`."""

    @functools.wraps(command)
    def with_encoding(*, extra: tuple[str, ...], no_audio: bool, **options: Any) -> Any:
        media = {name: options.pop(name) for name in ("codec", "crf", "preset", "encoder")}
        media |= {"extra": tuple(_key_and_value(text) for text in extra), "sound": not no_audio}
        return command(media=media, **options)

    for option in reversed(_ENCODING):
        with_encoding = option(with_encoding)
    return with_encoding


def _key_and_value(text: str) -> tuple[str, str]:
    match = re.fullmatch(r"-?([A-Za-z][\w:.-]*)=(.*)", text, re.DOTALL)
    if match is None or match[1] in ("i", "f", "map", "y", "n"):
        raise click.UsageError(f"-e {text}: give an encoder's option as key=value, like -e tune=film")
    return match[1], match[2]
