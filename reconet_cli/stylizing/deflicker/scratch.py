"""Memory that is used again for every frame."""

from __future__ import annotations

from typing import Any

import numpy as np


class Scratch:
    """Arrays by name, each of the latest size asked for.

    Fresh ones of a frame's size come from the system page by page, which takes as long as computing what is in them.
    """

    def __init__(self) -> None:
        self._arrays: dict[str, np.ndarray] = {}

    def __call__(self, name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """An array with anything in it, the same one as long as shape and type stay."""
        array = self._arrays.get(name)
        if array is None or array.shape != shape or array.dtype != dtype:
            array = self._arrays[name] = np.empty(shape, dtype)
        return array
