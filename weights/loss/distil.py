"""Distil the compact loss network from a larger one.

    python weights/loss/distil.py --pictures PHOTOS --pictures PAINTINGS --teacher vgg19.npz

The student learns the teacher's features at five depths through linear heads, and their Gram matrices, each divided by
its own size (Wang et al., Collaborative Distillation, CVPR 2020, has the heads; the Gram term is ours, because that is
what a style loss compares). First it learns one depth after the other, each on top of what the last one ended with:
together from the start, the coarse depths keep the fine ones from being learned. Then all of it is trained on, also
with pictures whose pixels follow its own style loss: those show where a training would be led astray.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from seen import Crops, OptimizedPictures, painters, training_pictures  # type: ignore[import-not-found]
from torch import Tensor, nn

from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.loss_networks import CompactVGG, SlimVGG
from reconet_cli.model.losses import products

_EPS = 1e-8
# Pictures that are optimized through the student at a time.
_AT_A_TIME = 48
# The student pads with nothing, the teacher with a reflection: so many features at a margin are not compared.
_MARGINS = {"relu1_1": 2, "relu2_1": 3, "relu3_1": 3, "relu4_1": 2, "relu5_1": 1}
# The few weights of the first depth need large steps.
_FIRST_RATE = 1e-2


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


def begin_with(student: CompactVGG, weights: dict[str, Tensor]) -> None:
    """Take the weights of layers that have the same name and shape."""
    own = student.convolutions.state_dict()
    fitting = {name: value for name, value in weights.items() if name in own and value.shape == own[name].shape}
    student.convolutions.load_state_dict(own | fitting)


def learn(
    name: str,
    parameters: list[nn.Parameter],
    steps: int,
    rate: float,
    loss: Callable[[], tuple[Tensor, Tensor]],
    done: Callable[[], None],
) -> None:
    """Steps of Adam at a rate that rises quickly and falls to nothing; `done` after every 500 and at the end."""
    optimizer = torch.optim.AdamW(parameters, lr=rate, weight_decay=1e-5)
    rates = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / 50) * (0.01 + 0.495 * (1 + math.cos(math.pi * step / steps)))
    )
    start = time.monotonic()
    for step in range(1, steps + 1):
        features, grams = loss()
        optimizer.zero_grad(set_to_none=True)
        (features + grams).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        rates.step()
        if step % 100 == 0:
            elapsed = time.monotonic() - start
            print(f"{name}, step {step}: features {features.item():.4f}, Gram {grams.item():.4f}, {elapsed:.0f} s",
                  flush=True)  # fmt: skip
        if step % 500 == 0 or step == steps:
            done()


def main() -> None:
    """Distil and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, action="append", required=True, help="folder, repeatable")
    parser.add_argument("--teacher", required=True, help="distilled VGG-19 as .npz")
    parser.add_argument("--stage-steps", type=int, default=800, help="steps for each depth alone")
    parser.add_argument("--steps", type=int, default=3000, help="steps for all depths together")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--init", type=Path, help="weights to begin with, as far as they fit")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_name("compact.safetensors"))
    args = parser.parse_args()

    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    teacher = load_loss_network(args.teacher)
    assert isinstance(teacher, SlimVGG)
    student = CompactVGG.fresh().train()
    if args.init:
        begin_with(student, load_file(args.init))
    for network in (student, teacher):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    crops = Crops(training_pictures(args.pictures), painters(), args.size)

    def save() -> None:
        # The names in the file are those of the convolutions, without the dictionary that holds them.
        state = student.convolutions.state_dict().items()
        save_file({name: value.to(torch.float16).contiguous() for name, value in state}, args.output)

    def seen(images: Tensor, depths: Iterable[str]) -> tuple[Tensor, Tensor]:
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            return distance(student, teacher, images, depths)

    for depth, stage in zip(student.depths, student.stages, strict=True) if args.stage_steps else ():
        student.requires_grad_(False)
        layers = [student.convolutions[name] for name in (*stage, f"{stage[-1]}_aux")]
        layers += [student.convolutions["conv0"]] if depth == student.depths[0] else []
        own = [parameter.requires_grad_() for layer in layers for parameter in layer.parameters()]
        look = lambda depth=depth: seen(crops.batch(args.batch, generator), [depth])  # noqa: E731
        rate = _FIRST_RATE if depth == student.depths[0] else 2 * args.learning_rate
        learn(depth, own, args.stage_steps, rate, look, save)

    student.requires_grad_(True)
    optimized = OptimizedPictures(crops, _AT_A_TIME, generator)
    share = args.batch // 4

    def look_at_all() -> tuple[Tensor, Tensor]:
        images = [crops.batch(args.batch - share, generator), optimized.batch(student, share)]
        return seen(torch.cat(images), student.depths)

    learn("all", list(student.parameters()), args.steps, args.learning_rate, look_at_all, save)


if __name__ == "__main__":
    main()
