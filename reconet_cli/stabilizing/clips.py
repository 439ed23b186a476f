"""A painted clip beside the clip that it was painted from."""

from __future__ import annotations

from collections import deque
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from reconet_cli.errors import MediaError
from reconet_cli.media.locate import find_ffmpeg
from reconet_cli.media.probing import probe
from reconet_cli.media.reader import FfmpegReader, Frame, ReadOptions
from reconet_cli.media.source import file_source, video_stream
from reconet_cli.stabilizing.following import Followed
from reconet_cli.stabilizing.stabilizer import Stabilizer


class ClipStabilizer(AbstractContextManager["ClipStabilizer"]):
    """A painter for the pipeline whose input is painted already; the original runs beside it, frame by frame."""

    lanes = 1

    def __init__(self, original: Path, size: tuple[int, int], strength: float, ffmpeg: str | None) -> None:
        """Open the original, brought to the painted frames' `size` (width, height). Raises MediaError."""
        program, source = find_ffmpeg(ffmpeg), file_source(original)
        info = probe(program, source)
        self._reader = FfmpegReader(program, source, info, video_stream(info, source.name), ReadOptions(size=size))
        self._frames = iter(self._reader)
        self._stabilizer = Stabilizer(strength)
        self._followed: deque[Followed | None] = deque()
        self._name = source.name
        self._count = 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the decoder."""
        self._reader.abort()
        self._reader.release()

    def __call__(self, frame: Frame) -> Frame:
        """Nothing is left to paint."""
        return frame

    def ahead(self, frame: Frame) -> None:
        """Follow the original of the next painted frame. Raises MediaError where there is none any more."""
        original = next(self._frames, None)
        if original is None:
            self._reader.finish()
            raise MediaError(
                f"{self._name} has only {self._count} frames, the painted clip has more",
                "name the clip that it was painted from: frames are paired by their index",
            )
        self._count += 1
        self._followed.append(self._stabilizer.follow(original.pixels))

    def then(self, frame: Frame, painted: Frame) -> Frame:
        """Steady the next painted frame."""
        return replace(painted, pixels=self._stabilizer.show(painted.pixels, self._followed.popleft()))

    def surplus(self) -> bool:
        """True where the original goes on after the last painted frame."""
        return next(self._frames, None) is not None
