"""The decoder's command: frames of one size, upright, in RGB, on stdout, and a line about each on stderr."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import ffmpeg

from reconet_cli.video.ffmpeg.pixels import PLAIN, Layout
from reconet_cli.video.ffmpeg.process import GLOBAL_ARGUMENTS, LOG_EVERYTHING
from reconet_cli.video.probing.color import SAME_SIZE_FLAGS, SCALE_FLAGS, is_rgb
from reconet_cli.video.probing.examine import Input
from reconet_cli.video.probing.info import VideoStream
from reconet_cli.video.reading.hdr import to_sdr

# Seconds that a seek aims before what is wanted: no index says where the keyframes are, or one does.
_SEEK_MARGIN = 10
_INDEXED_MARGIN = 1
_INDEXED = ("mov", "mp4", "matroska")
_ROUNDING = Fraction(1, 10)  # generous: frames this much earlier are passed on as well


@dataclass(frozen=True)
class ReadOptions:
    """How to read: (width, height) or a factor to resize by, a new frame rate, the part to read in seconds.

    `pad` lets the first frame of the new rate stand from time 0 on, for containers that keep no frame times.
    `fields` (`tff`, `bff` or `auto`) says which field of interlaced frames came first, empty for whole frames;
    `layout` is what the frames are wanted in; frames before `known` (seconds from the beginning that was asked for)
    may be left out; HDR ones are tone-mapped to SDR where `tonemap` is set. `hardware` is ffmpeg's name of a decoder on
    a graphics chip, and its device (`cuda:1`). `smooth` chroma is interpolated, as players show it, also in frames that
    keep their size. `prompt` frames come out before the next ones are in, which keeps threads idle.
    """

    size: tuple[int, int] | None = None
    scale: Fraction | None = None
    rate: Fraction | None = None
    pad: bool = False
    start: Fraction | None = None
    duration: Fraction | None = None
    fields: str = ""
    known: Fraction = Fraction(0)
    layout: Layout = PLAIN
    tonemap: bool = True
    hardware: str = ""
    smooth: bool = False
    prompt: bool = False


def decode_command(program: str, found: Input, options: ReadOptions) -> list[str]:
    """Build the decoder's command: frames in `options.layout` on stdout, one showinfo line on stderr for each.

    Times stay on the input's clock (-copyts): what ffmpeg would subtract depends on the streams in use, and
    the encoder uses others than the decoder.
    """
    info, video = found.info, found.video
    stream = _part(found, options)
    if options.fields:
        stream = stream.filter("bwdif", mode="send_frame", parity=options.fields, deint="all")
    if options.rate:
        stream = _even(stream, options.rate, found.origin(options.start), pad=options.pad)
    if options.known > _ROUNDING:
        # Here already, so that nobody converts and passes on what is left out.
        stream = stream.filter("trim", start=seconds(found.origin(options.start) + options.known - _ROUNDING))
    color = {} if is_rgb(video.pixel_format) else video.color.settled(video.height).scale_in()
    if video.limited_gray:
        # swscale takes every gray picture for a full-range one, whatever it is told.
        most, unit = (1 << video.gray_bits) - 1, 1 << video.gray_bits - 8
        stream = stream.filter("lut", c0=f"clip(round((val-{16 * unit})*{most}/{219 * unit}),0,{most})")
    size = _scaled_size(video, options, info.is_picture or info.format == "concat")
    same = not info.is_picture and (size["w"], size["h"]) == video.shown_size
    flags = SAME_SIZE_FLAGS if same and not options.smooth else SCALE_FLAGS
    stream = stream.filter("scale", **size, **color, out_range="pc", flags=flags)
    if video.color.hdr and options.tonemap:
        stream = to_sdr(stream, video.color)
    stream = stream.filter("format", pix_fmts=options.layout.name).filter("showinfo", checksum=0)
    only: dict[str, Any] = {"frames:v": 1} if info.is_picture else {}
    if options.prompt:
        only["threads"] = 1  # of the copying into the pipe
    output = ffmpeg.output(stream, "pipe:1", f="rawvideo", fps_mode="passthrough", enc_time_base="1/1000000", **only)
    return [program, *GLOBAL_ARGUMENTS, "-copyts", *LOG_EVERYTHING, *ffmpeg.get_args(output)]


def _even(stream: Any, rate: Fraction, origin: Fraction, *, pad: bool) -> Any:
    """Frames at a constant rate; `pad` repeats the first one back to the origin."""
    # The first frame is put in the middle of a slot: where times fall between two slots, the smallest rounding
    # in them (Matroska's milliseconds) would double one frame and drop the next.
    zero = seconds(origin)
    stream = stream.filter("setpts", f"PTS-STARTPTS+(round((STARTT-{zero})*{rate})/({rate})+{zero})/TB")
    return stream.filter("fps", fps=str(rate), **({"start_time": zero} if pad else {}))


def _part(found: Input, options: ReadOptions) -> Any:
    """The frames from `options.start` on, for `options.duration`."""
    source, info, video, origin = found.source, found.info, found.video, found.origin(options.start)
    skip = options.start
    if skip is not None and info.format == "mpegts":
        # A seek may land behind the keyframe that is needed.
        skip = max(Fraction(0), skip - _SEEK_MARGIN)
    margin = _INDEXED_MARGIN if info.format in _INDEXED else _SEEK_MARGIN
    if options.known > margin:
        skip = (options.start or Fraction(0)) + options.known - margin
    cut: dict[str, str] = {} if skip is None else {"ss": seconds(skip)}
    if options.duration is not None:
        cut["t"] = seconds(options.duration + (options.start or 0) - (skip or 0))
    if options.prompt:
        cut["thread_type"] = "slice"  # each thread that decodes a frame of its own keeps one back
    if options.layout.alpha and video.decoder:
        cut["c:v"] = video.decoder
    elif options.hardware and not info.is_picture:
        cut["hwaccel"], _, device = options.hardware.partition(":")
        cut |= {"hwaccel_device": device} if device else {}
    stream = ffmpeg.input(source.url, **source.options, **cut)[str(video.index)]
    # What ffmpeg cuts by itself it may count from the first frame, and pictures may begin later than the rest.
    limits = {"start": seconds(origin)} if skip is not None and skip < (options.start or 0) else {}
    if options.duration is not None:
        limits["end"] = seconds(origin + options.duration)
    return stream.filter("trim", **limits) if limits else stream


def _scaled_size(video: VideoStream, options: ReadOptions, picture: bool) -> dict[str, Any]:
    if options.size:
        width, height = options.size
    elif picture:
        # A picture's rotation may stand in its EXIF data, which only the decoder sees.
        factor = float(options.scale or 1)
        return {"w": f"max(1,round(iw*{factor}))", "h": f"max(1,round(ih*{factor}))"}
    else:
        width, height = video.shown_size
        if options.scale:
            width, height = (max(2, round(n * options.scale / 2) * 2) for n in (width, height))
    return {"w": width, "h": height}


def seconds(time: Fraction) -> str:
    """A time for ffmpeg, to the microsecond that it counts in."""
    return f"{float(time):.6f}"
