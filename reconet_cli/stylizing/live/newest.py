"""The newest frame of a source that goes on whether anybody looks or not."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from reconet_cli.video.ffmpeg.pixels import Frame


class Newest:
    """Reads frames as fast as they come, on a thread of its own, and keeps the newest one."""

    def __init__(self, frames: Iterable[Frame]) -> None:
        self._frames = frames
        self._frame: Frame | None = None
        self._ended = False
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, name="newest", daemon=True)
        self._thread.start()

    @property
    def ended(self) -> bool:
        """True after the last frame was taken; never where an error is still to be raised by `take`."""
        return self._ended and self._frame is None and self._error is None

    def take(self, patience: float) -> Frame | None:
        """The newest frame that was not taken yet; None where none comes within so many seconds.

        Raises what ended the source.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._frame is not None or self._ended, patience)
            frame, self._frame = self._frame, None
        if frame is None and self._error:
            raise self._error
        return frame

    def join(self, patience: float) -> None:
        """Wait for the thread's end, once the source has been ended."""
        self._thread.join(patience)

    def _read(self) -> None:
        try:
            for frame in self._frames:
                with self._changed:
                    self._frame = frame
                    self._changed.notify_all()
        except BaseException as error:
            self._error = error
        with self._changed:
            self._ended = True
            self._changed.notify_all()
