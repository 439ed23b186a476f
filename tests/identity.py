"""Painting within the test's process, with a function in place of a network."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from reconet_cli.stylizing import whole
from reconet_cli.stylizing.stage import Stage
from reconet_cli.video.request import Request

MIX = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


def silent(done, total):
    """No progress."""


class Frames(Stage):
    """A stage out of a function of frames."""

    def __init__(self, function: Callable, concurrency: int = 1) -> None:
        self.function, self.concurrency = function, concurrency

    def apply(self, source, painted, prepared):
        return self.function(painted)


class Pixels(Stage):
    """A stage out of a function of pixels."""

    concurrency = 1

    def __init__(self, function: Callable) -> None:
        self.function = function

    def apply(self, source, painted, prepared):
        return replace(painted, pixels=self.function(painted.pixels))


@contextmanager
def told() -> Iterator[list[str]]:
    """What the library tells its users meanwhile."""
    sentences: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record):
            sentences.append(record.getMessage())

    keep, log = Keep(logging.INFO), logging.getLogger("reconet")
    before = log.level
    log.addHandler(keep)
    log.setLevel(logging.INFO)
    try:
        yield sentences
    finally:
        log.removeHandler(keep)
        log.setLevel(before)


def paint(source: Path, target: Path, *, network=lambda frame: frame, **options) -> list[str]:
    """Stylize with `network` and return what was told."""
    request = Request(str(source), str(target), **options)
    with told() as sentences:
        assert whole.paint(request, lambda height, width, sixteen_bit: [Pixels(network)], silent).frames > 0
    return sentences


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if "part" in path.name)


def close(first, second, most=0.0015) -> bool:
    return len(first) == len(second) and np.allclose(first, second, rtol=0, atol=most)
