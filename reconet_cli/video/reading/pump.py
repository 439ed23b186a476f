"""Reading ahead of whoever takes the frames, for sources that go on whether anybody looks or not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from reconet_cli.video.ffmpeg.pixels import Frame


class Pump:
    """Reads frames as fast as they come, on a thread of its own, and gives each to `keep`.

    `keep` is called with the lock of `changed` held, which is notified then, and once more at the end. `error` is what
    ended the source.
    """

    def __init__(self, frames: Iterable[Frame], keep: Callable[[Frame], None], name: str) -> None:
        self.changed = threading.Condition()
        self.ended = False
        self.error: BaseException | None = None
        self._frames = frames
        self._keep = keep
        self._thread = threading.Thread(target=self._read, name=name, daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def join(self, patience: float) -> None:
        """Wait for the thread's end, at most so many seconds."""
        self._thread.join(patience)

    def _read(self) -> None:
        try:
            for frame in self._frames:
                with self.changed:
                    self._keep(frame)
                    self.changed.notify_all()
        except BaseException as error:
            self.error = error
        with self.changed:
            self.ended = True
            self.changed.notify_all()
