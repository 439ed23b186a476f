"""A look at an input: what is in it, and the stream to paint."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from reconet_cli.video.probing.info import MediaInfo, VideoStream
from reconet_cli.video.probing.interlace import field_order
from reconet_cli.video.probing.packets import with_measured_rate
from reconet_cli.video.probing.probe import probe
from reconet_cli.video.probing.source import Source, video_stream
from reconet_cli.video.probing.tags import Tags
from reconet_cli.video.probing.unchanged import while_unchanged


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

    def origin(self, start: Fraction | None) -> Fraction:
        """The time on the input's own clock that becomes zero where it is read from `start` (seconds) on."""
        return self.info.start + (start or 0)


def look_at(program: str, source: Source) -> Input:
    """What an input says about itself. Raises MediaError where it has no stream that can be decoded."""
    info = probe(program, source)
    return Input(source, info, video_stream(info, source.name))


@while_unchanged
def examine(program: str, source: Source, info: MediaInfo) -> Input:
    """What an input is, by its packets and frames where what it says is doubtful. Raises MediaError as `look_at`."""
    video = video_stream(info, source.name)
    if not info.is_picture:
        video = with_measured_rate(program, source, video)
    fields = ""
    if video.interlaced:
        fields = "auto" if source.passing else field_order(program, source, video)
    return Input(source, info, video, fields)
