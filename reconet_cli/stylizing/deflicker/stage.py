"""The stage that takes out flicker: of frames just painted, or of a clip that any tool has painted."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from reconet_cli.errors import MediaError
from reconet_cli.stylizing.deflicker.deflicker import Deflicker
from reconet_cli.stylizing.deflicker.following import Followed
from reconet_cli.stylizing.stage import Memory, Stage
from reconet_cli.video.ffmpeg.locate import find_ffmpeg
from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.probing.examine import look_at
from reconet_cli.video.probing.source import file_source
from reconet_cli.video.reading.decode import ReadOptions
from reconet_cli.video.reading.reader import FfmpegReader


class DeflickerStage(Stage):
    """Takes the flicker out of paintings by the motion of the frames that they were painted from."""

    in_order = True

    def __init__(self, deflicker: Deflicker) -> None:
        self._deflicker = deflicker

    def prepare(self, source: Frame) -> Followed | None:
        """Follow the motion."""
        number = round(source.time / source.duration) if source.duration else 0
        return self._deflicker.follow(source.pixels, number)

    def apply(self, source: Frame, painted: Frame, prepared: Followed | None) -> Frame:
        """Carry strokes along."""
        return replace(painted, pixels=self._deflicker.show(painted.pixels, prepared))

    def memory(self) -> Memory:
        """See `Deflicker.memory`."""
        return self._deflicker.memory()

    def remember(self, memory: Memory) -> None:
        """See `Deflicker.remember`."""
        self._deflicker.remember(memory)


class ClipDeflickerStage(DeflickerStage, AbstractContextManager["ClipDeflickerStage"]):
    """The same for a clip that is painted already; the original is read beside it, frame by frame."""

    def __init__(self, original: Path, size: tuple[int, int], strength: float, ffmpeg: str | None) -> None:
        """Open the original, brought to the painted frames' `size` (width, height). Raises MediaError."""
        super().__init__(Deflicker(strength))
        program = find_ffmpeg(ffmpeg)
        self._reader = FfmpegReader(program, look_at(program, file_source(original)), ReadOptions(size=size))
        self._frames = iter(self._reader)
        self._count = 0

    def __exit__(self, *error: object) -> None:
        """End the decoder."""
        self._reader.close()

    def prepare(self, source: Frame) -> Followed | None:
        """Follow the original of the next painted frame. Raises MediaError where there is none any more."""
        original = next(self._frames, None)
        if original is None:
            self._reader.finish()
            raise MediaError(
                f"{self._reader.name} has only {self._count} frames, the painted clip has more",
                "name the clip that it was painted from: frames are paired by their index",
            )
        self._count += 1
        return super().prepare(original)

    def surplus(self) -> bool:
        """True where the original goes on after the last painted frame."""
        return next(self._frames, None) is not None
