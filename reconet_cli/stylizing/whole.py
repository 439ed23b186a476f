"""A whole file, pipe or stream in one go."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reconet_cli.stylizing.pipeline import DEPTH, run
from reconet_cli.stylizing.stage import Stage
from reconet_cli.video.conversion import convert
from reconet_cli.video.reading.live import Live
from reconet_cli.video.request import Request

log = logging.getLogger("reconet")

_QUEUE_BYTES = 128 << 20  # what waiting frames may take, in each queue
_TELL_EVERY = 5.0  # seconds between two reports of a live run

# Called with the number of frames that are written and of all (None: unknown): first with 0, then after each frame.
Progress = Callable[[int, "int | None"], None]
# Gives the stages for frames of (height, width), uint16 or uint8.
OpenStages = Callable[[int, int, bool], "list[Stage]"]


@dataclass(frozen=True)
class Outcome:
    """What was done: frames, the seconds that took from the first to the last, and (width, height)."""

    frames: int
    seconds: float
    size: tuple[int, int]


def paint(request: Request, open_stages: OpenStages, progress: Progress) -> Outcome:
    """Paint what `request` names. Raises ReconetError; nothing is left behind then.

    What the user should know goes to the log. `open_stages(height, width, sixteen_bit)` is asked once the input is
    open; `sixteen_bit` frames are uint16, others uint8.
    """
    with convert(request) as conversion:
        reader, writer = conversion.reader, conversion.output.writer()
        width, height = reader.size
        sixteen_bit = conversion.layout.sixteen_bit
        tell(conversion.notes + conversion.output.stale)
        stages = open_stages(height, width, sixteen_bit)
        advance = Counter(conversion.total, progress)
        began = time.perf_counter()
        if request.latency:
            frames = _run_live(Live(reader, writer, request.latency), stages, advance)
        else:
            depth = _depth(width * height * (6 if sixteen_bit else 3))
            frames = run(reader, stages, writer, depth=depth, on_frame=advance)
        seconds = time.perf_counter() - began
        conversion.output.commit()
        tell(conversion.afterwards(frames))
        return Outcome(frames, seconds, (width, height))


def tell(sentences: Iterable[str]) -> None:
    """Log what the user should know."""
    for sentence in sentences:
        log.info(sentence)


class Counter:
    """Counts frames from `done` on and reports each to `progress`."""

    def __init__(self, total: int | None, progress: Progress, done: int = 0) -> None:
        self._done = done
        self._total = total
        self._progress = progress
        progress(done, total)

    def __call__(self) -> None:
        """One more frame is written."""
        self._done += 1
        self._progress(self._done, self._total)


def _depth(frame_bytes: int) -> int:
    """How many frames may wait: fewer of large ones."""
    return max(1, min(DEPTH, _QUEUE_BYTES // frame_bytes))


def _run_live(live: Live, stages: list[Stage], advance: Callable[[], None]) -> int:
    """Run with queues as short as can be, telling now and then how late the frames are."""
    told = time.monotonic()

    def on_frame() -> None:
        nonlocal told
        advance()
        if time.monotonic() - told > _TELL_EVERY:
            told = time.monotonic()
            log.info(str(live))

    frames = run(live.reader, stages, live.writer, depth=1, beyond=0, on_frame=on_frame)
    log.info(str(live))
    return frames
