"""Where to paint: people or what is behind them, pictures and clips in which white is painted, and color keys."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager, ExitStack, closing
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from reconet_cli.errors import MediaError
from reconet_cli.video.ffmpeg.locate import find_ffmpeg
from reconet_cli.video.ffmpeg.pixels import LUMA, Frame
from reconet_cli.video.inputs.preparing import prepared
from reconet_cli.video.probing.examine import look_at
from reconet_cli.video.probing.source import file_source
from reconet_cli.video.reading.decode import ReadOptions
from reconet_cli.video.reading.reader import FfmpegReader

# Masks that find people in the frames themselves. Files of these names are given as ./person.
PEOPLE = ("person", "background")
_KEY = re.compile(r"#([0-9a-fA-F]{6})(?::(.*))?")
_TOLERANCE = 0.2
_SOFT_EDGE = 0.1  # of the tolerance's scale, so that the border of a key does not flicker with the source's noise


class Mask(AbstractContextManager["Mask"], Protocol):
    """Says how much of each pixel is painted."""

    def fetch(self, frame: Frame) -> np.ndarray | None:
        """What `share` needs beside the frame. To be called for each frame, in their order."""
        ...

    def share(self, frame: Frame, fetched: np.ndarray | None) -> np.ndarray:
        """float32 (H, W) in [0, 1], 1 where the painting shows. May be called on several threads, in any order."""
        ...


def open_mask(text: str, size: tuple[int, int], start: Fraction | None, ffmpeg: str | None) -> Mask:
    """The mask of one of `PEOPLE`, a color key (`#rrggbb` or `#rrggbb:tolerance`) or a file.

    It is for frames of (width, height). `start` is where in the input the painting begins, in seconds: a mask clip
    begins there, too. Raises MediaError for a wrong key or a file that cannot be read.
    """
    if text in PEOPLE:
        from reconet_cli.stylizing.effects.people import PeopleMask

        return PeopleMask(size, background=text == "background")
    if text.startswith("#"):
        return ColorKey(*parse_key(text))
    return FileMask(Path(text), size, start, ffmpeg)


def parse_key(text: str) -> tuple[tuple[int, int, int], float]:
    """The color (RGB) and the tolerance of `#rrggbb:tolerance`. Raises MediaError."""
    match = _KEY.fullmatch(text)
    try:
        tolerance = float(match[2]) if match and match[2] is not None else _TOLERANCE
    except ValueError:
        tolerance = -1
    if match is None or not 0 <= tolerance <= 1:
        raise MediaError(f"{text!r} is no color key", "write #00ff00, or #00ff00:0.3 with a tolerance from 0 to 1")
    red, green, blue = bytes.fromhex(match[1])
    return (red, green, blue), tolerance


class ColorKey(Mask):
    """Paints what has about the key's color.

    The distance between colors is Euclidean in RGB, 1 from black to white. Up to the tolerance a pixel is painted,
    above it less and less.
    """

    def __init__(self, color: tuple[int, int, int], tolerance: float) -> None:
        levels = np.arange(256, dtype=np.float32)[:, None]
        squares = ((levels - np.array(color, np.float32)) / 255) ** 2 / 3
        self._squares = squares.astype(np.float32).reshape(256, 1, 3)
        self._tolerance = tolerance

    def __exit__(self, *error: object) -> None:
        """Nothing to close."""

    def fetch(self, frame: Frame) -> np.ndarray | None:
        """Nothing: the frame's own colors say it all."""
        return None

    def share(self, frame: Frame, fetched: np.ndarray | None) -> np.ndarray:
        """See `Mask`."""
        pixels = frame.pixels if frame.pixels.dtype == np.uint8 else (frame.pixels >> 8).astype(np.uint8)
        distance = cv2.sqrt(cv2.transform(cv2.LUT(pixels, self._squares), np.ones((1, 3), np.float32)))
        share: np.ndarray = np.clip(1 - (distance - self._tolerance) / _SOFT_EDGE, 0, 1)
        return share


class FileMask(Mask):
    """A picture, or a clip that runs beside the input; stretched to the frames' size. A clip's last frame stays."""

    def __init__(self, path: Path, size: tuple[int, int], start: Fraction | None, ffmpeg: str | None) -> None:
        program = find_ffmpeg(ffmpeg)
        self._next: Frame | None = None
        self._shown: np.ndarray | None = None
        with ExitStack() as stack:
            found = look_at(program, prepared(file_source(path), path, stack))
            options = ReadOptions(size=size, start=None if found.info.is_picture else start)
            self._reader = stack.enter_context(closing(FfmpegReader(program, found, options)))
            self._frames = iter(self._reader)
            self._advance()
            self._advance()
            self._stack = stack.pop_all()

    def __exit__(self, *error: object) -> None:
        """End the decoder."""
        self._stack.close()

    def fetch(self, frame: Frame) -> np.ndarray | None:
        """What the file shows at the frame's time, or its first picture before that: uint8 (H, W)."""
        while self._next is not None and self._next.time <= frame.time:
            self._advance()
        return self._shown

    def share(self, frame: Frame, fetched: np.ndarray | None) -> np.ndarray:
        """See `Mask`."""
        assert fetched is not None
        share: np.ndarray = fetched * np.float32(1 / 255)
        return share

    def _advance(self) -> None:
        """Show the next frame, and decode the one after it."""
        if self._next is not None:
            self._shown = cv2.transform(self._next.pixels, LUMA)
        self._next = next(self._frames, None)
        if self._next is None:
            self._reader.finish()
