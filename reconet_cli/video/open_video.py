"""A video, a picture or a stream to read frames from: `open_video`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from fractions import Fraction
from os import PathLike, fspath

from reconet_cli.video.ffmpeg.locate import find_ffmpeg
from reconet_cli.video.ffmpeg.pixels import Frame, Layout
from reconet_cli.video.inputs.names import at_its_pace, find_input, is_device
from reconet_cli.video.probing.color import Color, has_high_bit_depth
from reconet_cli.video.probing.examine import examine
from reconet_cli.video.probing.info import MediaInfo, Stream
from reconet_cli.video.probing.interlace import DEINTERLACED
from reconet_cli.video.reading.decode import ReadOptions
from reconet_cli.video.reading.reader import FfmpegReader

log = logging.getLogger("reconet")

# Numbers of a library's users: times in seconds, rates, factors.
Number = float | Fraction


class Video(AbstractContextManager["Video"]):
    """The frames of a video in order, each with its time, and the facts about the file. Can be read once.

    `info` describes the streams, `rate` is the nominal frame rate, and `colors` is the file's color encoding. Frames
    are upright and in RGB.
    """

    def __init__(self, name: str, options: ReadOptions, program: str, *, lists: bool = False) -> None:
        with ExitStack() as stack:
            wanted = (options.rate, options.size) if is_device(name) else (None, None)
            source, info, pipe = find_input(program, name, *wanted, stack, lists=lists)
            source = at_its_pace(source) if options.prompt else source
            found = examine(program, source, info)
            for sentence in (*source.notes, *([DEINTERLACED.format(source.name)] if found.fields else [])):
                log.info(sentence)
            video = found.video
            layout = Layout(has_high_bit_depth(video.pixel_format), video.alpha)
            options = replace(options, fields=found.fields, layout=layout)
            self._reader = FfmpegReader(program, found, options, feed=pipe.feed if pipe else None)
            stack.callback(self._reader.close)
            self._stack = stack.pop_all()
        self.name = source.name
        self.info: MediaInfo = info
        self.rate = options.rate or video.rate
        self.colors: Color = video.color

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of every frame."""
        return self._reader.size

    @property
    def duration(self) -> Fraction | None:
        """Seconds, None if unknown."""
        return self.info.duration

    @property
    def tracks(self) -> tuple[Stream, ...]:
        """Everything in the file: pictures, sound, subtitles, data, attachments."""
        return tuple(self.info.streams)

    def __iter__(self) -> Iterator[Frame]:
        """The frames. Raises `MediaError` where they cannot be decoded."""
        yield from self._reader
        self._reader.finish()

    def abort(self) -> None:
        """End the decoder at once, from any thread: whoever waits for a frame gets none, or an error."""
        self._reader.abort()

    def __exit__(self, *error: object) -> None:
        """End the decoder."""
        self._stack.close()


def open_video(
    source: str | PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    fps: Number | None = None,
    start: Number | None = None,
    duration: Number | None = None,
    allow_playlists: bool = False,
    live: bool = False,
    ffmpeg: str | None = None,
) -> Video:
    """Open a file, a picture series, a camera or a URL for reading.

    `size` (width, height) and `fps` resize the frames and give them a constant rate; a camera is asked for that size
    and rate directly. `start` and `duration` are seconds of the input. Playlists and manifests may open other files
    only with `allow_playlists`. With `live`, frames arrive without delay, and a file plays in real time. Raises
    `MediaError` if the source is not a video or picture.

    >>> import reconet_cli as reconet
    >>> with reconet.open_video("in.mp4") as video:
    ...     size, times = video.size, [float(frame.time) for frame in video]
    >>> size, times[:2]
    ((96, 64), [0.0, 0.04])
    """
    options = ReadOptions(size, rate=exact(fps), start=exact(start), duration=exact(duration), prompt=live)
    return Video(fspath(source), options, find_ffmpeg(ffmpeg), lists=allow_playlists)


def exact(number: Number | None) -> Fraction | None:
    """The nearest fraction that ffmpeg can hold, which is in 32 bits each."""
    return None if number is None else Fraction(number).limit_denominator(1_000_000)
