"""What a user asks for."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from reconet_cli.media.containers import container_of
from reconet_cli.media.decode import ReadOptions
from reconet_cli.media.source import PICTURE_SUFFIXES

PIPE = "-"


@dataclass(frozen=True)
class Request:
    """What to read and write, and how; `-` is standard input or output; (width, height); times in seconds.

    `format` is that of standard output, None to choose by the input; `hdr` is what to do with high dynamic range:
    tonemap or reject; `encoder` a family of hardware encoders, `auto` for any, None for none; `extra` are keys and
    values for ffmpeg's encoder and muxer; `sound` is False to leave it out. A painted frame is `columns`
    times as wide as the one that was read.
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
    extra: tuple[tuple[str, str], ...] = ()
    sound: bool = True
    columns: int = 1

    @property
    def to_picture(self) -> bool:
        """True where the output's name is that of a picture."""
        return self.output != PIPE and Path(self.output).suffix.lower() in PICTURE_SUFFIXES

    @property
    def to_pipe(self) -> bool:
        """True for standard output."""
        return self.output == PIPE

    def read_options(self, rate: Fraction) -> ReadOptions:
        """How to read an input whose frames come at about `rate`."""
        keeps_times = not self.to_pipe and (self.to_picture or container_of(Path(self.output)).times)
        return ReadOptions(
            size=self.size,
            scale=self.scale,
            rate=self.rate if keeps_times else rate,
            pad=not keeps_times and not self.to_pipe,
            start=self.start,
            duration=self.duration,
        )
