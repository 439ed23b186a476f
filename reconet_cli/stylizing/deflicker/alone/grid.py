"""Where in a frame light and color change: all over it, by rows, by columns, and in cells."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np

_LONG = 240  # px: the longer side of the small frames that are measured
_STRIP, _CELL = 4, 16  # px of a small frame: the width of a row or column, and the side of a cell


@dataclass(frozen=True)
class Grid:
    """The places where changes are measured, for small frames of `size` (width, height).

    The changes of a frame are `(count, 3)`: one for the whole frame, then what rows have in addition to it, what
    columns have in addition, and what cells have in addition to all of these, each for red, green and blue.
    """

    size: tuple[int, int]

    @classmethod
    def of(cls, width: int, height: int) -> Grid:
        """The grid for frames of this size; the small ones have sides of whole cells."""
        scale = _LONG / max(width, height) / _CELL
        return cls((max(2, round(width * scale)) * _CELL, max(2, round(height * scale)) * _CELL))

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self.size[1] // _STRIP

    @property
    def columns(self) -> int:
        """Number of columns."""
        return self.size[0] // _STRIP

    @property
    def cells(self) -> tuple[int, int]:
        """(height, width) in cells."""
        return self.size[1] // _CELL, self.size[0] // _CELL

    @property
    def count(self) -> int:
        """Number of changes of a frame."""
        return 1 + self.rows + self.columns + self.cells[0] * self.cells[1]

    @property
    def parts(self) -> tuple[slice, slice, slice, slice]:
        """Where in the changes of a frame the whole, the rows, the columns and the cells are."""
        ends = np.cumsum([0, 1, self.rows, self.columns, self.cells[0] * self.cells[1]]).tolist()
        whole, rows, columns, cells = (slice(*pair) for pair in itertools.pairwise(ends))
        return whole, rows, columns, cells

    def measured(self, change: np.ndarray, valid: np.ndarray, clipped: np.ndarray) -> np.ndarray:
        """The changes `(count, 3)` that explain `change` `(h, w, 3)` of a small frame, by its `valid` pixels `(h, w)`.

        Medians, so that what moves otherwise does not count. `clipped` pixels say little about the light, and all about
        what becomes of the cell that they fill.
        """
        known = np.where((valid & ~clipped)[..., None], change, np.nan).astype(np.float32)
        whole, _ = _median(known.reshape(1, -1, 3)[:, ::7])
        known -= whole
        valid = valid & (np.abs(change - whole).max(2) < _OTHER)
        known[~valid] = np.nan
        rows = _smooth(*_median(_strips(known)))
        known -= np.repeat(rows, _STRIP, 0)[:, None]
        columns = _smooth(*_median(_strips(known.swapaxes(0, 1))))
        explained = whole + np.repeat(rows, _STRIP, 0)[:, None] + np.repeat(columns, _STRIP, 0)[None]
        left = np.where(valid[..., None], change, np.nan).astype(np.float32) - explained
        high, wide = self.cells
        blocks = left.reshape(high, _CELL, wide, _CELL, 3).swapaxes(1, 2).reshape(high * wide, -1, 3)
        cells, trust = _median(blocks)
        cells = _filled(cells.reshape(high, wide, 3), trust.reshape(high, wide))
        return np.concatenate([whole, rows, columns, cells.reshape(-1, 3)])

    def composed(self, changes: np.ndarray) -> np.ndarray:
        """The changes `(count, 3)` of a frame as one picture `(rows, columns, 3)`."""
        whole, rows, columns, cells = (changes[part].astype(np.float32) for part in self.parts)
        picture = cv2.resize(cells.reshape(*self.cells, 3), (self.columns, self.rows), interpolation=cv2.INTER_CUBIC)
        result: np.ndarray = picture + whole + rows[:, None] + columns[None]
        return result


def _strips(picture: np.ndarray) -> np.ndarray:
    """`(h, w, 3)` as the pixels of each strip of rows, `(rows, pixels, 3)`."""
    return picture.reshape(picture.shape[0] // _STRIP, -1, 3)


def _median(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The median over axis 1 of `(n, pixels, 3)` without nan (0 if all are), and how far to trust it."""
    ordered = np.sort(values, axis=1)  # nan comes last
    counts = values.shape[1] - np.isnan(values[..., 0]).sum(1)
    last = np.maximum(counts - 1, 0)
    each = np.arange(len(values))
    middle = (ordered[each, last // 2] + ordered[each, (last + 1) // 2]) / 2
    spread = (ordered[each, 3 * last // 4] - ordered[each, last // 4]).max(1)
    trust = np.minimum(counts / values.shape[1] / _ENOUGH, 1) / (1 + (spread / _UNEVEN) ** 2)
    known = counts > 0
    return np.where(known[:, None], middle, 0).astype(np.float32), np.where(known, trust, 0).astype(np.float32)


_OTHER = 0.4  # a logarithm: what changes by so much more than the whole frame is another thing
_UNEVEN = 0.1  # a logarithm: half of the pixels of a strip or cell lie within this where its median is half trusted
_ENOUGH = 0.3  # share of pixels by which a strip or cell is trusted as it is
_AROUND = 1.0  # strips or cells: how far others fill in


def _smooth(strips: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Strips `(n, 3)`; those that are not trusted take what their neighbors have."""
    return _filled(strips[:, None], trust[:, None])[:, 0]


def _filled(values: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """`(h, w, 3)` with what neighbors have where a value is not trusted; `trust` `(h, w)` in [0, 1]."""
    weights = cv2.GaussianBlur(trust, (0, 0), _AROUND)
    around = cv2.GaussianBlur(values * trust[..., None], (0, 0), _AROUND) / (weights[..., None] + 0.05)
    result: np.ndarray = around + trust[..., None] * (values - around)
    return result
