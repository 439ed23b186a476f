"""What the compact loss network is shown while it is distilled: what a loss network is shown in training."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from reconet_cli.model.network import ReCoNet, build_network
from reconet_cli.model.weights import load_weights
from reconet_cli.styles.finding import list_styles
from reconet_cli.training.data.sources import PICTURES, find_files, read_picture, to_tensor

# Kept out of training, so that benchmarks/loss_networks.py can measure on pictures that the student has not seen.
HELD_OUT_EVERY = 12
_SHORT_SIDE = 400


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


def painters() -> list[ReCoNet]:
    """Shipped styles, and untrained networks for what early training looks like."""
    trained = [load_weights(style.variants["fast"]) for style in list_styles() if "fast" in style.variants]
    return trained + [build_network("fast").eval().requires_grad_(False) for _ in range(2)]
