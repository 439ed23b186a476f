"""Distil the compact loss network from a larger one.

    python weights/loss/distil.py --pictures PHOTOS --pictures PAINTINGS --teacher vgg19.npz

The student learns the teacher's features at five depths through linear heads, and their Gram matrices, each divided by
its own size (Wang et al., Collaborative Distillation, CVPR 2020, has the heads; the Gram term is ours, because that is
what a style loss compares). It sees what a loss network is shown in training: photographs, style pictures, photographs
painted by networks good and bad, noise, and pictures whose pixels follow the student's own style loss: those show where
a training would be led astray.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.loss_networks import CompactVGG, SlimVGG
from reconet_cli.model.losses import style_loss
from reconet_cli.model.network import ReCoNet, build_network
from reconet_cli.model.weights import load_weights
from reconet_cli.styles.finding import list_styles
from reconet_cli.training.data.sources import PICTURES, find_files, read_picture, to_tensor

# Kept out of training, so that benchmarks/loss_networks.py can measure on pictures that the student has not seen.
HELD_OUT_EVERY = 12
_SHORT_SIDE = 400
_EPS = 1e-6
# Pictures that are optimized through the student at a time, the mean change of a pixel in a step, and their steps.
_AT_A_TIME = 48
_PIXEL_STEP = 0.01
_PIXEL_STEPS = 60


def training_pictures(folders: list[Path]) -> list[Path]:
    """The pictures to learn from: every twelfth is left for measuring."""
    files = find_files(folders, PICTURES)
    return [file for index, file in enumerate(files) if index % HELD_OUT_EVERY]


class Crops:
    """Random squares of pictures, plain, recolored, noisy or painted."""

    def __init__(self, files: list[Path], painters: list[ReCoNet], size: int) -> None:
        self.pictures = [read_picture(file, _SHORT_SIDE) for file in files]
        self.painters = painters
        self.size = size

    def square(self, generator: torch.Generator) -> Tensor:
        """One square `(1, 3, size, size)` in [0, 1]."""
        picture = self.pictures[int(torch.randint(len(self.pictures), (), generator=generator))]
        shorter = min(picture.shape[:2])
        side = int(torch.randint(min(self.size, shorter) * 2 // 3, shorter + 1, (), generator=generator))
        top, left = (int(torch.randint(n - side + 1, (), generator=generator)) for n in picture.shape[:2])
        crop = to_tensor(picture[top : top + side, left : left + side])[None]
        resized = torch.nn.functional.interpolate(crop, (self.size, self.size), mode="bilinear", antialias=True)
        return resized.flip(3) if torch.rand((), generator=generator) < 0.5 else resized

    def batch(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` squares `(count, 3, size, size)` in [0, 1]; about a third is painted."""
        images = torch.cat([self.square(generator) for _ in range(count)])
        painted = count // 3
        painter = self.painters[int(torch.randint(len(self.painters), (), generator=generator))]
        strength = torch.rand(painted, 1, 1, 1, generator=generator).sqrt()
        with torch.no_grad():
            images[:painted] = torch.lerp(images[:painted], painter(images[:painted]), strength)
        gain = 1 + 0.3 * torch.randn(count, 3, 1, 1, generator=generator) * (torch.rand(count, 1, 1, 1) < 0.3)
        noise = 0.1 * torch.rand(count, 1, 1, 1, generator=generator) ** 3
        return (images * gain + noise * torch.randn(images.shape, generator=generator)).clamp(0, 1)


@dataclass
class _Optimized:
    """A picture on its way to the style of another, and the steps that it has taken."""

    picture: Tensor
    goal: Tensor
    steps: int = 0


class OptimizedPictures:
    """Pictures whose pixels follow the student's own style loss, from squares of photographs and paintings.

    An optimization finds what a loss network is blind to. Learning the teacher's features of these pictures closes
    the gaps that it has found.
    """

    def __init__(self, crops: Crops, count: int, generator: torch.Generator) -> None:
        self._crops = crops
        self._generator = generator
        self._pictures = [self._fresh() for _ in range(count)]

    def _fresh(self) -> _Optimized:
        return _Optimized(self._crops.square(self._generator), self._crops.square(self._generator))

    def batch(self, student: SlimVGG, count: int) -> Tensor:
        """`count` of the pictures after one more step, `(count, 3, size, size)` in [0, 1]."""
        places = torch.randperm(len(self._pictures), generator=self._generator)[:count].tolist()
        chosen = [self._pictures[place] for place in places]
        pixels = torch.cat([one.picture for one in chosen]).requires_grad_()
        with torch.no_grad():
            wanted = grams(student, torch.cat([one.goal for one in chosen]))
        (slope,) = torch.autograd.grad(style_loss(grams(student, pixels), wanted), pixels)
        with torch.no_grad():
            size = slope.abs().mean((1, 2, 3), keepdim=True) + _EPS * _EPS
            moved = (pixels - _PIXEL_STEP * slope / size).clamp(0, 1)
        for place, picture in zip(places, moved.split(1), strict=True):
            one = self._pictures[place]
            one.picture, one.steps = picture, one.steps + 1
            if one.steps == _PIXEL_STEPS:
                self._pictures[place] = self._fresh()
        return moved


def grams(network: SlimVGG, images: Tensor) -> list[Tensor]:
    """The Gram matrices at all depths."""
    features = network.features_at(images, network.depths)
    return [network.gram_of(layer, features[layer]) for layer in network.depths]


def distance(student: SlimVGG, teacher: SlimVGG, images: Tensor) -> tuple[Tensor, Tensor]:
    """Feature and Gram distance, mean over depths, each relative to the teacher's own size."""
    with torch.no_grad():
        taught = teacher.features_at(images, student.depths)
    own = student.features_at(images, student.depths)
    features, gaps = [], []
    for layer in student.depths:
        with torch.no_grad():
            target, gram = teacher.predict(layer, taught[layer]), teacher.gram_of(layer, taught[layer])
        features.append(((student.predict(layer, own[layer]) - target) ** 2).mean() / ((target**2).mean() + _EPS))
        gap = ((student.gram_of(layer, own[layer]) - gram) ** 2).sum((1, 2))
        # Trainings compare plain distances, not squares, so a Gram matrix that is nearly right still matters.
        gaps.append((gap / ((gram**2).sum((1, 2)) + _EPS) + _EPS).sqrt().mean())
    return torch.stack(features).mean(), torch.stack(gaps).mean()


def painters() -> list[ReCoNet]:
    """Shipped styles, and untrained networks for what early training looks like."""
    trained = [load_weights(style.variants["fast"]) for style in list_styles() if "fast" in style.variants]
    return trained + [build_network("fast").eval().requires_grad_(False) for _ in range(2)]


def main() -> None:
    """Distil and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, action="append", required=True, help="folder, repeatable")
    parser.add_argument("--teacher", required=True, help="distilled VGG-19 as .npz")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--init", type=Path, help="weights to begin with; layers that they lack begin at random")
    parser.add_argument("--bf16", action="store_true", help="faster where the processor has such instructions")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_name("compact.safetensors"))
    args = parser.parse_args()

    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    teacher = load_loss_network(args.teacher)
    assert isinstance(teacher, SlimVGG)
    student = CompactVGG.fresh().train()
    if args.init:
        student.convolutions.load_state_dict(load_file(args.init), strict=False)
    for network in (student, teacher):
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    crops = Crops(training_pictures(args.pictures), painters(), args.size)
    optimized = OptimizedPictures(crops, _AT_A_TIME, generator)
    optimizer = torch.optim.AdamW(student.parameters(), lr=args.learning_rate, weight_decay=1e-5)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / 200) * (0.01 + 0.495 * (1 + math.cos(math.pi * step / args.steps)))
    )
    start = time.monotonic()
    for step in range(1, args.steps + 1):
        share = args.batch // 4
        images = torch.cat([crops.batch(args.batch - share, generator), optimized.batch(student, share)])
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=args.bf16):
            features, gaps = distance(student, teacher, images)
        optimizer.zero_grad(set_to_none=True)
        (features + gaps).backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            elapsed = time.monotonic() - start
            print(f"step {step}: features {features.item():.4f}, Gram {gaps.item():.4f}, {elapsed:.0f} s", flush=True)
        if step % 500 == 0 or step == args.steps:
            # The names in the file are those of the convolutions, without the dictionary that holds them.
            state = student.convolutions.state_dict().items()
            save_file({name: value.to(torch.float16).contiguous() for name, value in state}, args.output)


if __name__ == "__main__":
    main()
