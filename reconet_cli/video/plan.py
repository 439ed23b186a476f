"""What is read and what is written, decided beforehand as plain data. Nothing in here starts ffmpeg."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg.encoders import ENCODERS, NAMES, PICTURES, UNKNOWN, Encoder
from reconet_cli.video.ffmpeg.pixels import PLAIN, Layout
from reconet_cli.video.inputs.series import is_pattern, series_pattern
from reconet_cli.video.probing.color import Color, has_high_bit_depth, is_rgb
from reconet_cli.video.probing.examine import Input
from reconet_cli.video.probing.info import MediaInfo, VideoStream
from reconet_cli.video.probing.interlace import DEINTERLACED
from reconet_cli.video.probing.source import PICTURE_SUFFIXES, Source, picture_suffix
from reconet_cli.video.reading.decode import ReadOptions
from reconet_cli.video.request import Request
from reconet_cli.video.writing import containers
from reconet_cli.video.writing.containers import Container
from reconet_cli.video.writing.tracks import Cut, Kept, keep

_SLOWEST_CLOCK = 10_000  # what ffmpeg's mp4 muxer asks for
_FASTEST_CLOCK = 1_000_000
_USUAL_CLOCK = 90_000
_EVEN = ("yuv4mpegpipe", "rawvideo")  # formats whose frames come at one rate


@dataclass(frozen=True)
class Reading:
    """How an input is read: `request` has what follows from the input.

    `rate` is that of the frames that come, `total` their expected number (None: unknown). `shared` is True where the
    encoder takes sound from the pipe that is read. `notes` are what the user should know.
    """

    request: Request
    options: ReadOptions
    rate: Fraction
    total: int | None
    shared: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class FrameFormat:
    """What the frames are: (width, height), sample aspect ratio, color to encode in, nominal frame rate, layout."""

    size: tuple[int, int]
    aspect: Fraction
    color: Color
    rate: Fraction
    layout: Layout = PLAIN


@dataclass(frozen=True)
class Encoding:
    """What to make of the frames.

    `ticks` per second is the clock of frame times, None for a constant rate; `constant_rate` is False for uneven
    ones; `extra` are keys and values for ffmpeg's encoder and muxer; `gpu` is the number of the NVIDIA one to use.
    """

    container: Container
    codec: str
    crf: int | None = None
    preset: str | None = None
    ticks: int | None = None
    constant_rate: bool = True
    extra: tuple[tuple[str, str], ...] = ()
    gpu: int | None = None

    @property
    def encoder(self) -> Encoder:
        """What is known of the encoder."""
        return ENCODERS.get(self.codec, UNKNOWN)

    @property
    def counted(self) -> bool:
        """True where ffmpeg reads back as many frames as it was given; older ones read no animated WebP."""
        return not self.extra and self.container.muxer != "webp"


@dataclass(frozen=True)
class Original:
    """Where everything but the picture comes from, and what of it is `kept`.

    `start` and `duration` cut it to the painted part, None where it is not cut; `origin` is the time on its own clock
    that becomes zero. All in seconds. `piped` is True where a second pipe gives the bytes that the decoder reads.
    """

    source: Source
    kept: Kept
    origin: Fraction
    start: Fraction | None = None
    duration: Fraction | None = None
    piped: bool = False


@dataclass(frozen=True)
class Plan:
    """What is written: frames of a format, into a video file as `encoding` says, else raw or as pictures.

    `original` is None where nothing but the pictures gets across; `language` is the pictures' own. `notes` say what is
    converted or left out, and why.
    """

    frames: FrameFormat
    encoding: Encoding | None = None
    original: Original | None = None
    language: str = ""
    notes: tuple[str, ...] = ()


def asked_codec(request: Request) -> str | None:
    """The encoder that was asked for, by ffmpeg's name."""
    return NAMES.get(request.codec, request.codec) if request.codec else None


def plan_reading(request: Request, found: Input, known: Fraction = Fraction(0)) -> Reading:
    """How to read an input. Raises MediaError where it does not fit what was asked for.

    Frames that are shown before `known` (seconds, on the output's clock) may be left out.
    """
    source, info, video = found.source, found.info, found.video
    if request.start and info.duration is not None and request.start >= info.duration:
        raise MediaError(
            f"--start {float(request.start):g} is behind the end of {source.name}",
            f"it lasts {float(info.duration):g} seconds",
        )
    if request.to_picture and not info.is_picture:
        request = as_video(request)
    if info.is_picture and not request.pictures:
        raise MediaError(f"{source.name} is a picture", f"name a picture as the output: {' '.join(PICTURE_SUFFIXES)}")
    layout, losses = _layout(request, video, source.name)
    notes = [*source.notes, *_notes(request, found), *losses]
    rate = request.rate or video.rate
    fastest = 0 if request.raw_format or request.pictures else request.container.fastest
    if fastest and rate > fastest:
        notes.append(f"a {Path(request.output).suffix} holds {fastest} frames a second: {float(rate):g} become fewer")
        rate = Fraction(fastest)
        request = replace(request, rate=rate)
    options = replace(request.read_options(rate), layout=layout, fields=found.fields)
    if options.prompt and info.format in _EVEN and not request.rate:
        options = replace(options, rate=None)  # evening out waits for the next frame
    if not options.rate:  # a new rate counts its frames from the first one on
        options = replace(options, known=known)
    total = 1 if info.is_picture else _expected(info, options, options.rate or video.average)
    # The encoder cannot skip a part of a pipe, and Windows hands on no pipes.
    shared = request.start is None and os.name != "nt" and not (request.raw_format or request.pictures)
    shared = shared and request.sound and bool(info.of_kind("audio"))
    return Reading(request, options, rate, total, shared, tuple(notes))


def as_video(request: Request) -> Request:
    """A request for a video whose output is named like a picture. Raises MediaError where that cannot be."""
    if is_pattern(Path(request.output)):
        return replace(request, series=True)
    if request.output.lower().endswith(".webp"):
        return replace(request, animated=True)
    raise MediaError(
        f"{request.output} is a picture, but the input is a video", "name a video, or frame-%04d.png for many"
    )


def _notes(request: Request, found: Input) -> list[str]:
    """What to say about an input's pictures. Raises MediaError for a high dynamic range that is to be rejected."""
    name, video = found.source.name, found.video
    notes = []
    moving = [s for s in found.info.videos if not s.cover]
    if len(moving) > 1:
        notes.append(f"{name} has {len(moving)} video streams: painting the first ({video.width}x{video.height})")
    if video.captions:
        notes.append(f"{name} has captions inside its pictures (CEA-608, CEA-708): they are left out")
    if video.spatial:
        kinds = " and ".join(sorted(video.spatial))
        notes.append(f"{name} is {kinds} video: what says so is left out, and players show the pictures flat")
    if video.color.hdr:
        what = f"{name} is {video.color.hdr} (high dynamic range)"
        if request.hdr == "reject":
            raise MediaError(what, "--hdr tonemap makes it ordinary")
        notes.append(f"{what}: it is tone-mapped to ordinary colors (bt709)")
    if found.fields:
        notes.append(DEINTERLACED.format(name))
    return notes


def _layout(request: Request, video: VideoStream, name: str) -> tuple[Layout, list[str]]:
    """The layout to read in: what the input has and the output can keep; and a sentence on what gets lost."""
    if request.raw_format:
        return Layout(sixteen_bit=request.raw_format == "rgb48le"), []
    there = Layout(has_high_bit_depth(video.pixel_format), video.alpha)
    if request.pictures:
        what, encoder = PICTURES[picture_suffix(series_pattern(request.output))]
    else:
        what = _codec(request, video)
        encoder = ENCODERS.get(what, UNKNOWN)
    kept, notes = encoder.takes(there), []
    if there.sixteen_bit and not kept.sixteen_bit:
        notes.append(f"{name} has more than 8 bits a channel: {what} keeps 8")
    if there.alpha and not kept.alpha:
        notes.append(f"{name} may have transparent parts: they become opaque, because {what} has no transparency")
    return kept, notes


def _codec(request: Request, video: VideoStream | None) -> str:
    """The encoder of a video file: the one that was asked for, else the container's usual one."""
    container = request.container
    transparent = video is not None and video.alpha
    return asked_codec(request) or (transparent and container.video_with_alpha) or container.video


def _expected(info: MediaInfo, options: ReadOptions, rate: Fraction | None) -> int | None:
    span = info.duration
    if span is not None:
        span = max(Fraction(0), span - (options.start or 0))
    if options.duration is not None:
        span = options.duration if span is None else min(span, options.duration)
    return max(1, round(span * rate)) if span is not None and rate else None


def plan_writing(
    request: Request,
    found: Input | None,
    size: tuple[int, int],
    aspect: Fraction,
    rate: Fraction,
    layout: Layout = PLAIN,
    second: int | None = None,
) -> Plan:
    """What to make of frames of a `size` (width, height) and sample `aspect` ratio, and of everything beside them.

    `found` is None for raw frames, which say nothing about themselves. `second` is the descriptor of a pipe with the
    input's bytes once more, None where there is none.
    """
    video = found.video if found else None
    frames = FrameFormat((size[0] * request.columns, size[1]), aspect, _color(video, size[1]), rate, layout)
    if request.raw_format:
        return Plan(replace(frames, color=replace(frames.color, full=False)))
    if request.pictures:
        if found is None or not request.series:
            return Plan(frames)
        return Plan(frames, notes=tuple(_kept(request, found, containers.PICTURES, rate).notes))
    encoding = _encoding(request, video)
    notes = []
    if encoding.encoder.even and (even := _even(frames.size)) != frames.size:
        notes.append("{} needs an even size: {}x{} becomes {}x{}".format(encoding.codec, *frames.size, *even))
        frames = replace(frames, size=even)
    if found is None or (found.source.passing and second is None):
        lost = found.info.of_kind("audio") if found and request.sound else []
        notes += [f"sound is left out: {found.source.name} can be read only once"] if found and lost else []
        return Plan(frames, encoding, None, video.language if video else "", tuple(notes))
    kept = _kept(request, found, encoding.container, rate)
    source = found.source if second is None else replace(found.source, url=f"pipe:{second}")
    original = Original(source, kept, found.origin(request.start), request.start, request.duration, second is not None)
    return Plan(frames, encoding, original, found.video.language, (*notes, *kept.notes))


def _kept(request: Request, found: Input, container: Container, rate: Fraction) -> Kept:
    cut = Cut(request.start or Fraction(0), rate)
    return keep(found.info, found.tags, found.video, container, cut, sound=request.sound)


def _even(size: tuple[int, int]) -> tuple[int, int]:
    return size[0] + size[0] % 2, size[1] + size[1] % 2


def _color(video: VideoStream | None, height: int) -> Color:
    """The color to encode frames of a `height` in: the video's own, if it has one that is not tone-mapped."""
    if video is None or is_rgb(video.pixel_format):
        return Color().settled(height)
    return Color("bt709").settled(height) if video.color.hdr else video.color.settled(video.height)


def _encoding(request: Request, video: VideoStream | None) -> Encoding:
    container, codec = request.container, _codec(request, video)
    extra = request.extra
    if request.latency and not request.to_file and codec == "libx264":
        extra = (("tune", "zerolatency"), *extra)  # no frame waits for later ones
    return Encoding(
        container,
        codec,
        request.crf,
        request.preset,
        clock(container, video.ticks if video else 0, request.rate),
        bool(request.rate) or video is None or video.constant_rate,
        extra,
        request.gpu,
    )


def clock(container: Container, ticks: int, rate: Fraction | None) -> int | None:
    """Ticks per second of the output's frame times, None where the container keeps none.

    `ticks` is the input's clock (0: unknown); `rate` a new constant frame rate, if one was asked for.
    """
    if not container.times:
        return None
    if container.clock:
        return container.clock
    ticks = rate.numerator if rate else ticks
    if not 0 < ticks <= _FASTEST_CLOCK:
        ticks = _USUAL_CLOCK
    return ticks * -(-_SLOWEST_CLOCK // ticks) if ticks < _SLOWEST_CLOCK else ticks
