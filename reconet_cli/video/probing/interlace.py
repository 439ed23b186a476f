"""Whether a video that is marked as interlaced really is."""

from __future__ import annotations

import re

import ffmpeg

from reconet_cli.video.ffmpeg.process import COLOR, GLOBAL_ARGUMENTS, LOG_EVERYTHING, Process
from reconet_cli.video.probing.info import VideoStream
from reconet_cli.video.probing.source import Source

DEINTERLACED = "{} is interlaced: it is deinterlaced (bwdif)"
_FRAMES = 60
_COUNTS = re.compile(
    rf"{COLOR}\[Parsed_idet_\d+ @ \w+\] {COLOR}\[info\] "
    r"Multi frame detection: TFF: *(\d+) BFF: *(\d+) Progressive: *(\d+)"
)


def field_order(program: str, source: Source, video: VideoStream) -> str:
    """`tff` or `bff` for a video marked as interlaced, empty where its first frames turn out to be whole ones.

    Camcorders wrap progressive pictures as interlaced, and deinterlacing those would cost sharpness. Where nothing
    moves it is `auto`: as each frame is marked.
    """
    stream = ffmpeg.input(source.url, **source.options)[str(video.index)].filter("idet")
    output = ffmpeg.output(stream, "-", f="null", **{"frames:v": _FRAMES})
    log = _Counts()
    process = Process([program, *GLOBAL_ARGUMENTS, *LOG_EVERYTHING, *ffmpeg.get_args(output)], on_log=log)
    try:
        process.wait()
    finally:
        process.abort()
    top, bottom, whole = log.counts
    if whole > top + bottom:
        return ""
    return "auto" if top == bottom else "tff" if top > bottom else "bff"


class _Counts:
    """What idet says at the end: top field first, bottom field first, progressive."""

    def __init__(self) -> None:
        self.counts = (0, 0, 0)

    def __call__(self, line: str | None) -> None:
        if line and (found := _COUNTS.search(line)):
            top, bottom, whole = map(int, found.groups())
            self.counts = (top, bottom, whole)
