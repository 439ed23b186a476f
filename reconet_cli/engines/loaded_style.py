"""A loaded style: a function from frames to painted frames, of any size."""

from __future__ import annotations

import logging
import sys
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from reconet_cli.engines.kinds import Engine, EngineOptions
from reconet_cli.engines.load import load_engine
from reconet_cli.errors import EngineError
from reconet_cli.styles.finding import find_style, style_files, style_name

if TYPE_CHECKING:
    import torch

log = logging.getLogger("reconet")

Frames = TypeVar("Frames", np.ndarray, "torch.Tensor")

# Frames of different sizes may take turns: engines are kept for so many sizes, and for so many pixels in all of them.
_KEPT = 4
_KEPT_PIXELS = 3 << 20
_TYPES = (np.dtype(np.uint8), np.dtype(np.uint16))


class LoadedStyle:
    """A style that is ready to paint. Call it with frames; calls from several threads are fine."""

    def __init__(self, style: str | Path, options: EngineOptions | None = None) -> None:
        """Find a style. Raises `StyleError` with the names to choose from."""
        self.asked = str(style)  # by which name or path
        self.options = options or EngineOptions()
        self.path = find_style(self.asked, self.options.variant)
        self._engines: OrderedDict[tuple[int, int, bool], dict[str, Engine]] = OrderedDict()

    @property
    def name(self) -> str:
        """What to call the style."""
        return style_name(self.path)

    @property
    def files(self) -> list[Path]:
        """The files that the network is read from."""
        return [file for file in style_files(self.path) if file.is_file()]

    def __call__(self, frames: Frames) -> Frames:
        """Paint a frame `(H, W, 3)` or a batch `(N, H, W, 3)`: RGB, uint8, or uint16 over its whole range.

        Gives the same shape and type; a PyTorch tensor in, a tensor on the same device out. Raises `EngineError` for
        anything else, and where the network cannot run on frames of this size.
        """
        if "torch" in sys.modules:
            import torch

            if isinstance(frames, torch.Tensor):
                return torch.from_numpy(self(frames.cpu().numpy())).to(frames.device)
        if not isinstance(frames, np.ndarray) or frames.ndim not in (3, 4) or frames.shape[-1] != 3:
            shape = getattr(frames, "shape", type(frames).__name__)
            raise EngineError(f"a style paints RGB frames (H, W, 3) or batches (N, H, W, 3), not {shape}")
        if frames.dtype not in _TYPES:
            raise EngineError(f"a style paints frames of uint8 or uint16, not {frames.dtype}")
        if frames.ndim == 4:
            return np.stack([self(frame) for frame in frames]) if len(frames) else frames.copy()
        height, width = frames.shape[:2]
        return self.engine(height, width, sixteen_bit=frames.dtype == np.uint16)(np.ascontiguousarray(frames))

    def engine(self, height: int, width: int, *, sixteen_bit: bool = False, precision: str | None = None) -> Engine:
        """The engine for frames of one size, uint8 or (`sixteen_bit`) uint16, kept for the next ones.

        `precision` overrides the style's own. Raises `EngineError` and `StyleError`.
        """
        engines = self._of_size((height, width, sixteen_bit))
        options = self.options
        chosen = precision or options.precision
        if chosen not in engines:
            engines[chosen] = load_engine(
                str(self.path), height=height, width=width, sixteen_bit=sixteen_bit,
                backend=options.engine, device=options.device, precision=chosen,
            )  # fmt: skip
            log.info(engines[chosen].description)
        return engines[chosen]

    def _of_size(self, size: tuple[int, int, bool]) -> dict[str, Engine]:
        """The engines of a size. Those of others go before new ones are loaded, which may need the memory."""
        engines = self._engines.pop(size, None)
        if engines is None:
            engines = {}
            pixels = [height * width for height, width, _ in (*self._engines, size)]
            while self._engines and (len(pixels) > _KEPT or sum(pixels) > _KEPT_PIXELS):
                self._engines.popitem(last=False)
                pixels.pop(0)
        self._engines[size] = engines
        return engines


def as_loaded(style: str | Path | LoadedStyle) -> LoadedStyle:
    """A style that may be loaded already; others are, with what suits this machine. Raises `StyleError`."""
    return style if isinstance(style, LoadedStyle) else LoadedStyle(style)
