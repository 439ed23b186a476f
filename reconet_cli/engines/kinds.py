"""What an engine is, and which loads which kind of file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from reconet_cli.model.endings import EXPORTED


class Engine(Protocol):
    """A style loaded for frames of one size; it may be called on `concurrency` threads at the same time."""

    description: str
    precision: str
    concurrency: int

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        """Paint an RGB frame `(H, W, 3)`, uint8 or (sixteen_bit) uint16; the result has the same shape and type."""
        ...


@dataclass(frozen=True)
class EngineOptions:
    """What runs a style's network: `variant` of its networks, `engine`, `device` and `precision`; see `load_style`."""

    variant: str = "auto"
    engine: str = "auto"
    device: str = "auto"
    precision: str = "auto"


# Loads a file for frames of (height, width), uint8 or, where the flag is set, uint16.
Loader = Callable[[Path, tuple[int, int], bool, EngineOptions], Engine]


def _exported(path: Path, size: tuple[int, int], sixteen_bit: bool, options: EngineOptions) -> Engine:
    from reconet_cli.engines.exported import ExportedEngine

    engine = ExportedEngine(path, *size, options.engine, options.device, options.precision, sixteen_bit=sixteen_bit)
    engine.description = f"{path.name} · {engine.description}"
    return engine


_LOADERS: dict[str, Loader] = dict.fromkeys(EXPORTED, _exported)


def register_engine(ending: str, loader: Loader) -> None:
    """Let styles be files with this ending (such as `.mine`), which `loader` makes engines of."""
    _LOADERS[ending] = loader
    if ending not in EXPORTED:
        EXPORTED.append(ending)


def unregister_engine(ending: str) -> None:
    """Undo `register_engine`."""
    del _LOADERS[ending]
    EXPORTED.remove(ending)


def loader_of(path: Path) -> Loader | None:
    """What loads a file that holds no weights of this project; None for weights."""
    return _LOADERS.get(path.suffix.lower())
