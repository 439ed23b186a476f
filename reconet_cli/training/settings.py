"""What a training run is asked to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class LossWeights:
    """Weights of the scale-free losses: content α, style β, total variation γ, feature λ_f and output λ_o temporal."""

    content: float = 0.8
    style: float = 10.0
    variation: float = 1.0
    feature_temporal: float = 1.0
    output_temporal: float = 50.0


@dataclass(frozen=True)
class TrainingSettings:
    """A run; everything here decides the result, so all of it is kept in checkpoints and in the weights' recipe.

    `style_size` is the style picture's shorter side in pixels (larger: broader strokes), `size` the side of the square
    training frames, `batch` the number of frame pairs a step.
    """

    variant: str = "fast"
    norm: str = "instance"
    style_size: int = 640
    size: int = 256
    batch: int = 1
    steps: int = 3000
    learning_rate: float = 2e-3
    seed: int = 0
    precision: str = "fp32"
    weights: LossWeights = field(default_factory=LossWeights)

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class TrainingFiles:
    """Where a run reads and writes: a style's folder, its working files in `run/`; `start`: weights to begin with."""

    style: Path
    data: tuple[Path, ...]
    loss_weights: Path | None
    start: Path | None
    output: Path
    variant: str

    @property
    def work(self) -> Path:
        """Folder of checkpoints, loss curve and previews."""
        return self.output / "run" / self.variant

    @property
    def checkpoint(self) -> Path:
        """The newest state that training can continue from."""
        return self.work / "checkpoint.pt"

    @property
    def finished(self) -> Path:
        """The style's weights file."""
        return self.output / f"{self.variant}.safetensors"
