"""A plan carried out: frames into a file, pictures or a pipe, at once or in segments that are joined at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.ffmpeg.standard_streams import output_descriptor
from reconet_cli.video.inputs.second_reader import SecondReader
from reconet_cli.video.plan import Plan
from reconet_cli.video.request import Request
from reconet_cli.video.writing.counting import Made
from reconet_cli.video.writing.encode import picture_command, planar_command, video_command
from reconet_cli.video.writing.join import Part, join
from reconet_cli.video.writing.target import SeriesTarget, Target, Unfinished
from reconet_cli.video.writing.writer import FfmpegWriter, RawFeed, RawWriter, TimedFeed, Writer

_PIPE = "standard output"


class Output(AbstractContextManager["Output"]):
    """Writes what `request` names as `plan` says; `second` are the bytes of a pipe that sound is taken from.

    As a context manager it removes what is unfinished.
    """

    def __init__(self, program: str, request: Request, plan: Plan, second: SecondReader | None = None) -> None:
        self.plan = plan
        self.target: Unfinished | None = None
        self._program = program
        self._request = request
        self._second = second
        self._file: Made | None = None
        self._stack = ExitStack()

    def writer(self) -> Writer:
        """Make the writer for the frames; the output's place is taken from here on."""
        request, plan = self._request, self.plan
        if request.raw_format in ("rgb24", "rgb48le"):
            return RawWriter(output_descriptor())
        if request.raw_format:
            muxer = "rawvideo" if request.raw_format == "yuv420p" else "yuv4mpegpipe"
            command = planar_command(self._program, plan.frames, muxer)
            return FfmpegWriter(_PIPE, lambda first: command, RawFeed(), stdout=output_descriptor())
        if request.to_pipe:
            return FfmpegWriter(
                _PIPE, self._command("pipe:1"), self._feed(),
                even=self._even, stdout=output_descriptor(), second=self._second,
            )  # fmt: skip
        if request.pictures:
            target = self._place()
            command = picture_command(self._program, target.part, plan.frames, series=request.series)
            pictures = Made(self._program, target.made, counted=False, series=request.series)
            return FfmpegWriter(request.output, lambda first: command, RawFeed(), made=pictures)
        place = self._place().part if request.to_file else request.output
        made = self._made(place) if isinstance(place, Path) else None
        return FfmpegWriter(
            request.output, self._command(place), self._feed(), even=self._even, second=self._second, made=made
        )

    def segment_writer(self, path: Path, part: Path) -> Writer:
        """Write a segment of the video to `part`, pictures alone, whose own clock begins with its first frame."""
        command = self._command(part, replace(self.plan, original=None))
        return FfmpegWriter(
            str(path), lambda first: command(replace(first, time=Fraction(0))), self._feed(),
            even=self._even, made=self._made(part),
        )  # fmt: skip

    def join(self, segments: Sequence[Part], frames: int) -> None:
        """Write segments, so many `frames`, and everything else to the output's place. Raises MediaError."""
        assert self.plan.encoding is not None
        place = self._place().part
        join(self._program, segments, place, self.plan.encoding, self.plan.original)
        self._made(place).check(frames)

    def commit(self) -> None:
        """Give the complete output its name."""
        if self.target:
            self.target.commit()

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def stale(self) -> tuple[str, ...]:
        """A sentence for each file that was removed when the output's place was taken."""
        stale = self.target.stale if self.target else []
        return tuple(f"{path} is removed: a killed run had left it" for path in stale)

    @property
    def duration(self) -> Fraction | None:
        """How long the complete output lasts in seconds, as its file says; None where nobody has looked."""
        return self._file.duration if self._file else None

    @property
    def _even(self) -> bool:
        return self.plan.encoding is not None and self.plan.encoding.encoder.even

    def _place(self) -> Unfinished:
        name, overwrite = self._request.output, self._request.overwrite
        if self._request.series:
            self.target = self._stack.enter_context(SeriesTarget(name, overwrite=overwrite))
        else:
            self.target = self._stack.enter_context(Target(Path(name), overwrite=overwrite))
        return self.target

    def _command(self, place: Path | str, plan: Plan | None = None) -> Callable[[Frame], list[str]]:
        return lambda first: video_command(self._program, place, plan or self.plan, first)

    def _feed(self) -> RawFeed:
        plan = self.plan
        ticks = plan.encoding.ticks if plan.encoding else None
        return TimedFeed(plan.frames.rate, ticks, plan.language) if ticks else RawFeed()

    def _made(self, path: Path) -> Made:
        """What to look for in a finished file."""
        counted = self.plan.encoding is not None and self.plan.encoding.counted
        self._file = Made(self._program, path, counted=counted)
        return self._file
