"""Frames in their order, out of a clip or a folder of pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from reconet_cli.errors import FlowError
from reconet_cli.system.identity import digest, sample
from reconet_cli.system.pictures import read_rgb
from reconet_cli.video.ffmpeg.locate import find_ffmpeg
from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.inputs.series import by_numbers
from reconet_cli.video.probing.examine import Input, look_at
from reconet_cli.video.probing.source import PICTURE_SUFFIXES, file_source
from reconet_cli.video.reading.decode import ReadOptions
from reconet_cli.video.reading.reader import FfmpegReader

_PICTURES = frozenset({*PICTURE_SUFFIXES, ".ppm", ".pgm"})
# Folders of pictures say nothing of time.
_FOLDER_RATE = Fraction(25)
# Larger files are known by their size, beginning and end.
_READ_WHOLE = 1 << 24


class Frames(Protocol):
    """Frames that can be read more than once; `total` is their expected number, None if unknown.

    `ticks` is the clock of their times (0: unknown), `rate` their nominal rate, `constant_rate` whether it is constant;
    `notes` gathers what the user should know once they are read.
    """

    name: str
    total: int | None
    rate: Fraction
    ticks: int
    constant_rate: bool
    aspect: Fraction
    notes: list[str]

    def read(self, short_side: int | None = None) -> Generator[Frame, None, None]:
        """The frames, reduced to `short_side` px where they are larger. Raises `ReconetError`. To be closed."""
        ...

    def stem(self, index: int) -> str:
        """What files about a frame are called."""
        ...

    def identity(self) -> str:
        """A digest of the content, the same after a copy or another start."""
        ...


def open_frames(path: Path, *, smooth: bool = False) -> Frames:
    """The frames of a clip, or of a folder's pictures in natural order. Raises `ReconetError` where there are none.

    A clip's chroma is what the painters get, or `smooth`, as players show it.
    """
    if path.is_dir():
        return _open_folder(path)
    program = find_ffmpeg()
    clip = look_at(program, file_source(path))
    if clip.info.is_picture:
        raise FlowError(f"{path} is a picture", "flow needs two: reconet flow A.png B.png OUT.flo, or a clip or folder")
    return _Clip(path, program, clip, smooth)


def neighbors(frames: Iterable[Frame]) -> Iterator[tuple[int, Frame, Frame]]:
    """Each frame with its index and the next one."""
    before: Frame | None = None
    for index, frame in enumerate(frames, -1):
        if before is not None:
            yield index, before, frame
        before = frame


def _content(file: Path) -> Iterator[bytes | str]:
    yield f"{file.stat().st_size}\0"
    yield sample(file, whole=_READ_WHOLE)


def _reduced_size(width: int, height: int, short_side: int) -> tuple[int, int]:
    factor = min(1.0, short_side / min(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


@dataclass
class _Clip:
    path: Path
    program: str
    found: Input
    smooth: bool
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        video, duration = self.found.video, self.found.info.duration
        self.name = self.found.source.name
        self.rate, self.ticks, self.constant_rate, self.aspect = (
            video.rate,
            video.ticks,
            video.constant_rate,
            video.aspect,
        )
        self.total = max(1, round(duration * (video.average or video.rate))) if duration else None

    def read(self, short_side: int | None = None) -> Generator[Frame, None, None]:
        size = _reduced_size(*self.found.video.shown_size, short_side) if short_side else None
        options = ReadOptions(size, smooth=self.smooth)
        with closing(FfmpegReader(self.program, self.found, options)) as reader:
            self.aspect = reader.aspect
            yield from reader
            reader.finish()
            if reader.damage:
                self.notes = [f"{self.name} is damaged: only the {reader.count} frames that can be decoded were used"]

    def stem(self, index: int) -> str:
        return f"{index:06d}"

    def identity(self) -> str:
        return digest(_content(self.path))


@dataclass
class _Folder:
    path: Path
    files: list[Path]
    rate: Fraction = _FOLDER_RATE
    ticks: int = 0
    constant_rate: bool = True
    aspect: Fraction = Fraction(1)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.name = str(self.path)
        self.total: int | None = len(self.files)

    def read(self, short_side: int | None = None) -> Generator[Frame, None, None]:
        shape: tuple[int, ...] | None = None
        for index, file in enumerate(self.files):
            pixels = read_rgb(file, FlowError)
            if shape is not None and pixels.shape != shape:
                sizes = f"{pixels.shape[1]}x{pixels.shape[0]}, the one before it {shape[1]}x{shape[0]}"
                raise FlowError(f"{file} is {sizes}", "flow needs frames of one size")
            shape = pixels.shape
            yield Frame(_reduced(pixels, short_side), index / self.rate, 1 / self.rate)

    def stem(self, index: int) -> str:
        return self.files[index].stem

    def identity(self) -> str:
        return digest(part for file in self.files for part in (f"{file.name}\0", *_content(file)))


def _reduced(pixels: np.ndarray, short_side: int | None) -> np.ndarray:
    if short_side is None or min(pixels.shape[:2]) <= short_side:
        return pixels
    size = _reduced_size(pixels.shape[1], pixels.shape[0], short_side)
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _open_folder(path: Path) -> _Folder:
    files = [file for file in path.iterdir() if file.suffix.lower() in _PICTURES and not file.name.startswith(".")]
    files = sorted((file for file in files if file.is_file()), key=by_numbers)
    if len(files) < 2:
        what = "has only one picture" if files else "has no pictures"
        raise FlowError(f"{path} {what}", f"flow needs two or more frames ({' '.join(sorted(_PICTURES))})")
    stem, count = Counter(file.stem for file in files).most_common(1)[0]
    if count > 1:
        raise FlowError(f"{path} has {count} pictures named {stem}", "keep one picture a frame")
    return _Folder(path, files)
