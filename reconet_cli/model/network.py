"""ReCoNet (arXiv 1807.01197, section 3.1 and table 1) and this project's own network for real time on a CPU."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reconet_cli.model.layers import NORMS, Conv, ConvNorm, Residual


@dataclass(frozen=True)
class NetworkConfig:
    """What a weights file has to say to build its network again.

    `family` is `paper` (features at a quarter of the size) or `fast` (at an eighth); `channels` are the widths at the
    encoder's three sizes, `blocks` the number of residual blocks, `norm` one of `layers.NORMS`.
    """

    family: str
    channels: tuple[int, int, int]
    blocks: int
    norm: str = "instance"

    def __post_init__(self) -> None:
        widths = self.channels
        if self.family not in ("paper", "fast") or self.norm not in NORMS:
            raise ValueError(f"unknown network family {self.family!r} or norm {self.norm!r}")
        if len(widths) != 3 or not all(isinstance(w, int) and 1 <= w <= 1024 for w in widths):
            raise ValueError(f"channels must be three widths from 1 to 1024, not {widths!r}")
        if not isinstance(self.blocks, int) or not 0 <= self.blocks <= 64:
            raise ValueError(f"blocks must be 0 to 64, not {self.blocks!r}")

    def to_dict(self) -> dict[str, Any]:
        """The configuration as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> NetworkConfig:
        """Read `to_dict`'s values back; raises `ValueError` or `TypeError` on anything else."""
        return cls(**{**values, "channels": tuple(values["channels"])})


VARIANTS: dict[str, NetworkConfig] = {
    "paper": NetworkConfig("paper", (48, 96, 192), 4),
    "paper-medium": NetworkConfig("paper", (32, 64, 128), 5),
    "paper-small": NetworkConfig("paper", (24, 48, 96), 3),
    "fast": NetworkConfig("fast", (16, 32, 80), 4),
}


class PaperNetwork(nn.Module):
    """The paper's encoder and decoder: 9×9, two strided 3×3, residual blocks, two nearest ×2 + 3×3, 9×9, tanh."""

    multiple = 4
    head_name = "body.decoder.2."

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        a, b, c = config.channels
        norm = config.norm
        self.encoder = nn.Sequential(
            ConvNorm(3, a, 9, norm=norm),
            ConvNorm(a, b, 3, 2, norm=norm),
            ConvNorm(b, c, 3, 2, norm=norm),
            *(Residual(c, norm) for _ in range(config.blocks)),
        )
        self.decoder = nn.Sequential(
            ConvNorm(c, b, 3, norm=norm, upscale=2),
            ConvNorm(b, a, 3, norm=norm, upscale=2),
            Conv(a, 3, 9),
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Image in [-1, 1], sides divisible by 4, to (features `(N, c, H/4, W/4)`, image before tanh)."""
        features = self.encoder(x)
        return features, self.decoder(features)


class FastNetwork(nn.Module):
    """Residual blocks at an eighth of the size, where a stroke is a few pixels wide.

    The quarter-size map of the encoder is added in the decoder, which keeps faces and lettering in place. The last
    5×5 sees pixels repeated twice (border included), so an engine may run it as a 3×3 at half size with a pixel
    shuffle; trained in that form, a shuffle leaves a grid of dots.
    """

    multiple = 8
    head_name = "body.head."

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        a, b, c = config.channels
        norm = config.norm
        self.at_half = ConvNorm(3, a, 6, 2, norm=norm)
        self.at_quarter = ConvNorm(a, b, 3, 2, norm=norm)
        self.encoder = nn.Sequential(
            ConvNorm(b, c, 3, 2, norm=norm), *(Residual(c, norm) for _ in range(config.blocks))
        )
        self.to_quarter = ConvNorm(c, b, 3, norm=norm, upscale=2)
        self.to_half = ConvNorm(b, a, 3, norm=norm, upscale=2)
        self.head = nn.Conv2d(a, 3, 5)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Image in [-1, 1], sides divisible by 8, to (features `(N, c, H/8, W/8)`, image before tanh)."""
        quarter = self.at_quarter(self.at_half(x))
        features = self.encoder(quarter)
        painted = self.to_half(self.to_quarter(features) + quarter)
        if self.training:
            return features, F.pixel_shuffle(F.conv2d(_repeat_border(painted), *fold_head(self.head)), 2)
        return features, self.head(F.interpolate(_repeat_border(painted), scale_factor=2.0, mode="nearest"))


def fold_head(head: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """Weight and bias of the 3×3 that does what nearest ×2 and a 5×5 do, its channels the four pixels of a 2×2 square.

    Gradients reach the 5×5 as without, so no grid of dots is learned.
    """
    # fold[a, k] adds the taps of the 5×5 that see small pixel k - 1 from the output's phase a.
    fold = head.weight.new_tensor([
        [[1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1]],
        [[1, 0, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 1]],
    ])  # fmt: skip
    assert head.bias is not None
    with torch.autocast(fold.device.type, enabled=False):
        weight = torch.einsum("aky,blx,oiyx->oabikl", fold, fold, head.weight)
    return weight.flatten(0, 2), head.bias.repeat_interleave(4)


def _repeat_border(x: Tensor) -> Tensor:
    """Replication padding by one pixel; torch's own has a gradient that `torch.compile` cannot lay out on CPUs."""
    x = torch.cat([x[..., :1], x, x[..., -1:]], 3)
    return torch.cat([x[..., :1, :], x, x[..., -1:, :]], 2)


class ReCoNet(nn.Module):
    """A style transfer network on images in [0, 1], of any size; normalization, padding and cropping are inside.

    Raises `ValueError` for a configuration it cannot build.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.body = PaperNetwork(config) if config.family == "paper" else FastNetwork(config)

    def forward(self, image: Tensor) -> Tensor:
        """Paint `(N, 3, H, W)` RGB in [0, 1]; same shape and range."""
        return self.paint(image)[1]

    def paint(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Paint and also return the encoder's features, which the feature-map temporal loss compares."""
        height, width = image.shape[-2:]
        features, painted = self.paint_padded(pad_to_multiple(image, self.body.multiple))
        return features, painted[..., :height, :width]

    def paint_padded(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """`paint` for images whose sides are multiples of `body.multiple` already."""
        features, raw = self.body(image * 2 - 1)
        return features, torch.tanh(raw) * 0.5 + 0.5


def pad_to_multiple(image: Tensor, multiple: int) -> Tensor:
    """Pad `(N, C, H, W)` on the right and below as `padding_to_multiple` says."""
    height, width = image.shape[-2:]
    right, down, mode = padding_to_multiple(height, width, multiple)
    return F.pad(image, (0, right, 0, down), mode=mode) if down or right else image


def padding_to_multiple(height: int, width: int, multiple: int) -> tuple[int, int, str]:
    """Columns and rows to add up to a multiple, by reflection (F.pad's mode) where the image is large enough.

    At least two feature rows and columns (and five pixels) remain, which the reflections inside the network need.
    """
    least = max(2 * multiple, 8)
    down = max(math.ceil(height / multiple) * multiple, least) - height
    right = max(math.ceil(width / multiple) * multiple, least) - width
    return right, down, "reflect" if down < height and right < width else "replicate"


def build_network(variant: str, norm: str = "instance") -> ReCoNet:
    """A fresh network of a named variant; raises `KeyError` for an unknown name."""
    config = VARIANTS[variant]
    return ReCoNet(NetworkConfig(config.family, config.channels, config.blocks, norm))
