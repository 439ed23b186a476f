"""Whether a YUV4MPEG2 stream ends inside a frame; ffmpeg leaves the last one out then without a word."""

from __future__ import annotations

import re
from pathlib import Path

_LINE_MOST = 1 << 16
_LOOK = 256  # bytes; a frame's own line has seldom more than seven
_SHARES = {"420": (2, 2), "422": (2, 1), "444": (1, 1), "411": (4, 1), "mono": (0, 0)}


class Y4mEnd:
    """Follows a stream from its first byte on.

    `left` is the number of bytes of a frame that has begun and is not complete, `skip` how many of what comes next are
    pixels.
    """

    def __init__(self) -> None:
        self.skip = 0
        self.left = 0
        self._frame: int | None = None
        self._line = b""
        self._lost = False

    def put(self, chunk: bytes) -> None:
        """The next bytes."""
        rest = memoryview(chunk)
        while rest and not self._lost:
            if self.skip:
                count = min(self.skip, len(rest))
                self.passed(count)
                rest = rest[count:]
                continue
            text = bytes(rest[:_LINE_MOST])
            line, end, _ = text.partition(b"\n")
            self._line += line + end
            self.left += 0 if self._frame is None else len(line) + len(end)
            rest = rest[len(line) + len(end) :]
            if end:
                self._begin()

    def passed(self, count: int) -> None:
        """So many bytes of pixels have come, and were not put in."""
        self.skip -= count
        self.left = self.left + count if self.skip else 0

    def _begin(self) -> None:
        if self._frame is None:
            self._frame = _frame_bytes(self._line.decode("latin-1"))
            self._lost = not self._frame
        else:
            self.skip = self._frame
        self._line = b""


def left_in(path: Path) -> int:
    """The number of bytes of an incomplete frame at the end of a file."""
    end = Y4mEnd()
    size = path.stat().st_size
    with path.open("rb") as file:
        while chunk := file.read(_LOOK):
            end.put(chunk)
            if count := min(end.skip, size - file.tell()):
                file.seek(count, 1)
                end.passed(count)
    return end.left


def _frame_bytes(head: str) -> int:
    """The bytes of a frame's pixels by the stream's first line; 0 where that is not to be known."""
    said = {word[0]: word[1:] for word in head.split()[1:] if word}
    kind = re.match(r"(420|422|444|411|mono)(alpha)?(?:\D*p)?(\d+)?", said.get("C", "420"))
    if not kind or not (said.get("W", "").isdigit() and said.get("H", "").isdigit()):
        return 0
    width, height = int(said["W"]), int(said["H"])
    across, down = _SHARES[kind[1]]
    pixels = width * height * (2 if kind[2] else 1)
    if across:
        pixels += 2 * -(-width // across) * -(-height // down)
    return pixels * (2 if kind[3] and int(kind[3]) > 8 else 1)
