"""What a user asks for."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from reconet_cli.video.inputs.series import is_pattern
from reconet_cli.video.probing.source import PICTURE_SUFFIXES
from reconet_cli.video.reading.decode import ReadOptions
from reconet_cli.video.writing.containers import PIPES, Container, container_of, is_stream

PIPE = "-"


@dataclass(frozen=True)
class Request:
    """What to read and write, and how; `-` is standard input or output; (width, height); times in seconds.

    `format` is that of standard output, None to choose by the input; `hdr` is what to do with high dynamic range:
    tonemap or reject; `encoder` and `decoder` are families of those on graphics chips, `auto` for any, empty for none;
    `gpu` is the number of the NVIDIA one that paints, if it was said, which then decodes and encodes as well;
    `extra` are keys and values for ffmpeg's encoder and muxer; `sound` is False to leave it out; `input_format` is that
    of raw frames on standard input; `latency` is the seconds within which frames of a live input should get through, 0
    for an input whose every frame counts. `series` and `animated` are set when the input turns out to be a video for an
    output that is named like a picture: many pictures, or a moving one. A painted frame is `columns` times as wide as
    the one that was read. `smooth` chroma is interpolated (see `ReadOptions`). `lists` of other files (playlists,
    manifests) are read, too. `others` are read besides the input: no output may replace them, either.
    """

    input: str
    output: str
    size: tuple[int, int] | None = None
    scale: Fraction | None = None
    rate: Fraction | None = None
    start: Fraction | None = None
    duration: Fraction | None = None
    codec: str | None = None
    crf: int | None = None
    preset: str | None = None
    format: str | None = None
    overwrite: bool = False
    ffmpeg: str | None = None
    hdr: str = "tonemap"
    encoder: str | None = None
    decoder: str | None = None
    gpu: int | None = None
    extra: tuple[tuple[str, str], ...] = ()
    sound: bool = True
    input_format: str = "rgb24"
    latency: float = 0.0
    series: bool = False
    animated: bool = False
    columns: int = 1
    smooth: bool = False
    lists: bool = False
    others: tuple[str, ...] = ()

    @property
    def to_picture(self) -> bool:
        """True where the output's name is that of a picture."""
        return not (self.to_pipe or self.series or self.animated) and _is_picture(self.output)

    @property
    def to_one_picture(self) -> bool:
        """True where the output can be nothing but one picture that does not move."""
        moves = self.output.lower().endswith(".webp") or is_pattern(Path(self.output))
        return self.to_picture and not moves

    @property
    def pictures(self) -> bool:
        """True where the output is one picture or many."""
        return self.to_picture or self.series

    @property
    def to_pipe(self) -> bool:
        """True for standard output."""
        return self.output == PIPE

    @property
    def to_file(self) -> bool:
        """True where the output is one file."""
        return not (self.to_pipe or self.series or is_stream(self.output))

    @property
    def raw_format(self) -> str:
        """How standard output holds frames without a container, empty where there is one."""
        return (self.format or "y4m") if self.to_pipe and self.format not in PIPES else ""

    @property
    def container(self) -> Container:
        """What video goes into. Raises MediaError where the output's name says nothing that is known."""
        return PIPES[self.format] if self.to_pipe and self.format else container_of(self.output)

    def read_options(self, rate: Fraction) -> ReadOptions:
        """How to read an input whose frames come at about `rate`."""
        keeps_times = not (self.raw_format or self.series) and (self.to_picture or self.container.times)
        return ReadOptions(
            size=self.size,
            scale=self.scale,
            rate=self.rate if keeps_times else rate,
            pad=not keeps_times and not self.raw_format,
            start=self.start,
            duration=self.duration,
            hardware=self.decoder or "",
            smooth=self.smooth,
            prompt=self.latency > 0,
        )


def _is_picture(name: str) -> bool:
    return Path(name).suffix.lower() in PICTURE_SUFFIXES
