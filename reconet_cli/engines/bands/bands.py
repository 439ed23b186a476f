"""A large frame painted band by band: little memory, and still every norm sees the whole frame.

Each convolution is done twice: for the moments of its result over the frame, which are a few numbers, and again for the
result itself, now that the norm behind it is known. Only what goes into the next convolution is kept, in eight bits
where that convolution rounds to them anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from reconet_cli.engines.bands.band_steps import Step
from reconet_cli.engines.openvino.squares import join_squares
from reconet_cli.model.network import padding_to_multiple

# What a band's result usually takes as float32. Each of two dozen models keeps several such blocks.
_BAND_BYTES = 1 << 20


class Kernel(Protocol):
    """A step's computation on a band: source rows `(h, w, C)` with their border to target rows of type `dtype`."""

    dtype: np.dtype

    def moments(self, band: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance `(C,)` of the convolution's result."""
        ...

    def finish(self, band: np.ndarray, factor: np.ndarray, offset: np.ndarray, added: np.ndarray | None) -> np.ndarray:
        """The target rows, with the norm as `factor` and `offset` `(C,)`."""
        ...

    def release(self) -> None:
        """Give back what a run took."""
        ...


class BandedPainter:
    """Paints frames `(H, W, 3)` with the steps of a network, each on a kernel."""

    def __init__(self, steps: Sequence[tuple[Step, Kernel]], multiple: int, band_bytes: int | None = None) -> None:
        self._steps = steps
        self._multiple = multiple
        self._band_bytes = band_bytes or _BAND_BYTES

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint a frame."""
        height, width = frame.shape[:2]
        right, down, mode = padding_to_multiple(height, width, self._multiple)
        padded = np.pad(frame, ((0, down), (0, right), (0, 0)), "edge" if mode == "replicate" else "reflect")
        maps = {"frame": padded if right or down else frame}
        for number, (step, kernel) in enumerate(self._steps):
            maps[step.target] = _run(step, kernel, maps, self._band_bytes)
            kernel.release()
            self._forget(maps, number)
        return join_squares(maps["squares"], height, width)

    def _forget(self, maps: dict[str, np.ndarray], number: int) -> None:
        """Drop the maps that no later step reads before it is made anew."""
        wanted = {"squares"}
        for step, _ in reversed(self._steps[number + 1 :]):
            wanted = (wanted - {step.target}) | {step.source, step.added}
        for name in maps.keys() - wanted:
            del maps[name]


def _run(step: Step, kernel: Kernel, maps: dict[str, np.ndarray], band_bytes: int) -> np.ndarray:
    source, added = maps[step.source], maps.get(step.added)
    channels = step.conv.out_channels
    factor, offset = np.ones(channels), np.zeros(channels)
    bands = list(_bands(step, source.shape, band_bytes))
    if step.norm is not None:
        found = [(last - first, *kernel.moments(_with_border(step, source, first, last))) for first, last in bands]
        factor, offset = step.scaling(*_together(found))
    size = [side * 2 if step.doubles else side // step.stride for side in source.shape[:2]]
    # A block's sum may take the place of its input: a band needs no other band of that.
    in_place = added is not None and step.added == step.target
    target = added if in_place and added is not None else np.empty((*size, channels), kernel.dtype)
    for first, last in bands:
        rows = slice(*(row * 2 if step.doubles else row for row in (first, last)))
        band = _with_border(step, source, first, last)
        target[rows] = kernel.finish(band, factor, offset, None if added is None else added[rows])
    return target


def _bands(step: Step, shape: tuple[int, ...], band_bytes: int) -> Iterator[tuple[int, int]]:
    """First and last target rows (pairs, where the step doubles) of each band."""
    count, columns = shape[0] // step.stride, shape[1] // step.stride
    values = columns * step.conv.out_channels * (4 if step.doubles else 1)
    rows = max(8, band_bytes // (4 * values))
    for first in range(0, count, rows):
        yield first, min(first + rows, count)


def _with_border(step: Step, source: np.ndarray, first: int, last: int) -> np.ndarray:
    """The source rows that target rows `first` to `last` need, with the frame's border where they reach over it."""
    top = step.stride * first - step.border
    bottom = step.stride * (last - 1) - step.border + step.reach
    rows, end = np.arange(top, bottom), source.shape[0] - 1
    rows = end - abs(end - abs(rows)) if step.mode == "reflect" else rows.clip(0, end)
    return np.pad(source[rows], ((0, 0), (step.border, step.border), (0, 0)), step.mode)  # type: ignore[call-overload]


def _together(found: Sequence[tuple[int, np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of all bands from (rows, mean, variance) of each (Chan et al., 1979)."""
    rows = np.array([[row] for row, _, _ in found], np.float64)
    means, variances = (np.array(part, np.float64) for part in list(zip(*found, strict=True))[1:])
    mean = (rows * means).sum(0) / rows.sum()
    return mean, (rows * (variances + (means - mean) ** 2)).sum(0) / rows.sum()
