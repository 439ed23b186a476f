"""Networks whose features say what a picture shows and how it is painted, behind one interface.

Every one takes `(N, 3, H, W)` RGB in [0, 1] and returns `Perception`: content features and Gram matrices.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reconet_cli.model.losses import gram_matrix, products

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True)
class LossLayers:
    """Which layers of a loss network are compared, by name, from the finest to the coarsest."""

    content: tuple[str, ...]
    style: tuple[str, ...]


@dataclass(frozen=True)
class Perception:
    """What a loss network sees, in float32: `contents` one `(N, C, h, w)` and `grams` one `(N, C, C)` a layer."""

    contents: list[Tensor]
    grams: list[Tensor]


class LossNetwork(nn.Module):
    """Base: frozen, in evaluation mode, `forward` returns a `Perception`.

    `layers` are the ones that are compared: this project's choice of two content depths and five Gram matrices, or,
    after `with_paper_layers`, the paper's one and four. `lpips_heads` are LPIPS's weights of squared differences,
    `(C,)` by layer, where the network has some.
    """

    name = ""
    own_layers: ClassVar[LossLayers]
    paper_layers: ClassVar[LossLayers]

    def __init__(self) -> None:
        super().__init__()
        self.layers = self.own_layers
        self.lpips_heads: Mapping[str, Tensor] = {}

    def freeze(self) -> Self:
        """Switch gradients of the weights off for good."""
        self.requires_grad_(False)
        return self.eval()

    def with_paper_layers(self) -> Self:
        """Compare the layers of ReCoNet (section 3.2): content at one depth, Gram matrices at four."""
        self.layers = self.paper_layers
        return self

    def forward(self, image: Tensor) -> Perception:
        """Look at `(N, 3, H, W)` RGB in [0, 1]."""
        names = self.layers.content + self.layers.style
        return self.perception(self.features_at(image, names))

    def perception(self, features: Mapping[str, Tensor]) -> Perception:
        """Content and Gram matrices from the features of `layers`."""
        return Perception(
            [self.content_of(name, features[name]) for name in self.layers.content],
            [self.gram_of(name, features[name]) for name in self.layers.style],
        )

    def contents(self, image: Tensor) -> list[Tensor]:
        """The content features alone, in float32; nothing past the deepest of them is computed."""
        features = self.features_at(image, self.layers.content)
        return [self.content_of(name, features[name]) for name in self.layers.content]

    def features_at(self, image: Tensor, names: Collection[str]) -> dict[str, Tensor]:
        """Features `(N, C, h, w)` of `(N, 3, H, W)` RGB in [0, 1] at the named layers."""
        raise NotImplementedError

    def content_of(self, name: str, features: Tensor) -> Tensor:
        """The content features of a layer, in float32."""
        return features.float()

    def gram_of(self, name: str, features: Tensor) -> Tensor:
        """The Gram matrices `(N, C, C)` of a layer."""
        return gram_matrix(features)


class ImageNetFeatures(LossNetwork):
    """The `features` of one of torchvision's networks; `numbers` are those of the modules behind which layers end."""

    numbers: ClassVar[Mapping[str, int]]
    mean: Tensor
    std: Tensor

    def __init__(self, features: nn.Sequential) -> None:
        super().__init__()
        self.features = features
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1), persistent=False)

    def features_at(self, image: Tensor, names: Collection[str]) -> dict[str, Tensor]:
        """Features behind the named layers, in float32."""
        wanted = {self.numbers[name]: name for name in names}
        x = (image - self.mean) / self.std
        found = {}
        for number in range(max(wanted) + 1):
            x = self.features[number](x)
            if number in wanted:
                found[wanted[number]] = x.float()
        return found


class VGG16(ImageNetFeatures):
    """VGG-16 up to relu5_1 with torchvision's ImageNet weights; the paper's loss network."""

    name = "vgg16"
    own_layers = LossLayers(("relu3_1", "relu4_1"), ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_1"))
    paper_layers = LossLayers(("relu3_3",), ("relu1_2", "relu2_2", "relu3_3", "relu4_3"))
    # Output channels of each 3×3 convolution, with "pool" between the stages; torchvision counts layers alike.
    _plan = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool", 512, 512, 512, "pool", 512)
    numbers: ClassVar = {
        "relu1_2": 3, "relu2_2": 8, "relu3_1": 11, "relu3_3": 15, "relu4_1": 18, "relu4_3": 22, "relu5_1": 25,
    }  # fmt: skip

    def __init__(self) -> None:
        layers: list[nn.Module] = []
        channels = 3
        for step in self._plan:
            if step == "pool":
                layers.append(nn.MaxPool2d(2))
                continue
            assert isinstance(step, int)
            layers += [nn.Conv2d(channels, step, 3, padding=1), nn.ReLU()]
            channels = step
        super().__init__(nn.Sequential(*layers))

    @classmethod
    def from_checkpoint(cls, state: dict[str, Tensor]) -> VGG16:
        """Read torchvision's `vgg16` state; layers past relu5_1 and the classifier are left out."""
        network = cls()
        wanted = network.state_dict()
        network.load_state_dict({key: state[key] for key in wanted})
        return network


class SlimVGG(LossNetwork):
    """A slim network whose linear 1×1 heads predict VGG-19's features at five depths, relu1_1 to relu5_1.

    Layers are named after what their heads predict. Subclasses say which convolutions lead to each depth and which of
    them are `pooled`, 2×2; a head `NAME_aux` follows the last of each depth.
    """

    depths: tuple[str, ...] = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    own_layers = LossLayers(("relu3_1", "relu4_1"), depths)
    # There is no head for relu3_3. Of its neighbors relu4_1 lets the picture change as freely as the paper does.
    paper_layers = LossLayers(("relu4_1",), depths[:4])
    stages: tuple[tuple[str, ...], ...] = ()
    pooled: tuple[str, ...] = ()

    def __init__(self, layers: Mapping[str, nn.Conv2d]) -> None:
        super().__init__()
        self.convolutions = nn.ModuleDict({name: layers[name] for name in self.names()})

    def freeze(self) -> Self:
        """Switch gradients of the weights off for good; only then are there content features."""
        for layer in {*self.own_layers.content, *self.paper_layers.content}:
            weight, bias = turned(self.head(layer))
            self.register_buffer(f"{layer}_weight", weight, persistent=False)
            self.register_buffer(f"{layer}_bias", bias, persistent=False)
        return super().freeze()

    @classmethod
    def names(cls) -> list[str]:
        """The convolutions that it is made of: `conv0` normalizes the input, then the stages, then their heads."""
        return ["conv0", *(name for stage in cls.stages for name in stage), *(f"{s[-1]}_aux" for s in cls.stages)]

    def convolve(self, name: str, x: Tensor) -> Tensor:
        """One convolution of a stage, with its padding."""
        raise NotImplementedError

    def features_at(self, image: Tensor, names: Collection[str]) -> dict[str, Tensor]:
        """The features before the heads of the named layers."""
        x = self.convolutions["conv0"](image)
        found: dict[str, Tensor] = {}
        for depth, stage in zip(self.depths, self.stages, strict=True):
            for name in stage:
                x = F.relu(self.convolve(name, x))
                x = F.max_pool2d(x, 2) if name in self.pooled else x
            if depth in names:
                found[depth] = x
            if len(found) == len(set(names)):
                break
        return found

    def head(self, layer: str) -> nn.Conv2d:
        """The head that predicts a layer."""
        stage = self.stages[self.depths.index(layer)]
        return cast(nn.Conv2d, self.convolutions[f"{stage[-1]}_aux"])

    def predict(self, name: str, features: Tensor) -> Tensor:
        """What the layer's head predicts, in float32."""
        predicted: Tensor = self.head(name)(features)
        return predicted.float()

    def content_of(self, name: str, features: Tensor) -> Tensor:
        """What the layer's head predicts, turned so that it needs few channels; mean squares stay as they are."""
        return F.conv2d(features, self.get_buffer(f"{name}_weight"), self.get_buffer(f"{name}_bias")).float()

    def gram_of(self, name: str, features: Tensor) -> Tensor:
        """Gram matrices of what the layer's head predicts."""
        return gram_through(self.head(name), features)


class DistilledVGG19(SlimVGG):
    """VGG-19 distilled to a sixteenth of its size (Wang et al., Collaborative Distillation, CVPR 2020)."""

    name = "vgg19-distilled"
    stages = (
        ("conv11",),
        ("conv12", "conv21"),
        ("conv22", "conv31"),
        ("conv32", "conv33", "conv34", "conv41"),
        ("conv42", "conv43", "conv44", "conv51"),
    )
    pooled = ("conv12", "conv22", "conv34", "conv44")

    def convolve(self, name: str, x: Tensor) -> Tensor:
        """3×3, padded by reflection."""
        convolved: Tensor = self.convolutions[name](F.pad(x, (1, 1, 1, 1), mode="reflect"))
        return convolved


class CompactVGG(SlimVGG):
    """This project's own, shipped with it: `weights/loss/distil.py` makes it.

    One strided 4×4 convolution replaces VGG's second convolution and first pooling: at full size those would cost the
    most. Its stride divides its size, so every pixel counts equally and the gradient has no grid.
    """

    name = "compact"
    stages = (
        ("conv11",),
        ("down1", "conv21"),
        ("conv22", "conv31"),
        ("conv32", "conv33", "conv34", "conv41"),
        ("conv42", "conv43", "conv44", "conv51"),
    )
    _widths: ClassVar = {
        "conv0": 3, "conv11": 16, "down1": 32, "conv21": 32, "conv22": 32, "conv31": 64, "conv32": 64, "conv33": 64,
        "conv34": 64, "conv41": 128, "conv42": 128, "conv43": 128, "conv44": 128, "conv51": 128,
    }  # fmt: skip
    _targets = (64, 128, 256, 512, 512)
    pooled = ("conv22", "conv34", "conv44")

    def convolve(self, name: str, x: Tensor) -> Tensor:
        """3×3, or a `down` of 4×4 that halves the size; padded with zeros, which costs nothing."""
        stride = 2 if name.startswith("down") else 1
        layer = cast(nn.Conv2d, self.convolutions[name])
        return F.conv2d(x, layer.weight, layer.bias, stride, padding=1)

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


def turned(head: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """Weight and bias of a 1×1 to C + 1 channels whose mean squares, and those of differences, are a head's.

    With the head's weights W = QR of C columns and bias b, `Wx + b` has the length of `(Rx + Qᵀb, ‖b − QQᵀb‖)`.
    """
    assert head.bias is not None
    with torch.no_grad():
        basis, weight = torch.linalg.qr(head.weight.flatten(1))
        along = basis.T @ head.bias
        beyond = (head.bias.square().sum() - along.square().sum()).clamp_min(0).sqrt()
        channels = len(along) + 1
        scale = math.sqrt(channels / head.out_channels)
        weight = F.pad(weight, (0, 0, 0, 1)) * scale
        return weight[:, :, None, None], torch.cat([along, beyond[None]]) * scale


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
        gram = weight @ products(flat) @ weight.T + mixed + mixed.transpose(1, 2)
        return (gram + pixels * (bias @ bias.T)) / (head.out_channels * pixels)
