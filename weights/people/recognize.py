"""Learn to see what SqueezeNet sees, with fewer channels, for the network that finds people.

    python weights/people/recognize.py --teacher SQUEEZENET.npz --views VIEWS -o RECOGNIZER.pt

SQUEEZENET.npz holds the weights of SqueezeNet 1.1 by PyTorch's names (`fire2.squeeze.weight`), VIEWS is what `label.py`
wrote. The loss is the squared error of the last four blocks, each divided by the variance of the teacher's.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from views import Batches

from reconet_cli.model.people import Fire, Recognizer

# What ImageNet networks subtract from RGB in [0, 1], and divide by.
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BLOCKS = 4
_LEAST = 0.05  # of the mean: channels that say nothing are not made loud
_SHOWN_EVERY = 50


class SqueezeNet(nn.Sequential):
    """SqueezeNet 1.1 without its classifier, with padding as in `Recognizer`: frames in [0, 1] to features."""

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        fires = [Fire(64, 16, 128), Fire(128, 16, 128), Fire(128, 32, 256), Fire(256, 32, 256),
                 Fire(256, 48, 384), Fire(384, 48, 384), Fire(384, 64, 512), Fire(512, 64, 512)]  # fmt: skip
        conv = nn.Conv2d(3, 64, 3, 2, 1)
        super().__init__(
            conv, nn.ReLU(), nn.MaxPool2d(3, 2, 1), *fires[:2], nn.MaxPool2d(3, 2, 1), *fires[2:4],
            nn.MaxPool2d(3, 2, 1), *fires[4:],
        )  # fmt: skip
        layers = {"conv1": conv}
        for number, fire in enumerate(fires, 2):
            names = {"squeeze": fire.squeeze, "expand1x1": fire.alone, "expand3x3": fire.around}
            layers |= {f"fire{number}.{name}": layer for name, layer in names.items()}
        for name, layer in layers.items():
            assert layer.bias is not None
            layer.weight.data = torch.from_numpy(weights[f"{name}.weight"].astype(np.float32))
            layer.bias.data = torch.from_numpy(weights[f"{name}.bias"].astype(np.float32))
        mean, deviation = torch.tensor(_MEAN), torch.tensor(_DEVIATION)
        conv.weight.data /= deviation[:, None, None]
        assert conv.bias is not None
        conv.bias.data -= (conv.weight.data * mean[:, None, None]).sum((1, 2, 3))
        self.eval().requires_grad_(False)


def narrowed(teacher: SqueezeNet) -> Recognizer:
    """A recognizer that has those of the teacher's channels that the next layer listens to most."""
    recognizer = Recognizer()
    inputs = torch.arange(3)
    layers = [
        (own, known) for own, known in zip(recognizer, teacher, strict=True) if isinstance(own, (nn.Conv2d, Fire))
    ]
    for place, (own, known) in enumerate(layers):
        following = layers[place + 1][1] if place + 1 < len(layers) else None
        assert following is None or isinstance(following, Fire)
        if isinstance(own, nn.Conv2d):
            assert isinstance(known, nn.Conv2d)
            inputs = _copied([(own, known)], inputs, following)
            continue
        assert isinstance(own, Fire)
        assert isinstance(known, Fire)
        own.squeeze.weight.data.copy_(known.squeeze.weight.data[:, inputs])
        own.squeeze.bias.data.copy_(known.squeeze.bias.data)
        squeezed = torch.arange(known.squeeze.out_channels)
        inputs = _copied([(own.alone, known.alone), (own.around, known.around)], squeezed, following)
    return recognizer


def _copied(pairs: list[tuple[nn.Conv2d, nn.Conv2d]], inputs: Tensor, following: Fire | None) -> Tensor:
    """Fill layers that stand side by side from the teacher's; which of its channels they have."""
    kept, start = [], 0
    for own, known in pairs:
        channels = known.out_channels
        heard = torch.ones(channels)
        if following is not None:
            heard = following.squeeze.weight.data[:, start : start + channels].square().sum((0, 2, 3)).sqrt()
        best = (heard * known.weight.data.square().sum((1, 2, 3)).sqrt()).topk(own.out_channels).indices.sort().values
        own.weight.data.copy_(known.weight.data[best][:, inputs])
        own.bias.data.copy_(known.bias.data[best])
        kept.append(start + best)
        start += channels
    return torch.cat(kept)


def seen(network: nn.Sequential, frames: Tensor) -> list[Tensor]:
    """The outputs of the last four blocks."""
    found = []
    for place, layer in enumerate(network):
        frames = layer(frames)
        if place >= len(network) - _BLOCKS:
            found.append(frames)
    return found


def difference(found: list[Tensor], known: list[Tensor]) -> Tensor:
    """The mean squared error of features, as a share of the teacher's variance."""
    return torch.stack([(own - its).square().mean() / its.var() for own, its in zip(found, known, strict=True)]).mean()


def leveled(recognizer: Recognizer, features: Tensor) -> Recognizer:
    """The same, with each channel scaled so that these features `(N, C, H, W)` have a mean square of 1."""
    sizes = features.square().mean((0, 2, 3)).sqrt()
    result = copy.deepcopy(recognizer)
    last = result[-1]
    assert isinstance(last, Fire)
    halves = sizes.clamp_min(_LEAST * sizes.mean().item()).chunk(2)
    for layer, size in zip((last.alone, last.around), halves, strict=True):
        assert layer.bias is not None
        layer.weight.data /= size[:, None, None, None]
        layer.bias.data /= size
    return result


def main() -> None:
    """Learn, and write the recognizer's state."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, required=True)
    parser.add_argument("--views", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--batch", type=int, default=8, help="pairs of a step")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()

    cv2.setNumThreads(1)
    teacher = SqueezeNet(np.load(args.teacher)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    recognizer = narrowed(teacher).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(recognizer.parameters())
    batches = Batches(args.views, args.batch, 0)
    start, shown = time.monotonic(), 0.0
    for step in range(1, args.steps + 1):
        optimizer.param_groups[0]["lr"] = args.learning_rate * (0.505 + 0.495 * math.cos(math.pi * step / args.steps))
        frames = batches.pairs().frames.contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            known = seen(teacher, frames)
        loss = difference(seen(recognizer, frames), known)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(recognizer.parameters(), 1.0)
        optimizer.step()
        shown += loss.item()
        if step % _SHOWN_EVERY == 0 or step == args.steps:
            print(f"step {step}: {shown / _SHOWN_EVERY:.4f} unexplained, {time.monotonic() - start:.0f} s", flush=True)
            shown = 0.0
            with torch.no_grad():
                torch.save(leveled(recognizer, recognizer(frames)).state_dict(), args.output)


if __name__ == "__main__":
    main()
