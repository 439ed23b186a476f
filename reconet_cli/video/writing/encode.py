"""The commands that turn frames on stdin into a video file, a picture or y4m."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from reconet_cli.video.ffmpeg.encoders import PICTURES, encoder_options
from reconet_cli.video.ffmpeg.hardware import device_options, encoder_device, on_chip
from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.ffmpeg.process import GLOBAL_ARGUMENTS, LOG_PROBLEMS
from reconet_cli.video.plan import Encoding, FrameFormat, Original, Plan
from reconet_cli.video.probing.color import SCALE_FLAGS, Color, is_rgb
from reconet_cli.video.probing.source import file_url, picture_suffix
from reconet_cli.video.reading.decode import seconds

_SHORTEST = Fraction(1, 1000)  # seconds of a frame that ffmpeg's muxers can guess


def video_command(program: str, path: Path | str, plan: Plan, first: Frame) -> list[str]:
    """Frames (Matroska with times, or raw where they have none) on stdin into a file or to an address.

    `first` is the first frame: when it is shown, in seconds from the original's origin, keeps sound in step.
    """
    frames, encoding, original = plan.frames, plan.encoding, plan.original
    assert encoding is not None
    if encoding.ticks is None:
        stream = _raw(frames)
    else:
        # The feed counts from its first frame. There is nothing in it to analyze.
        stream = ffmpeg.input("pipe:0", f="matroska", itsoffset=seconds(first.time), analyzeduration=0, fpsprobesize=0)
    if encoding.codec == "gif":
        picture = _gif(stream, frames)
    else:
        picture = _picture(stream["v:0"], frames, encoding.encoder.format_of(frames.layout))
        picture = picture.filter("hwupload") if encoding.encoder.upload else picture
    options: dict[str, Any] = {
        "f": encoding.container.muxer,
        **encoder_options(encoding.codec, encoding.crf, encoding.preset),
        **encoding.container.options,
        **(original.kept.options if original else {}),
        **({} if encoding.codec == "gif" else frames.color.encoder_tags()),
        "fps_mode": "passthrough",
    }
    if encoding.ticks:
        options["enc_time_base:v"] = f"1/{encoding.ticks}"
    if encoding.container.reorders == "none" or (
        encoding.container.reorders == "constant_rate" and not encoding.constant_rate
    ):
        options["bf"] = 0
    if encoding.ticks and first.duration <= _SHORTEST and encoding.container.muxer in ("mp4", "mov"):
        # ffmpeg before 6 knows no duration of the last frame then, and with none it is not shown.
        options["bsf:v:0"] = f"setts=pts=PTS:dts=DTS:duration={max(1, round(first.duration * encoding.ticks))}"
    options |= codec_tag(encoding) | dict(encoding.extra)
    streams = [picture]
    if original:
        streams += other_streams(original, options)
        if original.piped and original.duration is not None:
            # Whoever joins a stream hears before he sees, and the decoder counts from the first picture.
            options["t"] = seconds(first.time + original.duration)
    device: list[str] = []
    if on_chip(encoding.codec):
        device, own = device_options(encoding.codec, encoder_device(program, encoding.codec, encoding.gpu) or "")
        options = own | options
    address = file_url(path) if isinstance(path, Path) else path
    return whole_command(
        program, ffmpeg.output(*streams, address, **options), "-copyts", "-y", *device, tags=tags_of(original)
    )


def codec_tag(encoding: Encoding) -> dict[str, Any]:
    """The option that marks HEVC in mp4 the one way that Apple's players know."""
    apple = encoding.codec.startswith(("libx265", "hevc_")) and encoding.container.muxer in ("mp4", "mov")
    return {"tag:v:0": "hvc1"} if apple else {}


def picture_command(program: str, path: Path, frames: FrameFormat, *, series: bool = False) -> list[str]:
    """One raw frame on stdin into a picture file, or (`series`) many into those that the pattern `path` numbers."""
    suffix = picture_suffix(path)
    bt601 = Color("smpte170m", full=suffix == ".jpg").settled(frames.size[1])
    codec, encoder = PICTURES[suffix]
    stream = _picture(_raw(frames)["v:0"], replace(frames, color=bt601), encoder.format_of(frames.layout))
    # -update 1: a % in the name is a %.
    count = {"fps_mode": "passthrough"} if series else {"update": 1, "frames:v": 1}
    output = ffmpeg.output(stream, file_url(path), f="image2", **{"c:v": codec}, **count, **encoder.options)
    return whole_command(program, output, "-y")


def planar_command(program: str, frames: FrameFormat, muxer: str) -> list[str]:
    """Raw frames on stdin into yuv420p on stdout, with headers (yuv4mpegpipe) or without (rawvideo)."""
    stream = _picture(_raw(frames)["v:0"], frames, "yuv420p")
    return whole_command(program, ffmpeg.output(stream, "pipe:1", f=muxer, fps_mode="passthrough", threads=1))


def _raw(frames: FrameFormat) -> Any:
    layout, rate = frames.layout.name, str(frames.rate)
    return ffmpeg.input("pipe:0", f="rawvideo", pix_fmt=layout, video_size=frames.size, framerate=rate)


def _picture(stream: Any, frames: FrameFormat, pixel_format: str | None) -> Any:
    stream = stream.filter("scale", **frames.color.scale_out(), flags=SCALE_FLAGS)
    if pixel_format:
        stream = stream.filter("format", pix_fmts=pixel_format)
    if not is_rgb(pixel_format or ""):
        stream = stream.filter("setparams", **frames.color.filter_tags())
    return stream.filter("setsar", sar=str(frames.aspect).replace("/", ":"))


def _gif(stream: Any, frames: FrameFormat) -> Any:
    # A palette for each frame: one for the whole clip would hold every frame in memory.
    split = stream["v:0"].filter_multi_output("split", 2)
    palette = split[0].filter("palettegen", stats_mode="single", reserve_transparent=int(frames.layout.alpha))
    return ffmpeg.filter([split[1], palette], "paletteuse", new=1)


def other_streams(original: Original, options: dict[str, Any]) -> list[Any]:
    """The original's other streams; adds to `options` how they, its tags and its chapters get across."""
    cut: dict[str, Any] = {"itsoffset": seconds(-original.origin)}
    if original.start is not None:
        cut["ss"] = seconds(original.start)
        if original.origin < original.start:
            # The clock begins below zero. ffmpeg takes that much too much away, unless it is told a time on that clock.
            cut |= {"ss": seconds(original.origin), "seek_timestamp": 1}
        # ffmpeg would cut decoded sound by times from before `itsoffset`: too much. It is cut at zero below.
        cut["noaccurate_seek"] = None
        # Copying begins at a keyframe, so packets from before the cut would come along.
        options["copypriorss"] = 0
    if original.duration is not None:
        options["t"] = seconds(original.duration)
    source = ffmpeg.input(original.source.url, **original.source.options, **cut)
    options |= {"map_metadata": 1, "map_chapters": 1}
    counts = {"v": 1}  # the painted one
    for passage in original.kept.passages:
        letter = passage.letter
        options[f"c:{letter}:{counts.get(letter, 0)}"] = passage.codec
        if letter == "a" and passage.codec != "copy" and original.start is not None:
            options[f"filter:a:{counts.get(letter, 0)}"] = "atrim=start=0"
        if letter == "v":
            options[f"disposition:v:{counts[letter]}"] = "attached_pic"
            if original.start is not None:
                options[f"copypriorss:v:{counts[letter]}"] = 1  # it comes before everything
        counts[letter] = counts.get(letter, 0) + 1
    # ffmpeg-python drops an input of which nothing is taken; an optional stream that is never there holds it.
    return [source[str(passage.stream.index)] for passage in original.kept.passages] or [source["a:999?"]]


def tags_of(original: Original | None) -> list[str]:
    """The arguments that set tags: ffmpeg-python gives each option once only."""
    pairs = original.kept.tags if original else []
    return [argument for option, setting in pairs for argument in (f"-{option}", setting)]


def whole_command(program: str, output: Any, *more: str, tags: Sequence[str] = ()) -> list[str]:
    """An encoder's command, from what ffmpeg-python makes of its graph."""
    *arguments, address = ffmpeg.get_args(output)
    return [program, *GLOBAL_ARGUMENTS, *more, *LOG_PROBLEMS, *arguments, *tags, address]
