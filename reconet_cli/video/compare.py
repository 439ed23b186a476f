"""Whether what was written lasts as long as what was read."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from reconet_cli.video.probing.info import MediaInfo
from reconet_cli.video.probing.probe import probe
from reconet_cli.video.probing.source import file_source

_ROUNDING = Fraction(1, 100)  # in the seconds that ffmpeg prints


def compare_durations(
    program: str, info: MediaInfo, path: Path, rate: Fraction, start: Fraction | None, duration: Fraction | None
) -> list[str]:
    """A sentence where the file `path` lasts longer or shorter than its input by more than a frame, at `rate`.

    `start` and `duration` say which part of the input was read.
    """
    there = probe(program, file_source(path)).duration
    if info.duration is None or there is None:
        return []
    wanted = info.duration - (start or 0)
    if duration is not None:
        wanted = min(wanted, duration)
    if abs(there - wanted) <= 1 / rate + _ROUNDING:
        return []
    return [f"{path} lasts {float(there):.2f} s, its input {float(wanted):.2f} s"]
