"""Frames into a video file: the whole file at once, or its pictures in parts that are joined at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from subprocess import DEVNULL

from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.writing.counting import Made
from reconet_cli.video.writing.encode import Encoding, Look, Original, video_command
from reconet_cli.video.writing.join import Part, join
from reconet_cli.video.writing.writer import FfmpegWriter, RawFeed, TimedFeed, Writer


@dataclass(frozen=True)
class VideoOutput:
    """What to make of frames, and of everything else in the `original`. `rate` is the nominal frame rate."""

    program: str
    look: Look
    encoding: Encoding
    rate: Fraction
    language: str
    original: Original | None

    def writer(self, name: str, part: Path | str, stdout: int = DEVNULL) -> Writer:
        """Write a whole video to a file, an address or (`pipe:1`) `stdout`; it is called `name` in messages."""

        def command(first: Frame) -> list[str]:
            return video_command(self.program, part, self.look, self.encoding, self.original, first)

        even, second = self.encoding.needs_even_size, self.original.second if self.original else None
        made = self._made(part) if isinstance(part, Path) else None
        return FfmpegWriter(name, command, self._feed(), even=even, stdout=stdout, second=second, made=made)

    def part_writer(self, path: Path, part: Path) -> Writer:
        """Write a part of the video, pictures alone, whose own clock begins with its first frame."""

        def command(first: Frame) -> list[str]:
            return video_command(self.program, part, self.look, self.encoding, None, replace(first, time=Fraction(0)))

        even = self.encoding.needs_even_size
        return FfmpegWriter(str(path), command, self._feed(), even=even, made=self._made(part))

    def join(self, parts: Sequence[Part], frames: int, path: Path) -> None:
        """Write the parts, so many `frames`, and everything else to `path`. Raises MediaError."""
        join(self.program, parts, path, self.encoding, self.original)
        self._made(path).check(frames)

    def _made(self, path: Path) -> Made:
        """What to look for in a finished file."""
        return Made(self.program, path, counted=self.encoding.counted)

    def _feed(self) -> RawFeed:
        ticks = self.encoding.ticks
        return TimedFeed(self.rate, ticks, self.language) if ticks else RawFeed()
