"""A conversion: an input that is read and an output that is written, from what a user asks for."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from reconet_cli.errors import MediaError
from reconet_cli.system.files import keep_apart
from reconet_cli.video.ffmpeg.encoders import check_encoder, encoder_options
from reconet_cli.video.ffmpeg.hardware import hardware_decoder, hardware_encoder
from reconet_cli.video.ffmpeg.locate import find_ffmpeg
from reconet_cli.video.ffmpeg.pixels import PLAIN, Layout
from reconet_cli.video.ffmpeg.standard_streams import input_descriptor, output_descriptor
from reconet_cli.video.inputs.names import at_its_pace, comes_once, files_of, find_input, is_stream
from reconet_cli.video.inputs.series import is_pattern, written_pictures
from reconet_cli.video.inputs.standard_input import NAME, RawReader, StandardInput, spooled_source
from reconet_cli.video.inputs.y4m import left_in
from reconet_cli.video.plan import as_video, asked_codec, plan_reading, plan_writing
from reconet_cli.video.probing.examine import Input, examine
from reconet_cli.video.probing.info import MediaInfo
from reconet_cli.video.probing.one_clock import with_one_clock
from reconet_cli.video.probing.probe import probe
from reconet_cli.video.probing.source import Source, file_source
from reconet_cli.video.probing.tags import read_tags
from reconet_cli.video.reading.reader import FfmpegReader, Reader
from reconet_cli.video.request import PIPE, Request
from reconet_cli.video.writing.containers import is_stream as is_address
from reconet_cli.video.writing.output import Output
from reconet_cli.video.writing.target import check_target

_ROUNDING = Fraction(1, 100)  # in the seconds that ffmpeg prints


@dataclass
class Conversion(AbstractContextManager["Conversion"]):
    """An input that is being read, and the output that its frames are for.

    `layout` is that of the frames, `total` their expected number (None: unknown), `notes` what the user should know
    beforehand; `found` is None for raw frames, `pipe` is what feeds the reader. As a context manager it ends the reader
    and removes what is unfinished.
    """

    request: Request
    program: str
    reader: Reader
    rate: Fraction
    output: Output
    layout: Layout
    total: int | None
    notes: tuple[str, ...]
    found: Input | None
    pipe: StandardInput | None
    _stack: ExitStack

    def afterwards(self, count: int) -> list[str]:
        """What to tell once `count` frames are read and the output has its name."""
        if left := self._left():
            name = self.found.source.name if self.found else NAME
            return [f"{name} ended inside a frame: its last {left} bytes are left out"]
        # A stream that is joined half way begins with pictures that cannot be decoded.
        if isinstance(self.reader, FfmpegReader) and self.reader.damage and not is_stream(self.request.input):
            about = f" of about {self.total}" if self.total and self.total > count else ""
            return [f"{self.reader.name} is damaged: painted the {count}{about} frames that could be decoded"]
        # Nobody knows how long what is read only once would have been.
        if self.found is None or self.found.source.passing or self.request.pictures or not self.output.target:
            return []
        return self._difference(self.found.info)

    def _left(self) -> int:
        """The bytes of a half frame at the end of raw frames, or of y4m that was read to its end."""
        if isinstance(self.reader, RawReader):
            return self.reader.leftover
        if self.found is None or self.found.info.format != "yuv4mpegpipe" or self.request.duration is not None:
            return 0
        if self.pipe:
            return self.pipe.left
        path = Path(self.request.input)
        return left_in(path) if path.is_file() else 0

    def _difference(self, info: MediaInfo) -> list[str]:
        """A sentence where the output lasts longer or shorter than what was read by more than a frame."""
        request, there = self.request, self.output.duration
        if there is None:
            there = probe(self.program, file_source(Path(request.output))).duration
        if info.duration is None or there is None:
            return []
        wanted = info.duration - (request.start or 0)
        if request.duration is not None:
            wanted = min(wanted, request.duration)
        if abs(there - wanted) <= 1 / self.rate + _ROUNDING:
            return []
        return [f"{request.output} lasts {float(there):.2f} s, its input {float(wanted):.2f} s"]

    def close(self) -> None:
        """End the reader and remove what is unfinished."""
        self._stack.close()

    def __exit__(self, *error: object) -> None:
        self.close()


def convert(request: Request, *, known: Fraction = Fraction(0)) -> Conversion:
    """Check a request, look at its input and start reading. Raises MediaError where that cannot be done.

    Of a file, frames that are shown before `known` (seconds, on the output's clock) may be left out.
    """
    program, request = _checked(request)
    with ExitStack() as stack:
        if request.input != PIPE:
            found = find_input(program, request.input, request.rate, request.size, stack, lists=request.lists)
            return _decoded(program, request, *found, known, stack)
        pipe = StandardInput(input_descriptor())
        if request.size and request.rate and not (pipe.is_y4m or pipe.is_container):
            return _raw(program, request, pipe, request.size, request.rate, stack)
        if pipe.is_y4m or request.to_pipe:
            return _decoded(program, request, *pipe.probe(program), pipe, Fraction(0), stack)
        # Sound and tags are read by the encoder, a second time: a pipe can be read only once.
        copy = pipe.spool()
        stack.callback(copy.unlink, missing_ok=True)
        source = spooled_source(copy, stack)
        mended = with_one_clock(program, source, probe(program, source), stack)
        return _decoded(program, request, *mended, None, Fraction(0), stack)


def check_conversion(request: Request) -> None:
    """Raise the MediaError that `convert` would raise, as far as that shows without reading what comes only once."""
    if comes_once(request.input):
        _checked(request)
    else:
        convert(request).close()


def _checked(request: Request) -> tuple[str, Request]:
    """The ffmpeg to use, and the request with its own names. Raises MediaError where the output cannot be written."""
    program = find_ffmpeg(request.ffmpeg)
    request = replace(request, series=request.output.endswith(("/", os.sep)))
    request = _with_hardware(program, request)
    _check_output(program, request)
    return program, request


def _with_hardware(program: str, request: Request) -> Request:
    """The same request with ffmpeg's names of what was asked for on a graphics chip. Raises MediaError."""
    if request.decoder:
        request = replace(request, decoder=hardware_decoder(program, request.decoder, request.gpu))
    if not request.encoder or request.raw_format or request.to_picture:
        return request
    codec = asked_codec(request) or request.container.video
    return replace(request, codec=hardware_encoder(program, codec, request.encoder, request.gpu), encoder=None)


def _check_output(program: str, request: Request) -> None:
    if request.to_pipe and os.isatty(output_descriptor()):
        raise MediaError("standard output is a terminal", "pipe it on, e.g. `| ffplay -`, or name a file")
    if not (request.raw_format or request.pictures):
        codec = asked_codec(request) or request.container.video
        encoder_options(codec, request.crf, request.preset)
        check_encoder(program, codec)
    _keep_inputs(request)
    # A pattern is a file's name where a single picture comes in, which is not known yet.
    if request.to_file and not is_pattern(Path(request.output)):
        check_target(Path(request.output), overwrite=request.overwrite)


def _keep_inputs(request: Request) -> None:
    """Raise MediaError where the output would replace something that is read."""
    if request.to_pipe or is_address(request.output):
        return
    many = request.series or is_pattern(Path(request.output))
    outputs = written_pictures(request.output) if many else [Path(request.output)]
    names = [name for name in (request.input, *request.others) if name != PIPE]
    keep_apart(outputs, (file for name in names for file in files_of(name)), MediaError)


def _raw(
    program: str, request: Request, pipe: StandardInput, size: tuple[int, int], rate: Fraction, stack: ExitStack
) -> Conversion:
    """Frames that say nothing about themselves."""
    kind = request.input_format
    if request.scale:
        raise MediaError(f"{kind} from a pipe cannot be scaled", "scale it in the command before the pipe")
    if request.to_pipe and not request.format:
        request = replace(request, format=kind)
    if kind != "rgb24" or request.raw_format == "rgb48le":
        described = {"f": "rawvideo", "pixel_format": kind, "framerate": str(rate), "video_size": size}
        return _decoded(program, request, *pipe.probe(program, described), pipe, Fraction(0), stack)
    if request.to_picture:
        request = as_video(request)
    reader = pipe.frames(size, rate, request.start, request.duration)
    output = Output(program, request, plan_writing(request, None, size, reader.aspect, rate))
    stack.push(output)
    return Conversion(request, program, reader, rate, output, PLAIN, None, (), None, None, stack.pop_all())


def _decoded(
    program: str,
    request: Request,
    source: Source,
    info: MediaInfo,
    pipe: StandardInput | None,
    known: Fraction,
    stack: ExitStack,
) -> Conversion:
    """Frames that ffmpeg decodes."""
    found = examine(program, source, info)
    reading = plan_reading(request, found, known)
    request = reading.request
    if request.latency:
        found = replace(found, source=at_its_pace(source))
    second = pipe.second() if pipe and reading.shared else None
    if second:
        stack.callback(second.close)
    feed = pipe.feed if pipe else None
    reader = FfmpegReader(program, found, reading.options, feed=feed)
    stack.callback(reader.close)
    if not (found.source.passing or request.raw_format or request.to_picture):
        found = replace(found, tags=read_tags(program, found.source))  # while the decoder starts
    plan = plan_writing(
        request, found, reader.size, reader.aspect, reading.rate, reading.options.layout,
        second.descriptor if second else None,
    )  # fmt: skip
    output = stack.enter_context(Output(program, request, plan, second))
    return Conversion(
        request, program, reader, reading.rate, output, reading.options.layout, reading.total,
        (*reading.notes, *plan.notes), found, pipe, stack.pop_all(),
    )  # fmt: skip
