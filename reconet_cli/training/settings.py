"""What a training run is asked to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from reconet_cli.styles.cards import CARD, PREVIEW


def _weight(usual: float, keeps: str) -> float:
    """A field with what it keeps, for people."""
    return field(default=usual, metadata={"help": keeps})


@dataclass(frozen=True)
class LossWeights:
    """Weights of the scale-free losses.

    Content α, style β, total variation γ, feature λ_f and output λ_o temporal are the paper's terms; `tone` keeps light
    and shade, `color` brings in the colors of the style picture.
    """

    content: float = _weight(0.7, "What the frame shows.")
    style: float = _weight(6.0, "Strokes and textures.")
    tone: float = _weight(3.0, "Light and shade of the frame.")
    color: float = _weight(0.5, "Colors of the style.")
    variation: float = _weight(2.0, "Smoothness.")
    feature_temporal: float = _weight(1.0, "Features that stay the same along the motion.")
    output_temporal: float = _weight(50.0, "Pixels that stay the same along the motion.")


# More steps than anybody waits for: a run that something else ends.
ENDLESS = 1_000_000

# How far a painting may go from what it shows, and the losses of the paper alone, for comparison.
PRESETS = {
    "subtle": LossWeights(content=1.0, style=5.0),
    "normal": LossWeights(),
    "strong": LossWeights(content=0.5, style=8.0, tone=2.0),
    "paper": LossWeights(content=0.3, style=7.0, tone=0.0, color=0.0, variation=10.0),
}


@dataclass(frozen=True)
class TrainingSettings:
    """A run; everything here decides the result, so all of it is kept in checkpoints and in the weights' recipe.

    `style_scale` is the width of the strokes (2: twice as broad), `size` the side of the square training frames,
    `batch` the number of frame pairs a step, over all processes. A run ends after `steps`, or after `minutes` of
    training if that comes first; with `until_good` it ends when the held-out loss has stopped falling. `scenes` is the
    share of procedural scenes among the pairs, `temporal` the last share of the run in which frames come in pairs and
    the temporal losses count: single frames teach the style in half the time. `paper_layers` compares the paper's
    layers of the loss network.
    """

    variant: str = "fast"
    norm: str = "instance"
    style_scale: float = 1.0
    size: int = 256
    batch: int = 1
    steps: int = 2000
    minutes: float | None = None
    until_good: bool = False
    learning_rate: float = 2e-3
    seed: int = 0
    precision: str = "fp32"
    scenes: float = 1.0
    temporal: float = 0.4
    paper_layers: bool = False
    weights: LossWeights = field(default_factory=LossWeights)

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class TrainingFiles:
    """Where a run reads and writes: a style's folder, its working files in `run/`; `start`: weights to begin with."""

    picture: Path
    data: tuple[Path, ...]
    loss_network: str
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

    @property
    def written(self) -> list[Path]:
        """All files that a run may replace."""
        return [self.finished, self.output / CARD, self.output / PREVIEW, *self.work.glob("*")]

    @property
    def read(self) -> list[Path]:
        """All files and folders that a run learns from."""
        return [self.picture, *self.data, Path(self.loss_network), *([self.start] if self.start else [])]


@dataclass(frozen=True)
class Machine:
    """How a run uses the machine; nothing here changes its result beyond rounding.

    `workers` is the number of processes that prepare pairs (0: the training process does it itself, None: what suits
    the device).
    """

    device: str = "cpu"
    workers: int | None = 0
    compile: bool = False
