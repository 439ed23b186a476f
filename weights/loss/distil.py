"""Distil the compact loss network from a larger one.

    python weights/loss/distil.py --pictures PHOTOS --pictures PAINTINGS --teacher vgg19.npz

The student learns the teacher's features at five depths through linear heads (Wang et al., Collaborative Distillation,
CVPR 2020). It has the teacher's layers, except that one strided convolution stands for the second
convolution and the first pooling. So it learns layer by layer, each on top of what the ones before have become: the
strided convolution by gradient descent, together with the next, and every other one by least squares, so that its
output is the teacher's at the same place (hints: Romero et al., FitNets, ICLR 2015).
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from seen import Crops, painters, training_pictures  # type: ignore[import-not-found]
from squares import LeastSquares
from torch import Tensor, nn

from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.loss_networks import CompactVGG, SlimVGG
from reconet_cli.model.losses import products

_EPS = 1e-8
# The student pads with nothing, the teacher with a reflection: so many features at a margin are not compared.
_MARGINS = {"relu1_1": 2, "relu2_1": 3, "relu3_1": 3, "relu4_1": 2, "relu5_1": 1}
# Where the strided convolution leads to, and how a teacher's values below zero count there: without them, channels that
# begin below zero would stay there.
_STRIDED, _BEHIND = "down1", "conv21"
_BELOW_ZERO = 0.1
_STRIDED_BATCH, _STRIDED_RATE = 2, 4e-3
# Where the two pad differently: so many pixels, and no more than this share of the side.
_MARGIN, _MARGIN_SHARE = 3, 1 / 8


class Gap:
    """How far the student's features x and the teacher's y are from each other behind their heads.

    Everything follows from `P = Σzzᵀ / (H·W)` of `z = (x, 1, y, 1)`, so the many channels behind heads are never
    computed: with the heads' weights and biases in `V = (W_x, b_x, −W_y, −b_y)`, the mean square of the difference is
    `tr(V·P·Vᵀ) / C`, and the difference of the Gram matrices is `U·D·Uᵀ` with `U = (W_x, b_x, W_y, b_y)`, D the two
    blocks of P on its diagonal, the second one negative. Its squared norm is `tr(D·K·D·K)`, `K = UᵀU`.
    """

    def __init__(self, student: nn.Conv2d, teacher: nn.Conv2d) -> None:
        self._heads = (_affine(student), _affine(teacher))

    def __call__(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The mean square of the difference, and the mean over the batch of the norm of that of the Gram matrices.

        Both are divided by the teacher's own size. `x` and `y` are features `(N, C, H, W)` before the heads.
        """
        mine, taught = self._heads
        z = torch.cat([_with_one(x), _with_one(y)], 2)
        moments = products(z) / z.shape[1]
        own = mine.shape[1]
        split = torch.cat([mine, -taught], 1)
        power = _power(taught, moments[:, own:, own:])
        features = _power(split, moments) / (power + _EPS)
        blocks = torch.zeros_like(moments)
        blocks[:, :own, :own] = moments[:, :own, :own]
        blocks[:, own:, own:] = -moments[:, own:, own:]
        gap = _gram_power(torch.cat([mine, taught], 1), blocks)
        with torch.no_grad():
            size = _gram_power(taught, moments[:, own:, own:])
        # Trainings compare plain distances, not squares, so a Gram matrix that is nearly right still matters.
        return features, (gap.clamp_min(0) / size + 1e-6).sqrt().mean()


def _affine(head: nn.Conv2d) -> Tensor:
    assert head.bias is not None
    return torch.cat([head.weight.flatten(1), head.bias[:, None]], 1)


def _with_one(features: Tensor) -> Tensor:
    flat = features.float().permute(0, 2, 3, 1).flatten(1, 2)
    return torch.cat([flat, torch.ones_like(flat[..., :1])], 2)


def _power(heads: Tensor, moments: Tensor) -> Tensor:
    return ((heads @ moments.mean(0)) * heads).sum()


def _gram_power(heads: Tensor, moments: Tensor) -> Tensor:
    turned = moments @ (heads.T @ heads)
    return (turned * turned.transpose(1, 2)).sum((1, 2))


def distance(student: SlimVGG, teacher: SlimVGG, images: Tensor, depths: Iterable[str]) -> tuple[Tensor, Tensor]:
    """Feature and Gram distance, means over depths."""
    depths = tuple(depths)
    with torch.no_grad():
        taught = teacher.features_at(images, depths)
    own = student.features_at(images, depths)
    with torch.autocast("cpu", enabled=False):
        gaps = [
            Gap(student.head(depth), teacher.head(depth))(inner(own[depth], depth), inner(taught[depth], depth))
            for depth in depths
        ]
    features, grams = (torch.stack(column).mean() for column in zip(*gaps, strict=True))
    return features, grams


def inner(features: Tensor, depth: str) -> Tensor:
    """Features `(N, C, H, W)` without their margin."""
    margin = _MARGINS[depth]
    return features[..., margin:-margin, margin:-margin]


@dataclass
class Outputs:
    """What a network's convolutions get and give, `inputs` and `outputs` (before ReLU) by name, up to one of them.

    `after` is what follows the last one: behind ReLU and pooling.
    """

    inputs: dict[str, Tensor] = field(default_factory=dict)
    outputs: dict[str, Tensor] = field(default_factory=dict)
    after: Tensor = field(default_factory=lambda: torch.empty(0))


def outputs_until(network: SlimVGG, images: Tensor, last: str) -> Outputs:
    """Run a network up to a convolution."""
    found = Outputs(after=network.convolutions["conv0"](images))
    for name in (name for stage in network.stages for name in stage):
        found.inputs[name] = found.after
        found.outputs[name] = network.convolve(name, found.after)
        found.after = F.relu(found.outputs[name])
        found.after = F.max_pool2d(found.after, 2) if name in network.pooled else found.after
        if name == last:
            break
    return found


class LayerByLayer:
    """Gives a student its weights, from the first layer to the last, by what the teacher has at the same place."""

    def __init__(
        self, student: CompactVGG, teacher: SlimVGG, batches: list[Tensor], generator: torch.Generator
    ) -> None:
        self._student, self._teacher = student, teacher
        self._batches = batches
        self._generator = generator

    def learn(self, strided_steps: int) -> None:
        """Learn all layers and heads."""
        # Gray is zero, as is what the student pads with.
        self._student.convolutions["conv0"].load_state_dict(
            {"weight": torch.eye(3)[:, :, None, None], "bias": torch.full((3,), -0.5)}
        )
        for stage in self._student.stages:
            for name in stage:
                if name != _STRIDED:
                    self._solve(name)
                if name == _BEHIND:
                    self._learn_strided(strided_steps)
            self._solve_head(stage[-1])

    @torch.no_grad()
    def _solve(self, name: str) -> None:
        layer = self._layer(name)
        squares = LeastSquares(layer, self._generator)
        for images in self._batches:
            inputs = outputs_until(self._student, images, name).inputs[name]
            wanted = outputs_until(self._teacher, images, name).outputs[name]
            squares.add(inputs, wanted, _margin(wanted))
        squares.solve()
        mine, taught = (
            outputs_until(each, self._batches[0], name).outputs[name] for each in (self._student, self._teacher)
        )
        print(f"{name}: {_miss(F.relu(mine), F.relu(taught)).item():.4f}", flush=True)

    @torch.no_grad()
    def _solve_head(self, name: str) -> None:
        squares = LeastSquares(self._layer(f"{name}_aux"), self._generator)
        for images in self._batches:
            wanted = self._teacher.convolutions[f"{name}_aux"](outputs_until(self._teacher, images, name).after)
            squares.add(outputs_until(self._student, images, name).after, wanted, _margin(wanted))
        squares.solve()

    def _learn_strided(self, steps: int) -> None:
        layers = [self._layer(name).requires_grad_() for name in (_STRIDED, _BEHIND)]
        parameters = [parameter for layer in layers for parameter in layer.parameters()]

        def miss() -> Tensor:
            batch = self._batches[int(torch.randint(len(self._batches), (), generator=self._generator))]
            images = batch[torch.randperm(len(batch), generator=self._generator)[:_STRIDED_BATCH]]
            with torch.no_grad():
                taught = outputs_until(self._teacher, images, _BEHIND).outputs[_BEHIND]
            mine = outputs_until(self._student, images, _BEHIND).outputs[_BEHIND]
            return _miss(F.leaky_relu(mine, _BELOW_ZERO), F.leaky_relu(taught, _BELOW_ZERO))

        learn(_STRIDED, parameters, steps, _STRIDED_RATE, miss)
        self._student.requires_grad_(False)

    def _layer(self, name: str) -> nn.Conv2d:
        return cast(nn.Conv2d, self._student.convolutions[name])


def _margin(features: Tensor) -> int:
    return min(_MARGIN, int(features.shape[-1] * _MARGIN_SHARE))


def _miss(mine: Tensor, taught: Tensor) -> Tensor:
    """The squared difference of features as a share of the teacher's square, margins left out."""
    side = _margin(taught)
    mine, taught = (each[..., side:-side, side:-side] for each in (mine, taught))
    return (mine - taught).square().sum() / taught.square().sum()


def learn(name: str, parameters: list[nn.Parameter], steps: int, rate: float, loss: Callable[[], Tensor]) -> None:
    """Steps of Adam at a rate that rises quickly and falls to nothing."""
    optimizer = torch.optim.Adam(parameters, lr=rate)
    rates = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / 50) * (0.01 + 0.495 * (1 + math.cos(math.pi * step / steps)))
    )
    start = time.monotonic()
    for step in range(1, steps + 1):
        value = loss()
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        rates.step()
        if step % 100 == 0:
            print(f"{name}, step {step}: {value.item():.4f}, {time.monotonic() - start:.0f} s", flush=True)


def main() -> None:
    """Distil, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, action="append", required=True, help="folder, repeatable")
    parser.add_argument("--teacher", required=True, help="distilled VGG-19 as .npz")
    parser.add_argument("--batches", type=int, default=100, help="batches that each layer is learned from")
    parser.add_argument("--strided-steps", type=int, default=4000, help="steps for the strided convolution")
    parser.add_argument("--batch", type=int, default=6)
    parser.add_argument("--size", type=int, default=192)
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_name("compact.safetensors"))
    args = parser.parse_args()

    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    teacher = load_loss_network(args.teacher)
    assert isinstance(teacher, SlimVGG)
    student = CompactVGG.fresh().requires_grad_(False)
    for network in (student, teacher):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    crops = Crops(training_pictures(args.pictures), painters(), args.size)

    batches = [crops.batch(args.batch, generator) for _ in range(args.batches)]
    LayerByLayer(student, teacher, batches, generator).learn(args.strided_steps)
    # The names in the file are those of the convolutions, without the dictionary that holds them.
    state = student.convolutions.state_dict().items()
    save_file({name: value.to(torch.float16).contiguous() for name, value in state}, args.output)


if __name__ == "__main__":
    main()
