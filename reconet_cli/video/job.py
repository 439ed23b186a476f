"""An input that is read and an output that is written, and what there is to say about them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from reconet_cli.video.choices import video_codec
from reconet_cli.video.compare import compare_durations
from reconet_cli.video.ffmpeg.pixels import PLAIN, Layout
from reconet_cli.video.ffmpeg.standard_streams import output_descriptor
from reconet_cli.video.inputs.names import is_stream
from reconet_cli.video.inputs.second_reader import SecondReader
from reconet_cli.video.inputs.series import SeriesTarget
from reconet_cli.video.inputs.standard_input import NAME, RawReader, StandardInput
from reconet_cli.video.inputs.y4m import left_in
from reconet_cli.video.probing.color import Color, is_rgb
from reconet_cli.video.probing.info import MediaInfo, VideoStream
from reconet_cli.video.probing.source import Source
from reconet_cli.video.probing.tags import Tags, read_tags
from reconet_cli.video.reading.reader import FfmpegReader, Reader
from reconet_cli.video.request import Request
from reconet_cli.video.writing.containers import PICTURES, Container
from reconet_cli.video.writing.counting import Made
from reconet_cli.video.writing.encode import (
    Encoding,
    Look,
    Original,
    clock,
    picture_command,
    planar_command,
)
from reconet_cli.video.writing.target import Target
from reconet_cli.video.writing.tracks import Cut, Kept, keep
from reconet_cli.video.writing.video_output import VideoOutput
from reconet_cli.video.writing.writer import FfmpegWriter, RawFeed, RawWriter, Writer


@dataclass
class Job:
    """An input that is being read, and everything needed to write the output.

    `total` is the expected number of frames (None: unknown), `notes` what the user should know beforehand, `second`
    where the sound of an input comes from that can be read only once, `pipe` what feeds the reader.
    As a context manager it ends the reader and removes what is unfinished.
    """

    request: Request
    program: str
    reader: Reader
    rate: Fraction
    total: int | None = None
    source: Source | None = None
    info: MediaInfo | None = None
    video: VideoStream | None = None
    layout: Layout = PLAIN
    notes: list[str] = field(default_factory=list)
    second: SecondReader | None = None
    pipe: StandardInput | None = None
    _stack: ExitStack = field(default_factory=ExitStack)
    _target: Target | SeriesTarget | None = None

    def writer(self) -> Writer:
        """Make the writer for frames of the reader's size; the output's place is taken from here on."""
        request = self.request
        if request.raw_format:
            return self._raw_writer()
        if request.to_pipe:
            return self.video_output().writer("standard output", "pipe:1", output_descriptor())
        if not (request.to_file or request.series):
            return self.video_output().writer(request.output, request.output)
        if request.series and self.info:
            self._kept(PICTURES)
        part = self.place()
        if not (request.to_picture or request.series):
            return self.video_output().writer(request.output, part)
        look, many = self._look(), request.series
        folder = self._target.folder if isinstance(self._target, SeriesTarget) else None
        return FfmpegWriter(
            request.output,
            lambda first: picture_command(self.program, part, look, series=many),
            RawFeed(),
            made=Made(self.program, folder or part, counted=False, series=many),
        )

    def place(self) -> Path:
        """Take the output's place; the file to write until `commit` gives it its name."""
        output, overwrite = self.request.output, self.request.overwrite
        target: Target | SeriesTarget
        if self.request.series:
            target = self._stack.enter_context(SeriesTarget(output, overwrite=overwrite))
        else:
            target = self._stack.enter_context(Target(Path(output), overwrite=overwrite))
        self._target = target
        self.notes += [f"{path} is removed: a killed run had left it" for path in target.stale]
        return target.part

    def commit(self) -> None:
        """Give the complete output its name."""
        if self._target:
            self._target.commit()

    def afterwards(self, count: int) -> list[str]:
        """What to tell once `count` frames are read and the output has its name."""
        if isinstance(self.reader, RawReader) and self.reader.leftover:
            return [f"{NAME} ended inside a frame: its last {self.reader.leftover} bytes are left out"]
        if self.info and self.info.format == "yuv4mpegpipe" and (left := self._left()):
            return [
                f"{self.source.name if self.source else NAME} ended inside a frame: its last {left} bytes are left out"
            ]
        # A stream that is joined half way begins with pictures that cannot be decoded.
        if isinstance(self.reader, FfmpegReader) and self.reader.damage and not is_stream(self.request.input):
            about = f" of about {self.total}" if self.total and self.total > count else ""
            return [f"{self.reader.name} is damaged: painted the {count}{about} frames that could be decoded"]
        if not isinstance(self._target, Target) or self.info is None or self.request.to_picture:
            return []
        if self.source and self.source.passing:  # nobody knows how long that would have been
            return []
        request = self.request
        return compare_durations(
            self.program, self.info, Path(request.output), self.rate, request.start, request.duration
        )

    def _left(self) -> int:
        """The bytes of a half frame at the end of y4m that was read to its end."""
        if self.request.duration is not None:
            return 0
        if self.pipe:
            return self.pipe.left
        path = Path(self.request.input)
        return left_in(path) if path.is_file() else 0

    def __enter__(self) -> Job:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _look(self) -> Look:
        width, height = self.reader.size
        width *= self.request.columns
        if self.video is None or is_rgb(self.video.pixel_format):
            color = Color().settled(height)
        elif self.video.color.hdr:
            color = Color("bt709").settled(height)
        else:
            color = self.video.color.settled(self.video.height)
        return Look((width, height), self.reader.aspect, color, self.rate, self.layout)

    def _raw_writer(self) -> Writer:
        kind = self.request.raw_format
        if kind in ("rgb24", "rgb48le"):
            return RawWriter(output_descriptor())
        look = self._look()
        look = replace(look, color=replace(look.color, full=False))
        muxer = "rawvideo" if kind == "yuv420p" else "yuv4mpegpipe"
        return FfmpegWriter(
            "standard output",
            lambda first: planar_command(self.program, look, muxer),
            RawFeed(),
            stdout=output_descriptor(),
        )

    def _kept(self, container: Container) -> Kept:
        """What of everything but the pictures gets into the output; adds to `notes` what does not."""
        assert self.source
        assert self.info
        assert self.video
        tags = Tags() if self.source.passing else read_tags(self.program, self.source)
        cut = Cut(self.request.start or Fraction(0), self.rate)
        kept = keep(self.info, tags, self.video, container, cut, sound=self.request.sound)
        self.notes += kept.notes
        return kept

    def video_output(self) -> VideoOutput:
        """How the output, a video file, is made; adds to `notes` what does not get into it as it is."""
        container = self.request.container
        ticks = clock(container, self.video.ticks if self.video else 0, self.request.rate)
        constant_rate = bool(self.request.rate) or self.video is None or self.video.constant_rate
        encoding = Encoding(
            container,
            video_codec(self.request, self.video),
            self.request.crf,
            self.request.preset,
            ticks,
            constant_rate,
            (*_prompt(self.request, self.video), *self.request.extra),
            self.request.gpu,
        )
        look = self._look()
        width, height = look.size
        if encoding.needs_even_size and (width % 2 or height % 2):
            look = replace(look, size=(width + width % 2, height + height % 2))
            grown = "{}x{}".format(*look.size)
            self.notes.append(f"{encoding.codec} needs an even size: {width}x{height} becomes {grown}")
        original = None
        source = self.source
        if source and self.info and source.passing and not self.second:
            lost = self.info.of_kind("audio") if self.request.sound else []
            self.notes += [f"sound is left out: {source.name} can be read only once"] if lost else []
        elif source and self.info:
            if self.second:
                source = replace(source, url=f"pipe:{self.second.descriptor}")
            kept = self._kept(container)
            origin = self.request.read_options(self.rate).origin(self.info)
            request = self.request
            original = Original(
                source, kept.passages, origin, request.start, request.duration, self.second, kept.options, kept.tags
            )

        language = self.video.language if self.video else ""
        return VideoOutput(self.program, look, encoding, self.rate, language, original)


def _prompt(request: Request, video: VideoStream | None) -> tuple[tuple[str, str], ...]:
    """Encoder options for a live output: no frame waits for later ones."""
    live = request.latency and not request.to_file
    return (("tune", "zerolatency"),) if live and video_codec(request, video) == "libx264" else ()
