"""From measured changes to corrections: what comes and goes is flicker, what stays and what is rare is not."""

from __future__ import annotations

import numpy as np

from reconet_cli.stylizing.deflicker.alone.grid import Grid

SPAN = 0.5  # seconds: standard deviation of the weights over time
_ONE_SIDED = 0.36  # variance of one half of a Gaussian
_WAY = 0.25  # seconds on either side
_DIRECT = (0.5, 0.8)  # net change as a share of all: flicker of two swings a second and more stays below
_EVEN = (0.2, 0.4)
_RARE = 3.0  # times what changes usually are at most: a flash, or a light that is switched
_LEAST = 0.08  # and at least this much, as a logarithm
_PIECE = 500  # frames that are smoothed at a time
_REACH = 4.0  # times the span: what is farther away has no weight
_FAINT = (0.004, 0.004, 0.004, 0.01)  # what the whole, rows, columns and cells have without flicker: half of it is left


def corrections(changes: np.ndarray, rate: float, grid: Grid) -> np.ndarray:
    """What to add to the logarithms of a scene's frames, float16 `(frames, count, 3)`.

    `changes` `(frames - 1, count, 3)` are from each frame to the next, `rate` is frames a second.
    """
    count = len(changes) + 1
    reach = round(_REACH * SPAN * rate)
    result = np.empty((count, *changes.shape[1:]), np.float16)
    for first in range(0, count, _PIECE):
        begin, end = max(0, first - reach), min(count, first + _PIECE + reach)
        piece = _smoothed(changes[begin : end - 1].astype(np.float32), rate, grid)
        result[first : first + _PIECE] = piece[first - begin :][:_PIECE]
    return result


def _smoothed(changes: np.ndarray, rate: float, grid: Grid) -> np.ndarray:
    """`corrections` of a part of a scene."""
    changes = np.where(rare(changes, rate, grid), 0, changes) * (1 - one_way(changes, rate))
    course = np.concatenate([np.zeros_like(changes[:1]), np.cumsum(changes, 0)])
    flat = course.reshape(len(course), -1)
    weights = smoother(len(course), SPAN * rate)
    result: np.ndarray = (weights @ flat - flat).reshape(course.shape)
    result *= _trust(result, SPAN * rate, grid)
    return result


def smoother(count: int, span: float) -> np.ndarray:
    """`(count, count)`: row i has the weights by which a course is smoothed at i.

    They are Gaussian with a standard deviation of `span` steps. At the ends, where they reach to one side only, half of
    the slope there is followed: a straight line fitted in full would turn with every flicker of the last frames.
    """
    steps = np.arange(count, dtype=np.float64)
    away = steps[None] - steps[:, None]
    near = np.exp(-0.5 * (away / span) ** 2)
    near /= near.sum(1, keepdims=True)
    mean = (near * away).sum(1, keepdims=True)
    spread = (near * (away - mean) ** 2).sum(1, keepdims=True)
    weights = near * (1 - mean * (away - mean) / (spread + _ONE_SIDED * span**2))
    return np.asarray(weights, np.float32)


def rare(changes: np.ndarray, rate: float, grid: Grid) -> np.ndarray:
    """True for changes that stand out of the second around them: a flash, or a light that is switched."""
    size = np.abs(changes)
    found = size > np.maximum(_RARE * _usual(size, max(4, round(rate))), _LEAST)
    result: np.ndarray = found | found[:, grid.parts[0]].any((1, 2), keepdims=True)
    return result


def one_way(changes: np.ndarray, rate: float) -> np.ndarray:
    """How far the changes around each go the same way, step by step, as fades do, in [0, 1]."""
    around = max(1, round(_WAY * rate))
    total, path, power = (_moving_sum(each, around) for each in (changes, np.abs(changes), changes**2))
    direct = np.abs(total) / np.maximum(path, 1e-6)
    even = path**2 / np.maximum((2 * around + 1) * power, 1e-12)  # 1 for steps of one size, next to 0 for a single jump
    shares = (np.clip((each - low) / (high - low), 0, 1) for each, (low, high) in ((direct, _DIRECT), (even, _EVEN)))
    result: np.ndarray = np.multiply(*shares)
    return result


def _moving_sum(values: np.ndarray, around: int) -> np.ndarray:
    """Over each value and `around` neighbors on either side, as far as there are any."""
    sums = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, 0)])
    each = np.arange(len(values))
    result: np.ndarray = sums[np.minimum(each + around + 1, len(values))] - sums[np.maximum(each - around, 0)]
    return result


def _usual(size: np.ndarray, around: int) -> np.ndarray:
    """What all but a tenth (at least two) of the changes within `around` frames stay below."""
    count = len(size)
    usual = np.empty_like(size)
    for first in range(0, count, max(1, around // 4)):
        window = size[max(0, first - around) : first + around]
        rank = max(2, len(window) // 10)
        usual[first : first + max(1, around // 4)] = np.sort(window, 0)[max(0, len(window) - 1 - rank)]
    return usual


def _trust(result: np.ndarray, span: float, grid: Grid) -> np.ndarray:
    """How much of each correction is flicker, in [0, 1], by the power that is usual around it."""
    count = len(result)
    steps = np.arange(count)
    near = np.exp(-0.5 * ((steps[None] - steps[:, None]) / span) ** 2).astype(np.float32)
    near /= near.sum(1, keepdims=True)
    power = (near @ (result**2).reshape(count, -1)).reshape(result.shape)
    trust: np.ndarray = np.empty_like(power)
    for part, faint in zip(grid.parts, _FAINT, strict=True):
        mean = power[:, part].mean(2, keepdims=True)
        trust[:, part] = mean / (mean + faint**2)
    return trust
