"""The newest frame of a source that goes on whether anybody looks or not."""

from __future__ import annotations

from collections.abc import Iterable

from reconet_cli.video.ffmpeg.pixels import Frame
from reconet_cli.video.reading.pump import Pump


class Newest:
    """Reads frames as fast as they come, on a thread of its own, and keeps the newest one."""

    def __init__(self, frames: Iterable[Frame]) -> None:
        self._frame: Frame | None = None
        self._pump = Pump(frames, self._keep, "newest")
        self._pump.start()

    @property
    def ended(self) -> bool:
        """True after the last frame was taken; never where an error is still to be raised by `take`."""
        return self._pump.ended and self._frame is None and self._pump.error is None

    def take(self, patience: float) -> Frame | None:
        """The newest frame that was not taken yet; None where none comes within so many seconds.

        Raises what ended the source.
        """
        with self._pump.changed:
            self._pump.changed.wait_for(lambda: self._frame is not None or self._pump.ended, patience)
            frame, self._frame = self._frame, None
        if frame is None and self._pump.error:
            raise self._pump.error
        return frame

    def join(self, patience: float) -> None:
        """Wait for the thread's end, once the source has been ended."""
        self._pump.join(patience)

    def _keep(self, frame: Frame) -> None:
        self._frame = frame
