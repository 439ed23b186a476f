"""An input by its name: where it is, what is in it, and the pipe that it comes through, if it does."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction

from reconet_cli.video.inputs.names import is_stream, source_named
from reconet_cli.video.inputs.relay import relayed
from reconet_cli.video.inputs.standard_input import StandardInput
from reconet_cli.video.probing.info import MediaInfo, VideoStream
from reconet_cli.video.probing.interlace import field_order
from reconet_cli.video.probing.one_clock import with_one_clock
from reconet_cli.video.probing.packets import with_measured_rate
from reconet_cli.video.probing.probe import probe
from reconet_cli.video.probing.source import Source, video_stream
from reconet_cli.video.probing.tags import Tags


@dataclass(frozen=True)
class Input:
    """What is known of an input: where it is, what is in it, and the stream to paint.

    `fields` says which field of interlaced frames comes first, empty where they need no deinterlacing; `tags` are
    those of the file and of its streams, where they are of use.
    """

    source: Source
    info: MediaInfo
    video: VideoStream
    fields: str = ""
    tags: Tags = field(default_factory=Tags)


def find_input(
    program: str, name: str, rate: Fraction | None, size: tuple[int, int] | None, stack: ExitStack, *, lists: bool
) -> tuple[Source, MediaInfo, StandardInput | None]:
    """Look at a file, a picture series, a camera or an address; arguments as of `source_named`. Raises MediaError.

    What can be read only once comes through a pipe. `stack` ends connections and removes temporary files.
    """
    source = source_named(name, rate, size, stack, lists=lists)
    if is_stream(name):
        pipe = relayed(program, source, stack)
        return *pipe.probe(program), pipe
    return *with_one_clock(program, source, probe(program, source), stack), None


def examine(program: str, source: Source, info: MediaInfo) -> Input:
    """Look at the stream to paint. Raises MediaError where there is none that can be decoded."""
    video = video_stream(info, source.name)
    if not info.is_picture:
        video = with_measured_rate(program, source, video)
    fields = ""
    if video.interlaced:
        fields = "auto" if source.passing else field_order(program, source, video)
    return Input(source, info, video, fields)
