"""What each effect costs a frame, beside a copy of the frame: `python benchmarks/effects.py [WIDTHxHEIGHT]`.

Networks are left out: the painting is a second picture of noise. A blend of two styles also costs the second network.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from fractions import Fraction

import numpy as np

from reconet_cli.stylizing.effects import Effects, EffectsStage
from reconet_cli.stylizing.effects.masks import open_mask
from reconet_cli.stylizing.network import Network
from reconet_cli.stylizing.stage import through
from reconet_cli.video.ffmpeg.pixels import Frame

ROUNDS = 40
CASES = {
    "--strength 0.5": Effects(strength=0.5),
    "--keep-color": Effects(keep_color=True),
    "--mask '#00ff00:0.3'": Effects(mask="#00ff00:0.3"),
    "--compare side": Effects(compare="side"),
    "--compare split": Effects(compare="split"),
    "--mix 0.3": Effects(mix=0.3),
    "all but side": Effects(strength=0.5, keep_color=True, mask="#00ff00:0.3", compare="split", mix=0.3),
}


class Noise:
    """A network that paints the same noise at once."""

    description, precision, concurrency = "noise", "", 1

    def __init__(self, seed: int, height: int, width: int) -> None:
        self._picture = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """The noise, whatever the frame."""
        return self._picture


def milliseconds(work: Callable[[], object]) -> float:
    """The shortest time of a call: others share the machine."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times) * 1000


def main() -> None:
    """Print the table."""
    width, height = (int(n) for n in (sys.argv[1] if sys.argv[1:] else "640x360").split("x"))
    source = Noise(0, height, width)(np.empty(0))
    frame = Frame(source, Fraction(0), Fraction(1))
    networks = [Noise(1, height, width), Noise(2, height, width)]
    copy = milliseconds(source.copy)
    print(f"{width}x{height}, copy of a frame: {copy:.2f} ms")
    for name, effects in CASES.items():
        with ExitStack() as stack:
            mask = stack.enter_context(open_mask(effects.mask, (width, height), None, None)) if effects.mask else None
            stages = [Network(networks, effects.style_at), EffectsStage(effects, mask)]
            cost = milliseconds(lambda stages=stages: through(stages, frame, frame))  # type: ignore[misc]
        print(f"{name:<22}{cost:6.2f} ms{cost / copy:8.0f} copies")


if __name__ == "__main__":
    main()
