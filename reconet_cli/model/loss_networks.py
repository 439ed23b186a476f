"""Networks whose features say what a picture shows and how it is painted, behind one interface.

Every one takes `(N, 3, H, W)` RGB in [0, 1] and returns `Perception`: a content feature map and Gram matrices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reconet_cli.model.losses import gram_matrix


@dataclass(frozen=True)
class Perception:
    """What a loss network sees, in float32: `content` is `(N, C, h, w)`, `grams` one `(N, C, C)` a style layer."""

    content: Tensor
    grams: list[Tensor]


class LossNetwork(nn.Module):
    """Base: frozen, in evaluation mode, `forward` returns a `Perception`."""

    name = ""

    def freeze(self) -> LossNetwork:
        """Switch gradients of the weights off for good."""
        self.requires_grad_(False)
        return self.eval()

    def forward(self, image: Tensor) -> Perception:
        """Look at `(N, 3, H, W)` RGB in [0, 1]."""
        return self.perception(self.style_features(image))

    def style_features(self, image: Tensor) -> list[Tensor]:
        """The features `(N, C, h, w)` that the Gram matrices are made of, from the finest layer to the coarsest."""
        raise NotImplementedError

    def perception(self, features: list[Tensor]) -> Perception:
        """What `style_features` amount to."""
        raise NotImplementedError

    def content(self, image: Tensor) -> Tensor:
        """The content features alone, in float32."""
        raise NotImplementedError


class VGG16(LossNetwork):
    """VGG-16 up to relu4_3 with torchvision's ImageNet weights; the paper's loss network.

    Content at relu3_3; style at relu1_2, relu2_2, relu3_3 and relu4_3.
    """

    name = "vgg16"
    mean: Tensor
    std: Tensor
    # Output channels of each 3×3 convolution, with "pool" between the stages; torchvision counts layers alike.
    _plan = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool", 512, 512, 512)

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for step in self._plan:
            if step == "pool":
                layers.append(nn.MaxPool2d(2))
                continue
            assert isinstance(step, int)
            layers += [nn.Conv2d(channels, step, 3, padding=1), nn.ReLU()]
            channels = step
        self.features = nn.Sequential(*layers)
        self.taps = (3, 8, 15, 22)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1), persistent=False)

    def style_features(self, image: Tensor) -> list[Tensor]:
        """Features of RGB in [0, 1]."""
        return self._taps(image, self.taps[-1])

    def perception(self, features: list[Tensor]) -> Perception:
        """Content at relu3_3."""
        return Perception(features[2], [gram_matrix(layer) for layer in features])

    def content(self, image: Tensor) -> Tensor:
        """Features at relu3_3."""
        return self._taps(image, self.taps[2])[2]

    def _taps(self, image: Tensor, last: int) -> list[Tensor]:
        x = (image - self.mean) / self.std
        taps = []
        for index in range(last + 1):
            x = self.features[index](x)
            if index in self.taps:
                taps.append(x.float())
        return taps

    @classmethod
    def from_checkpoint(cls, state: dict[str, Tensor]) -> VGG16:
        """Read torchvision's `vgg16` state; layers past relu4_3 and the classifier are left out."""
        network = cls()
        wanted = network.state_dict()
        network.load_state_dict({key: state[key] for key in wanted})
        return network


class SlimVGG(LossNetwork):
    """A slim network whose linear 1×1 heads predict VGG-19's features at four depths.

    All four are style layers, the last is content. Subclasses say which convolutions lead to each depth; a head
    `NAME_aux` follows the last of each.
    """

    stages: tuple[tuple[str, ...], ...] = ()

    def __init__(self, layers: Mapping[str, nn.Conv2d]) -> None:
        super().__init__()
        self.layers = nn.ModuleDict({name: layers[name] for name in self.names()})

    @classmethod
    def names(cls) -> list[str]:
        """The layers that it is made of: `conv0` normalises the input, then the stages, then their heads."""
        return ["conv0", *(name for stage in cls.stages for name in stage), *(f"{s[-1]}_aux" for s in cls.stages)]

    def step(self, name: str, x: Tensor) -> Tensor:
        """One convolution of a stage and what follows it."""
        raise NotImplementedError

    def style_features(self, image: Tensor) -> list[Tensor]:
        """The features before each head, of `(N, 3, H, W)` RGB in [0, 1]."""
        x = self.layers["conv0"](image)
        taps = []
        for stage in self.stages:
            for name in stage:
                x = self.step(name, x)
            taps.append(x)
        return taps

    def heads(self) -> list[nn.Conv2d]:
        """The head of each depth."""
        return [cast(nn.Conv2d, self.layers[f"{stage[-1]}_aux"]) for stage in self.stages]

    def perception(self, features: list[Tensor]) -> Perception:
        """Gram matrices and content behind the heads."""
        heads = self.heads()
        grams = [gram_through(head, layer) for head, layer in zip(heads, features, strict=True)]
        return Perception(heads[-1](features[-1]).float(), grams)

    def content(self, image: Tensor) -> Tensor:
        """The deepest head's output."""
        content: Tensor = self.heads()[-1](self.style_features(image)[-1])
        return content.float()


class DistilledVGG19(SlimVGG):
    """VGG-19 distilled to a sixteenth of its size (Wang et al., Collaborative Distillation, CVPR 2020)."""

    name = "vgg19-distilled"
    stages = (
        ("conv11",),
        ("conv12", "conv21"),
        ("conv22", "conv31"),
        ("conv32", "conv33", "conv34", "conv41"),
    )
    _pool_after = ("conv12", "conv22", "conv34")

    def step(self, name: str, x: Tensor) -> Tensor:
        """3×3 with reflection, ReLU, a 2×2 pooling after some."""
        x = F.relu(self.layers[name](F.pad(x, (1, 1, 1, 1), mode="reflect")))
        return F.max_pool2d(x, 2) if name in self._pool_after else x


class CompactVGG(SlimVGG):
    """This project's own, shipped with it: `weights/loss/distil.py` makes it.

    Strided 4×4 convolutions take the place of poolings; every pixel has the same number of ways through them, so that
    they leave no grid in the gradient.
    """

    name = "compact"
    stages = (
        ("conv11",),
        ("down1", "conv21"),
        ("down2", "conv31"),
        ("conv32", "down3", "conv41"),
    )
    _widths: ClassVar = {
        "conv0": 3,
        "conv11": 16,
        "down1": 32,
        "conv21": 32,
        "down2": 64,
        "conv31": 64,
        "conv32": 64,
        "down3": 128,
        "conv41": 128,
    }
    _targets = (64, 128, 256, 512)

    def step(self, name: str, x: Tensor) -> Tensor:
        """A convolution and ReLU; `down` halves the size."""
        stride = 2 if name.startswith("down") else 1
        layer = cast(nn.Conv2d, self.layers[name])
        return F.relu(F.conv2d(x, layer.weight, layer.bias, stride, padding=1))

    @classmethod
    def fresh(cls) -> CompactVGG:
        """A network with random weights, to be distilled."""
        layers: dict[str, nn.Conv2d] = {}
        before = 3
        for name, width in cls._widths.items():
            layers[name] = nn.Conv2d(before, width, 1 if name == "conv0" else 4 if name.startswith("down") else 3)
            before = width
        for stage, target in zip(cls.stages, cls._targets, strict=True):
            layers[f"{stage[-1]}_aux"] = nn.Conv2d(cls._widths[stage[-1]], target, 1)
        return cls(layers)


def gram_through(head: nn.Conv2d, features: Tensor) -> Tensor:
    """Gram matrices of a 1×1 head's output from the few channels x before it.

    With weights W, bias b and sums over all pixels: `W·Σxxᵀ·Wᵀ + W·Σx·bᵀ + b·Σxᵀ·Wᵀ + H·W·b·bᵀ`, divided by C·H·W.
    """
    pixels = features.shape[-2] * features.shape[-1]
    with torch.autocast(features.device.type, enabled=False):
        flat = features.float().permute(0, 2, 3, 1).flatten(1, 2)
        weight = head.weight.float().flatten(1)
        assert head.bias is not None
        bias = head.bias.float()[:, None]
        mixed = weight @ flat.sum(1)[:, :, None] @ bias.T
        gram = weight @ (flat.transpose(1, 2) @ flat) @ weight.T + mixed + mixed.transpose(1, 2)
        return (gram + pixels * (bias @ bias.T)) / (head.out_channels * pixels)
