"""What is known of an input, and how it is read from what `ffmpeg -i` prints where there is no ffprobe."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from reconet_cli.video.probing.color import Color, has_alpha

_INPUT = re.compile(r"^Input #0, (\S+), from ")
_DURATION = re.compile(r"^\s*Duration: ([^,]+)(?:, start: (-?[\d.]+))?")
_STREAM = re.compile(
    r"^\s*Stream #0:(\d+)(?:\[0x[0-9a-f]+\])?(?:\(([^)]*)\))?: (Video|Audio|Subtitle|Data|Attachment): (.*)$"
)
_ROTATION = re.compile(r"display ?matrix: rotation of (-?[\d.]+) degrees", re.IGNORECASE)
_SIZE = re.compile(r"^(\d+)x(\d+)")
_ASPECT = re.compile(r"SAR (\d+):(\d+)")
_NUMBER = re.compile(r"(?:^|, )(\d+(?:\.\d+)?)(k?) (fps|tbr|tbn)")
_ALPHA_MODE = re.compile(r"^\s*alpha_mode\s*: 1$", re.IGNORECASE)
_CROP = re.compile(r"^\s+Frame Cropping: (\d+)/(\d+)/(\d+)/(\d+)")  # left, right, top, bottom; from ffmpeg 7.1 on
_SPATIAL = re.compile(r"^\s+(?:(spherical|Spherical Mapping): |(?:stereo3d|Stereo 3D): (?!2D))")
# What it prints about the order of fields is not reliable: Matroska and QuickTime files say one and hold the other.
_INTERLACED = re.compile(r"(top|bottom) (coded )?first")
# The decoders that see the transparency that Matroska keeps beside a VP8 or VP9 picture.
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
_VIDEO_STANDARDS = ("h264", "hevc", "av1", "mpeg2video", "mpeg4")
_COMMAS = re.compile(r",\s+(?![^()]*\))")  # those outside brackets
_PIXELS = re.compile(r"^(\w+)(?:\((.*)\))?")
_RANGES = {"tv": False, "pc": True}
_FLAGS = re.compile(r"((?: \([a-z -]+\))*)$")  # at the end of a stream's line: (default) (hearing impaired)
_TAG = re.compile(r" \((\w{4}) / 0x[0-9A-F]{8}\)")
_FASTEST = 999  # a "rate" above this is a clock (1k fps, 90k tbr), not a frame rate


@dataclass(frozen=True)
class Stream:
    """One stream: `kind` is video, audio, subtitle, data or attachment; `codec` is ffmpeg's name for it.

    `flags` are ffmpeg's names of its dispositions (default, forced, hearing_impaired, …); `tag` is the four-character
    code that its container has for it, empty where there is none.
    """

    index: int
    kind: str
    codec: str
    language: str
    flags: frozenset[str] = field(default=frozenset(), kw_only=True)
    tag: str = field(default="", kw_only=True)


@dataclass(frozen=True)
class VideoStream(Stream):
    """A moving picture.

    `width` and `height` are the stored ones, before `crop` (columns and rows that the container takes off, where ffmpeg
    does so) and `rotation` (degrees, as ffmpeg prints it); `aspect` is the sample aspect ratio; `rate` the best guess
    at frames per second and `average` the stated one (None: unknown); `constant_rate` is False when the frame times may
    be uneven; `ticks` per second is the stream's clock; `interlaced` says how its frames are marked; `captions` is True
    where its pictures carry subtitles (CEA-608, CEA-708);
    `alpha_beside` is True where transparency is kept beside the picture; `spatial` names what else the pictures are
    than flat ones: `360°`, `3D`.
    """

    width: int
    height: int
    aspect: Fraction
    rate: Fraction
    average: Fraction | None
    constant_rate: bool
    ticks: int
    pixel_format: str
    color: Color
    cover: bool
    interlaced: bool = False
    captions: bool = False
    crop: tuple[int, int] = (0, 0)
    rotation: float = 0.0
    alpha_beside: bool = False
    spatial: frozenset[str] = frozenset()

    @property
    def alpha(self) -> bool:
        """True where parts may be transparent."""
        return self.alpha_beside or has_alpha(self.pixel_format)

    @property
    def gray_bits(self) -> int:
        """The depth of a picture without colors, 0 for others."""
        match = re.fullmatch(r"gray(\d*)[lb]?e?", self.pixel_format)
        return int(match[1] or 8) if match else 0

    @property
    def limited_gray(self) -> bool:
        """True for gray that is black at 16 and white at 235 (in 8 bits); pictures and raw video are full-range."""
        full = self.color.full
        return self.gray_bits > 0 and not (self.codec not in _VIDEO_STANDARDS if full is None else full)

    @property
    def decoder(self) -> str:
        """The decoder that sees transparency, empty where that is the usual one."""
        return _ALPHA_DECODERS.get(self.codec, "") if self.alpha_beside else ""

    @property
    def shown_size(self) -> tuple[int, int]:
        """(width, height) after cropping and rotation."""
        width, height = self.width - self.crop[0], self.height - self.crop[1]
        sideways = abs(abs(self.rotation) % 180 - 90) < 1
        return (height, width) if sideways else (width, height)


@dataclass(frozen=True)
class MediaInfo:
    """An input: ffmpeg's name of its format, seconds (None: unknown), where its clock starts, streams."""

    format: str
    duration: Fraction | None
    start: Fraction
    streams: tuple[Stream, ...]

    @property
    def video(self) -> VideoStream | None:
        """The first stream of moving pictures; cover art is none."""
        return next((s for s in self.videos if not s.cover), None)

    @property
    def videos(self) -> list[VideoStream]:
        """All video streams, cover art too."""
        return [s for s in self.streams if isinstance(s, VideoStream)]

    @property
    def is_picture(self) -> bool:
        """True for a still picture."""
        return self.format in ("image2", "ico") or (self.format.endswith("_pipe") and not self.format.startswith("yuv"))

    def of_kind(self, kind: str) -> list[Stream]:
        """The streams of one kind, in order."""
        return [s for s in self.streams if s.kind == kind]


def parse(log: str) -> MediaInfo | None:
    """Read the log of `ffmpeg -i` without level marks; None when ffmpeg could not open the input."""
    format_name = ""
    duration, start = None, Fraction(0)
    streams: list[Stream] = []
    for line in log.splitlines():
        if match := _INPUT.match(line):
            format_name = match[1].rstrip(",")
        elif match := _DURATION.match(line):
            duration, start = _seconds(match[1]), Fraction(match[2] or 0)
        elif match := _STREAM.match(line):
            streams.append(_stream(int(match[1]), match[2] or "", match[3].lower(), match[4]))
        elif streams and isinstance(streams[-1], VideoStream):
            streams[-1] = _with_side_data(streams[-1], line)
    return MediaInfo(format_name, duration, start, tuple(streams)) if format_name else None


def _with_side_data(stream: VideoStream, line: str) -> VideoStream:
    if match := _ROTATION.search(line):
        return replace(stream, rotation=float(match[1]))
    if match := _CROP.match(line):
        left, right, top, bottom = map(int, match.groups())
        return replace(stream, crop=(left + right, top + bottom))
    if match := _SPATIAL.match(line):
        return replace(stream, spatial=stream.spatial | {"360°" if match[1] else "3D"})
    return replace(stream, alpha_beside=True) if _ALPHA_MODE.match(line) else stream


def _seconds(clock: str) -> Fraction | None:
    try:
        hours, minutes, seconds = clock.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    except ValueError:  # N/A
        return None


def _stream(index: int, language: str, kind: str, text: str) -> Stream:
    codec = re.split(r"[ ,]", text, maxsplit=1)[0]
    tag = _TAG.search(text)
    more: dict[str, Any] = {"flags": _flags(text), "tag": tag[1] if tag else ""}
    if kind != "video":
        return Stream(index, kind, codec, language, **more)
    text = text.replace(" (swapped)", "")
    parts = _COMMAS.split(text)
    at = next((i for i, part in enumerate(parts) if _SIZE.match(part)), None)
    size = _SIZE.match(parts[at]) if at is not None else None
    pixels = _PIXELS.match(parts[at - 1]) if at else None
    tags = (pixels[2] or "") if pixels else ""
    aspect = _ASPECT.search(text)
    width, height = (int(size[1]), int(size[2])) if size else (0, 0)
    return VideoStream(
        index, kind, codec, language,
        width=width,
        height=height,
        aspect=Fraction(int(aspect[1]), int(aspect[2])) if aspect and int(aspect[2]) else Fraction(1),
        **_clock_of(text),
        pixel_format=pixels[1] if pixels else "",
        color=_color(tags, pixels[1] if pixels else ""),
        cover="(attached pic)" in text,
        interlaced=bool(_INTERLACED.search(tags)),
        captions=", Closed Captions" in text,
        **more,
    )  # fmt: skip


def _flags(text: str) -> frozenset[str]:
    marks = _FLAGS.search(text)
    return frozenset(name.replace(" ", "_") for name in re.findall(r"\(([^)]*)\)", marks[1] if marks else ""))


def _color(tags: str, pixel_format: str) -> Color:
    """Read `tv, bt470bg/unknown/bt709, progressive`: range, matrix/primaries/transfer or one for all."""
    full: bool | None = True if pixel_format.startswith("yuvj") else None
    names = ["unknown"] * 3
    for part in tags.split(", "):
        if part in _RANGES:
            full = _RANGES[part]
        elif "/" in part:
            names = (part.split("/") + names)[:3]
        elif re.match(r"(bt|smpte|fcc|gbr|ycgco|ictcp|film)", part):
            names = [part] * 3
    matrix, primaries, transfer = names
    return Color(matrix, primaries, transfer, full)


def _clock_of(text: str) -> dict[str, Any]:
    """The same from `29.97 fps, 30 tbr, 15360 tbn`."""
    found = {m[3]: Fraction(m[1]) * (1000 if m[2] else 1) for m in _NUMBER.finditer(text)}
    return clock(found.get("fps"), found.get("tbr"), found.get("tbn"))


def clock(average: Fraction | None, step: Fraction | None, ticks: Fraction | None) -> dict[str, Any]:
    """The fields rate, average, constant_rate and ticks of a VideoStream.

    `step` is the smallest one between two frames that ffmpeg saw; where they differ, the frame times are uneven.
    """
    average, step = (_exact_rate(r) if r and r <= _FASTEST else None for r in (average, step))
    return {
        "rate": average or step or Fraction(25),
        "average": average,
        "constant_rate": average is not None and step is not None and abs(average - step) <= step / 1000,
        "ticks": round(ticks or 0),
    }


def _exact_rate(value: Fraction) -> Fraction:
    """Undo the rounding of a rate, in print or to a container's clock: 29.97 is 30000/1001."""
    if value > 1 and value.denominator > 1:
        if f"{float(value):.2f}" == f"{round(value)}.00":
            return Fraction(round(value))
        ntsc = Fraction(round(value * 1001 / 1000) * 1000, 1001)
        if f"{float(ntsc):.2f}" == f"{float(value):.2f}":
            return ntsc
    return value
