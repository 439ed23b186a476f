"""A few frames of an input, spread over it: found by seeking, within seconds, and of whatever can be read again."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from fractions import Fraction
from functools import partial

import numpy as np

from reconet_cli.errors import MediaError
from reconet_cli.video.inputs.names import files_of, find_input
from reconet_cli.video.probing.examine import Input
from reconet_cli.video.probing.info import MediaInfo
from reconet_cli.video.probing.source import video_stream
from reconet_cli.video.reading.decode import ReadOptions
from reconet_cli.video.reading.reader import FfmpegReader

_AT_ONCE = 2


def glimpses(
    program: str,
    name: str,
    count: int,
    short_side: int,
    *,
    start: Fraction | None = None,
    duration: Fraction | None = None,
    patience: float = 4.0,
) -> list[np.ndarray]:
    """Up to `count` frames, RGB uint8 `(H, W, 3)`, with a shorter side of about `short_side` pixels.

    They come from a file or a series of pictures, from `start` on for `duration` seconds; of pipes, addresses and
    cameras, and of what cannot be read, there are none. What takes longer than `patience` (seconds) is left out.
    """
    end = time.monotonic() + patience
    if not files_of(name):
        return []
    try:
        with ExitStack() as stack:
            source, info, _ = find_input(program, name, None, None, stack, lists=False)
            clip = Input(source, info, video_stream(info, source.name))
            look = partial(_frame_at, program, clip, Fraction(short_side, min(clip.video.shown_size)), end)
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                found = list(pool.map(look, _times(info, count, start, duration)))
    except MediaError:
        return []
    return [frame for frame in found if frame is not None]


def _times(info: MediaInfo, count: int, start: Fraction | None, duration: Fraction | None) -> list[Fraction]:
    """Where to look, in seconds: the middles of equal parts."""
    first = start or Fraction(0)
    if info.is_picture or info.duration is None:
        return [first]
    length = max(Fraction(0), info.duration - first)
    length = length if duration is None else min(length, duration)
    return [first + length * (2 * number + 1) / (2 * count) for number in range(count)]


def _frame_at(program: str, clip: Input, scale: Fraction, end: float, at: Fraction) -> np.ndarray | None:
    left = end - time.monotonic()
    if left <= 0:
        return None
    # So short a part that ffmpeg ends by itself, which is sooner than being ended.
    part = None if clip.info.is_picture else 3 / (2 * clip.video.rate)
    options = ReadOptions(scale=scale, start=at or None, duration=part)
    reader = FfmpegReader(program, clip, options)
    timer = threading.Timer(left, reader.abort)
    timer.daemon = True
    timer.start()
    try:
        frames = [frame.pixels for frame in reader]
        return frames[0] if frames else None
    except MediaError:
        return None
    finally:
        timer.cancel()
        reader.close()
