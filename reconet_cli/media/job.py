"""From what a user asks for to a reader, a writer and what there is to say about them."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from reconet_cli.errors import MediaError
from reconet_cli.media.choices import asked_codec, fields_of, layout_for, notes_about, video_codec, with_hardware
from reconet_cli.media.colour import Colour, is_rgb
from reconet_cli.media.compare import compare_durations
from reconet_cli.media.containers import container_of, passages
from reconet_cli.media.decode import ReadOptions
from reconet_cli.media.encode import (
    Encoding,
    Look,
    Original,
    clock,
    picture_command,
    y4m_command,
)
from reconet_cli.media.encoders import check_encoder, encoder_options
from reconet_cli.media.info import MediaInfo, VideoStream
from reconet_cli.media.locate import find_ffmpeg
from reconet_cli.media.pixels import PLAIN, Layout
from reconet_cli.media.reader import FfmpegReader, Reader
from reconet_cli.media.request import PIPE, Request
from reconet_cli.media.source import PICTURE_SUFFIXES, Source, file_source, probe, video_stream
from reconet_cli.media.standard_input import NAME, RawReader, StandardInput, spooled_source
from reconet_cli.media.target import Target, check_target
from reconet_cli.media.video_output import VideoOutput
from reconet_cli.media.writer import FfmpegWriter, RawFeed, RawWriter, Writer


@dataclass
class Job:
    """An input that is being read, and everything needed to write the output.

    `total` is the expected number of frames (None: unknown), `notes` what the user should know beforehand.
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
    _stack: ExitStack = field(default_factory=ExitStack)
    _target: Target | None = None

    def writer(self) -> Writer:
        """Make the writer for frames of the reader's size; the output's place is taken from here on."""
        if self.request.to_pipe:
            return self._pipe_writer()
        path, part = Path(self.request.output), self.place()
        if self.request.to_picture:
            look = self._look()
            return FfmpegWriter(str(path), lambda first: picture_command(self.program, part, look), RawFeed())
        return self.video_output().writer(path, part)

    def place(self) -> Path:
        """Take the output's place; the file to write until `commit` gives it its name."""
        self._target = self._stack.enter_context(Target(Path(self.request.output), overwrite=self.request.overwrite))
        return self._target.part

    def commit(self) -> None:
        """Give the complete output its name."""
        if self._target:
            self._target.commit()

    def afterwards(self, count: int) -> list[str]:
        """What to tell once `count` frames are read and the output has its name."""
        if isinstance(self.reader, RawReader) and self.reader.leftover:
            return [f"{NAME} ended inside a frame: its last {self.reader.leftover} bytes are left out"]
        if isinstance(self.reader, FfmpegReader) and self.reader.damage:
            about = f" of about {self.total}" if self.total and self.total > count else ""
            return [f"{self.reader.name} is damaged: painted the {count}{about} frames that could be decoded"]
        if self._target is None or self.info is None or self.request.to_picture:
            return []
        request = self.request
        return compare_durations(
            self.program, self.info, Path(request.output), self.rate, request.start, request.duration
        )

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
            colour = Colour().settled(height)
        elif self.video.colour.hdr:
            colour = Colour("bt709").settled(height)
        else:
            colour = self.video.colour.settled(self.video.height)
        return Look((width, height), self.reader.aspect, colour, self.rate, self.layout)

    def _pipe_writer(self) -> Writer:
        kind = self.request.format or ("rgb24" if isinstance(self.reader, RawReader) else "y4m")
        if kind == "rgb24":
            return RawWriter(sys.stdout.fileno())
        look = self._look()
        look = replace(look, colour=replace(look.colour, full=False))
        return FfmpegWriter(
            "standard output",
            lambda first: y4m_command(self.program, look),
            RawFeed(),
            stdout=sys.stdout.fileno(),
        )

    def video_output(self) -> VideoOutput:
        """How the output, a video file, is made; adds to `notes` what does not get into it as it is."""
        container = container_of(Path(self.request.output))
        ticks = clock(container, self.video.ticks if self.video else 0, self.request.rate)
        steady = bool(self.request.rate) or self.video is None or self.video.steady
        encoding = Encoding(
            container,
            video_codec(self.request, self.video),
            self.request.crf,
            self.request.preset,
            ticks,
            steady,
            self.request.extra,
        )
        look = self._look()
        width, height = look.size
        if encoding.needs_even_size and (width % 2 or height % 2):
            look = replace(look, size=(width + width % 2, height + height % 2))
            grown = "{}x{}".format(*look.size)
            self.notes.append(f"{encoding.codec} needs an even size: {width}x{height} becomes {grown}")
        original = None
        if self.source and self.info and self.source.url != "pipe:0":
            taken, notes = passages(self.info, container, sound=self.request.sound)
            self.notes += notes
            origin = self.request.read_options(self.rate).origin(self.info)
            original = Original(self.source, taken, origin, self.request.start, self.request.duration)

        language = self.video.language if self.video else ""
        return VideoOutput(self.program, look, encoding, self.rate, language, original)


def open_job(request: Request, *, known: Fraction = Fraction(0)) -> Job:
    """Check a request, look at its input and start reading. Raises MediaError where that cannot be done.

    Of a file, frames that are shown before `known` (seconds, on the output's clock) may be left out.
    """
    program = find_ffmpeg(request.ffmpeg)
    request = with_hardware(program, request)
    _check_output(program, request)
    with ExitStack() as stack:
        job = _from_pipe(program, request, stack) if request.input == PIPE else _from_file(program, request, known)
        stack.callback(job.reader.release)
        stack.callback(job.reader.abort)
        job._stack = stack.pop_all()
    return job


def _check_output(program: str, request: Request) -> None:
    if request.to_pipe:
        if os.isatty(sys.stdout.fileno()):
            raise MediaError("standard output is a terminal", "pipe it on, e.g. `| ffplay -`, or name a file")
        return
    output = Path(request.output)
    if request.input != PIPE and output.exists() and Path(request.input).exists() and output.samefile(request.input):
        raise MediaError(f"{output} is the input itself", "give another name for the output")
    if not request.to_picture:
        codec = asked_codec(request) or container_of(output).video
        encoder_options(codec, request.crf, request.preset)
        check_encoder(program, codec)
    check_target(output, overwrite=request.overwrite)


def _from_file(program: str, request: Request, known: Fraction) -> Job:
    source = file_source(Path(request.input))
    return _with_ffmpeg(program, request, source, probe(program, source), known=known)


def _from_pipe(program: str, request: Request, stack: ExitStack) -> Job:
    standard_input = StandardInput(sys.stdin.fileno())
    if request.size and request.rate and not (standard_input.is_y4m or standard_input.is_container):
        if request.scale:
            raise MediaError("rgb24 from a pipe cannot be scaled", "scale it in the command before the pipe")
        if request.to_picture:
            raise _not_a_picture(request)
        reader = standard_input.frames(request.size, request.rate)
        return Job(request, program, reader, request.rate)
    if standard_input.is_y4m or request.to_pipe:
        source, info = standard_input.probe(program)
        return _with_ffmpeg(program, request, source, info, standard_input)
    # Sound and tags are read by the encoder, a second time: a pipe can be read only once.
    copy = standard_input.spool()
    stack.callback(copy.unlink, missing_ok=True)
    source = spooled_source(copy)
    return _with_ffmpeg(program, request, source, probe(program, source))


def _with_ffmpeg(
    program: str,
    request: Request,
    source: Source,
    info: MediaInfo,
    pipe: StandardInput | None = None,
    *,
    known: Fraction = Fraction(0),
) -> Job:
    video = video_stream(info, source.name)
    if request.start and info.duration is not None and request.start >= info.duration:
        raise MediaError(f"--start {float(request.start):g} is behind the end of {source.name}", _lasts(info.duration))
    if info.is_picture and not request.to_picture:
        raise MediaError(f"{source.name} is a picture", f"name a picture as the output: {' '.join(PICTURE_SUFFIXES)}")
    if request.to_picture and not info.is_picture:
        raise _not_a_picture(request)
    notes = notes_about(request, info, video, source.name)
    layout, losses = layout_for(request, video, source.name)
    fields, remarks = fields_of(program, source, video)
    notes += losses + remarks
    rate = request.rate or video.rate
    fastest = 0 if request.to_pipe or request.to_picture else container_of(Path(request.output)).fastest
    if fastest and rate > fastest:
        notes.append(f"a {Path(request.output).suffix} holds {fastest} frames a second: {float(rate):g} become fewer")
        rate = Fraction(fastest)
        request = replace(request, rate=rate)
    options = replace(request.read_options(rate), layout=layout, fields=fields)
    if not options.rate:  # a new rate counts its frames from the first one on
        options = replace(options, known=known)
    reader = FfmpegReader(program, source, info, video, options, feed=pipe.feed if pipe else None)
    total = 1 if info.is_picture else _expected(info, options, options.rate or video.average)
    return Job(request, program, reader, rate, total, source, info, video, layout, notes)


def _lasts(duration: Fraction) -> str:
    return f"it lasts {float(duration):g} seconds"


def _not_a_picture(request: Request) -> MediaError:
    return MediaError(f"{request.output} is a picture, but the input is a video", "name a video as the output")


def _expected(info: MediaInfo, options: ReadOptions, rate: Fraction | None) -> int | None:
    span = info.duration
    if span is not None:
        span = max(Fraction(0), span - (options.start or 0))
    if options.duration is not None:
        span = options.duration if span is None else min(span, options.duration)
    return max(1, round(span * rate)) if span is not None and rate else None
