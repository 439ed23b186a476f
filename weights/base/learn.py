"""Learn the weights that training begins with: one network for many paintings, each with norms of its own.

    python weights/base/learn.py --paintings PAINTINGS --more PICTURES --data PHOTOS --start WEIGHTS... --minutes 45

A step takes a few paintings and paints a photograph with each. The scales and shifts of the network's norms are
predicted from the painting (`reconet_cli/model/norms.py`); network and predictor learn together, with the losses of
training. Each painting is used as it is, and once more in other colors and with another width of strokes. `held_out`
paintings are left out, for `benchmarks/starts.py` and `benchmarks/any_picture.py`. Learning begins with the mean of the
weights given as `--start`, and with the predictor of `--norms` where one is given. `--work` keeps the state every 50
steps, and the same command goes on from there. `-o` names the folder that both files are written to.
"""

from __future__ import annotations

import argparse
import copy
import math
import random
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.func import functional_call

from reconet_cli.model import losses
from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.loss_networks import LossNetwork
from reconet_cli.model.network import ReCoNet
from reconet_cli.model.norms import NORMS_FILE, NormPredictor, describe, load_predictor, norm_parameters
from reconet_cli.model.weights import load_weights, save_weights
from reconet_cli.training.data.photographs import Photographs, PictureFiles
from reconet_cli.training.data.sources import PICTURES, find_files, read_style_picture, style_tensor
from reconet_cli.training.settings import TrainingSettings
from reconet_cli.training.trainer import Trainer

# Of the paintings, sorted by name, every so manyth is held out, up to so many.
HELD_OUT_EVERY, MOST_HELD_OUT = 6, 40
_COMPONENTS = 64
_SAVE_EVERY = 50
_WARM_UP = 50  # steps
_LAST_RATE = 0.02  # of the highest
_NETWORK_SHARE = 0.5  # of the predictor's learning rate
_KEPT = 0.995  # of the running means in each step
_GAMMAS = (0.7, 1.4)
_WIDTHS = (0.75, 1.3)


def held_out(paintings: list[Path]) -> list[Path]:
    """The paintings, sorted by name, that no start learns from."""
    return sorted(paintings)[::HELD_OUT_EVERY][:MOST_HELD_OUT]


def mean_of(files: list[Path]) -> ReCoNet:
    """A network with the mean of the weights of some styles."""
    network = load_weights(files[0])
    states = [load_weights(file).state_dict() for file in files]
    network.load_state_dict({name: torch.stack([state[name] for state in states]).mean(0) for name in states[0]})
    return network


@dataclass(frozen=True)
class Painting:
    """What is wanted of a style: its Gram matrices and sorted colors."""

    grams: list[Tensor]
    colors: Tensor


def paintings_of(files: list[Path], loss_network: LossNetwork) -> list[Painting]:
    """Each picture as it is, and once more in other colors and another width of strokes."""
    choose, found = random.Random(0), []
    for file in files:
        pixels = read_style_picture(file)
        changed = np.ascontiguousarray(pixels[..., choose.sample(range(3), 3)])
        if choose.random() < 0.5:
            changed = (255 * (changed / 255) ** choose.choice(_GAMMAS)).astype(np.uint8)
        for picture in (style_tensor(pixels), style_tensor(changed, choose.uniform(*_WIDTHS))):
            with torch.no_grad():
                found.append(Painting(loss_network(picture).grams, losses.sorted_colors(picture)))
    return found


def fitted(descriptions: Tensor, outputs: int) -> NormPredictor:
    """A fresh predictor for descriptions like these `(N, D)`."""
    predictor = NormPredictor(descriptions.shape[1], _COMPONENTS, outputs)
    mean, spread = descriptions.mean(0), descriptions.std(0) + 1e-3
    _, sizes, directions = torch.linalg.svd((descriptions - mean) / spread, full_matrices=False)
    predictor.mean.copy_(mean)
    sizes = sizes[:_COMPONENTS, None] / math.sqrt(len(descriptions))
    predictor.basis.copy_(directions[:_COMPONENTS] / spread / sizes)
    return predictor


class JointTrainer(Trainer):
    """Trains one network with a predictor of its norms on many paintings."""

    def __init__(self, settings: TrainingSettings, loss_network: LossNetwork, start: ReCoNet, predictor: NormPredictor):
        super().__init__(settings, loss_network, torch.zeros(1, 3, 64, 64), torch.device("cpu"))
        self.network.load_state_dict(start.state_dict())
        self.predictor = predictor
        self.means = [copy.deepcopy(each).requires_grad_(False) for each in (self.network, predictor)]
        groups = [{"params": list(self.network.parameters()), "share": _NETWORK_SHARE},
                  {"params": list(predictor.parameters()), "share": 1.0}]  # fmt: skip
        self.optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate, weight_decay=1e-4)

    def joint_step(self, wanted: list[Painting], photos: Photographs, generator: torch.Generator, rate: float) -> float:
        """Learn from a photograph in each style; the mean loss."""
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        weights, value = asdict(self.settings.weights), 0.0
        for painting in wanted:
            self.style_grams, self.style_colors = painting.grams, painting.colors
            norms = self.predictor.changed(self.network, describe(painting.grams, painting.colors))
            pairs = photos.sample(self.settings.size, generator)
            paint = partial(_paint_with, self.network, norms)
            offset = self.step * 3 % 8, self.step * 5 % 8
            terms, _ = self._terms(pairs, pairs.current_frames(), paint, self._remember_powers, offset)
            loss = torch.stack([weights[name] * term for name, term in terms.items()]).sum() / len(wanted)
            loss.backward()
            value += loss.item()
        torch.nn.utils.clip_grad_norm_([*self.network.parameters(), *self.predictor.parameters()], 1.0)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]
        self.optimizer.step()
        self.step += 1
        memory = min(_KEPT, (self.step + 1) / (self.step + 10))
        with torch.no_grad():
            for mean, module in zip(self.means, (self.network, self.predictor), strict=True):
                torch._foreach_lerp_(list(mean.parameters()), list(module.parameters()), 1 - memory)
        return value


class _Paint(torch.nn.Module):
    """The network's `paint` as a module that can be called with other parameters."""

    def __init__(self, network: ReCoNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.paint(frames)


def _paint_with(network: ReCoNet, norms: dict[str, Tensor], frames: Tensor) -> tuple[Tensor, Tensor]:
    changed = {f"network.{name}": value for name, value in norms.items()}
    painted: tuple[Tensor, Tensor] = functional_call(_Paint(network), changed, (frames,))
    return painted


@dataclass
class Progress:
    """Steps and seconds so far, and the paintings that this round has left."""

    steps: int = 0
    seconds: float = 0.0
    left: list[int] = field(default_factory=list)

    def next(self, count: int, of: int) -> list[int]:
        """The next paintings: every one once before any comes again."""
        if len(self.left) < count:
            self.left = random.Random(self.steps).sample(range(of), of)
        chosen, self.left = self.left[:count], self.left[count:]
        return chosen

    def rate(self, highest: float, minutes: float) -> float:
        """The learning rate: a short warm-up, then half a cosine over the minutes."""
        fall = (1 + math.cos(math.pi * min(1.0, self.seconds / 60 / minutes))) / 2
        return highest * min(1, (self.steps + 1) / _WARM_UP) * (_LAST_RATE + (1 - _LAST_RATE) * fall)


def write(folder: Path, trainer: JointTrainer, about: dict[str, Any]) -> None:
    """Write the running means: the network's weights, and the predictor beside them."""
    network, predictor = trainer.means
    assert isinstance(network, ReCoNet)
    save_weights(folder / "fast.safetensors", network, about)
    state = {name: value.to(torch.float16).contiguous() for name, value in predictor.state_dict().items()}
    save_file(state, folder / NORMS_FILE)


def main() -> None:
    """Learn until the time is over, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", type=Path, required=True, help="folder; some are held out")
    parser.add_argument("--more", type=Path, action="append", default=[], help="other paintings to learn from")
    parser.add_argument("--data", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--loss-network", default="compact")
    parser.add_argument("--start", type=Path, nargs="+", required=True, help="weights; it begins with their mean")
    parser.add_argument("--norms", type=Path, help="a predictor to begin with")
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--count", type=int, default=4, help="paintings of a step")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="bf16")
    parser.add_argument("--work", type=Path, default=Path("runs/base"))
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).parent, help="folder")
    args = parser.parse_args()

    args.work.mkdir(parents=True, exist_ok=True)
    found = find_files([args.paintings], PICTURES)
    apart = set(held_out(found))
    files = [path for path in found if path not in apart] + find_files(args.more, PICTURES)
    loss_network = load_loss_network(args.loss_network)
    print(f"{len(files)} paintings, {len(apart)} held out", flush=True)
    paintings = paintings_of(files, loss_network)
    start = mean_of(args.start)
    if args.norms:
        predictor = load_predictor(args.norms).requires_grad_(True)
    else:
        norms = norm_parameters(start)
        outputs = sum(value.numel() for name, value in start.named_parameters() if name in norms)
        predictor = fitted(torch.stack([describe(each.grams, each.colors) for each in paintings]), outputs)
    settings = TrainingSettings(
        size=args.size, learning_rate=args.learning_rate, precision=args.precision, temporal=0.0
    )
    trainer, progress = JointTrainer(settings, loss_network, start, predictor), Progress()
    state_file = args.work / "state.pt"
    modules = {"network": trainer.network, "predictor": trainer.predictor, "optimizer": trainer.optimizer,
               "mean network": trainer.means[0], "mean predictor": trainer.means[1]}  # fmt: skip
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        for name, module in modules.items():
            module.load_state_dict(state[name])
        progress = Progress(state["steps"], state["seconds"])
        trainer.step = progress.steps
    photos = Photographs(PictureFiles(find_files([args.data], PICTURES), args.size))
    generator, shown = torch.Generator().manual_seed(progress.steps), 0.0
    while progress.seconds < 60 * args.minutes:
        begun = time.monotonic()
        wanted = [paintings[number] for number in progress.next(args.count, len(paintings))]
        rate = progress.rate(args.learning_rate, args.minutes)
        shown += trainer.joint_step(wanted, photos, generator, rate)
        progress.steps += 1
        progress.seconds += time.monotonic() - begun
        if progress.steps % _SAVE_EVERY == 0:
            print(f"step {progress.steps}: loss {shown / _SAVE_EVERY:.3f}, {progress.seconds:.0f} s", flush=True)
            shown = 0.0
            kept = {name: module.state_dict() for name, module in modules.items()}
            torch.save({"steps": progress.steps, "seconds": progress.seconds, **kept}, state_file)
    write(args.output, trainer, {
        "average_of": [file.parent.name for file in args.start], "start": None, "paintings": len(files),
        "steps": progress.steps, "paintings_a_step": args.count, "size": args.size,
        "learning_rate": args.learning_rate, "loss_network": loss_network.name, "seconds": round(progress.seconds),
    })  # fmt: skip


if __name__ == "__main__":
    main()
