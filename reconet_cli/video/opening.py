"""From what a user asks for to a job: checks, a look at the input, and a reader that runs."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from reconet_cli.errors import MediaError
from reconet_cli.system.files import keep_apart
from reconet_cli.video.choices import asked_codec, fields_of, layout_for, notes_about, with_hardware
from reconet_cli.video.ffmpeg.encoders import check_encoder, encoder_options
from reconet_cli.video.ffmpeg.locate import find_ffmpeg
from reconet_cli.video.ffmpeg.standard_streams import input_descriptor, output_descriptor
from reconet_cli.video.inputs.finding import find_input
from reconet_cli.video.inputs.names import at_its_pace, comes_once, files_of
from reconet_cli.video.inputs.series import is_pattern, written_pictures
from reconet_cli.video.inputs.standard_input import StandardInput, spooled_source
from reconet_cli.video.job import Job
from reconet_cli.video.probing.info import MediaInfo
from reconet_cli.video.probing.one_clock import with_one_clock
from reconet_cli.video.probing.packets import with_measured_rate
from reconet_cli.video.probing.probe import probe
from reconet_cli.video.probing.source import PICTURE_SUFFIXES, Source, video_stream
from reconet_cli.video.reading.decode import ReadOptions
from reconet_cli.video.reading.reader import FfmpegReader
from reconet_cli.video.request import PIPE, Request
from reconet_cli.video.writing.containers import is_stream as is_address
from reconet_cli.video.writing.target import check_target

_EVEN = ("yuv4mpegpipe", "rawvideo")  # formats whose frames come at one rate


def open_job(request: Request, *, known: Fraction = Fraction(0)) -> Job:
    """Check a request, look at its input and start reading. Raises MediaError where that cannot be done.

    Of a file, frames that are shown before `known` (seconds, on the output's clock) may be left out.
    """
    program = find_ffmpeg(request.ffmpeg)
    request = replace(request, series=request.output.endswith(("/", os.sep)))
    request = with_hardware(program, request)
    _check_output(program, request)
    with ExitStack() as stack:
        if request.input == PIPE:
            job = _from_pipe(program, request, stack)
        else:
            found = find_input(program, request.input, request.rate, request.size, stack, lists=request.lists)
            job = _with_ffmpeg(program, request, *found, known=known)
        stack.callback(job.reader.release)
        stack.callback(job.reader.abort)
        if job.second:
            stack.callback(job.second.close)
        job._stack = stack.pop_all()
    return job


def check_job(request: Request) -> None:
    """Raise the MediaError that `open_job` would raise, as far as that shows without reading what comes only once."""
    if comes_once(request.input):
        program = find_ffmpeg(request.ffmpeg)
        request = replace(request, series=request.output.endswith(("/", os.sep)))
        _check_output(program, with_hardware(program, request))
    else:
        with open_job(request):
            pass


def _check_output(program: str, request: Request) -> None:
    if request.to_pipe and os.isatty(output_descriptor()):
        raise MediaError("standard output is a terminal", "pipe it on, e.g. `| ffplay -`, or name a file")
    if not (request.raw_format or request.to_picture or request.series):
        codec = asked_codec(request) or request.container.video
        encoder_options(codec, request.crf, request.preset)
        check_encoder(program, codec)
    _keep_inputs(request)
    if not request.to_file:
        return
    output = Path(request.output)
    # A pattern is a file's name where a single picture comes in, which is not known yet.
    if not is_pattern(output):
        check_target(output, overwrite=request.overwrite)


def _keep_inputs(request: Request) -> None:
    """Raise MediaError where the output would replace something that is read."""
    if request.to_pipe or is_address(request.output):
        return
    many = request.series or is_pattern(Path(request.output))
    outputs = written_pictures(request.output) if many else [Path(request.output)]
    names = [name for name in (request.input, *request.others) if name != PIPE]
    keep_apart(outputs, (file for name in names for file in files_of(name)), MediaError)


def _from_pipe(program: str, request: Request, stack: ExitStack) -> Job:
    standard_input = StandardInput(input_descriptor())
    if request.size and request.rate and not (standard_input.is_y4m or standard_input.is_container):
        return _from_raw(program, request, standard_input, request.size, request.rate)
    if standard_input.is_y4m or request.to_pipe:
        source, info = standard_input.probe(program)
        return _with_ffmpeg(program, request, source, info, standard_input)
    # Sound and tags are read by the encoder, a second time: a pipe can be read only once.
    copy = standard_input.spool()
    stack.callback(copy.unlink, missing_ok=True)
    source = spooled_source(copy, stack)
    source, info = with_one_clock(program, source, probe(program, source), stack)
    return _with_ffmpeg(program, request, source, info)


def _from_raw(
    program: str, request: Request, standard_input: StandardInput, size: tuple[int, int], rate: Fraction
) -> Job:
    """Frames that say nothing about themselves."""
    kind = request.input_format
    if request.scale:
        raise MediaError(f"{kind} from a pipe cannot be scaled", "scale it in the command before the pipe")
    if request.to_pipe and not request.format:
        request = replace(request, format=kind)
    if kind != "rgb24" or request.raw_format == "rgb48le":
        described = {"f": "rawvideo", "pixel_format": kind, "framerate": str(rate), "video_size": size}
        source, info = standard_input.probe(program, described)
        return _with_ffmpeg(program, request, source, info, standard_input)
    if request.to_picture:
        request = _as_video(request)
    return Job(request, program, standard_input.frames(size, rate, request.start, request.duration), rate)


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
    if not info.is_picture:
        video = with_measured_rate(program, source, video)
    if request.start and info.duration is not None and request.start >= info.duration:
        raise MediaError(f"--start {float(request.start):g} is behind the end of {source.name}", _lasts(info.duration))
    if request.to_picture and not info.is_picture:
        request = _as_video(request)
    if info.is_picture and not request.to_picture and not request.series:
        raise MediaError(f"{source.name} is a picture", f"name a picture as the output: {' '.join(PICTURE_SUFFIXES)}")
    notes = [*source.notes, *notes_about(request, info, video, source.name)]
    layout, losses = layout_for(request, video, source.name)
    fields, remarks = fields_of(program, source, video)
    notes += losses + remarks
    rate = request.rate or video.rate
    fastest = 0 if request.raw_format or request.to_picture or request.series else request.container.fastest
    if fastest and rate > fastest:
        notes.append(f"a {Path(request.output).suffix} holds {fastest} frames a second: {float(rate):g} become fewer")
        rate = Fraction(fastest)
        request = replace(request, rate=rate)
    if request.latency:
        source = at_its_pace(source)
    options = replace(request.read_options(rate), layout=layout, fields=fields)
    if options.prompt and info.format in _EVEN and not request.rate:
        options = replace(options, rate=None)  # evening out waits for the next frame
    if not options.rate:  # a new rate counts its frames from the first one on
        options = replace(options, known=known)
    second = pipe.second() if pipe and _wants_sound(request, info) else None
    reader = FfmpegReader(program, source, info, video, options, feed=pipe.feed if pipe else None)
    total = 1 if info.is_picture else _expected(info, options, options.rate or video.average)
    return Job(request, program, reader, rate, total, source, info, video, layout, notes, second, pipe)


def _wants_sound(request: Request, info: MediaInfo) -> bool:
    """True where the encoder has to read a pipe, too. It cannot skip a part of it, and Windows hands on no pipes."""
    possible = request.start is None and os.name != "nt"
    pictures = request.raw_format or request.to_picture or request.series
    return possible and request.sound and not pictures and bool(info.of_kind("audio"))


def _lasts(duration: Fraction) -> str:
    return f"it lasts {float(duration):g} seconds"


def _as_video(request: Request) -> Request:
    """A request for a video whose output is named like a picture. Raises MediaError where that cannot be."""
    if is_pattern(Path(request.output)):
        return replace(request, series=True)
    if request.output.lower().endswith(".webp"):
        return replace(request, animated=True)
    raise _not_a_picture(request)


def _not_a_picture(request: Request) -> MediaError:
    return MediaError(
        f"{request.output} is a picture, but the input is a video", "name a video, or frame-%04d.png for many"
    )


def _expected(info: MediaInfo, options: ReadOptions, rate: Fraction | None) -> int | None:
    span = info.duration
    if span is not None:
        span = max(Fraction(0), span - (options.start or 0))
    if options.duration is not None:
        span = options.duration if span is None else min(span, options.duration)
    return max(1, round(span * rate)) if span is not None and rate else None
