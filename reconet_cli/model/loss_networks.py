"""Networks whose features say what a picture shows and how it is painted, behind one interface.

Every one takes `(N, 3, H, W)` RGB in [0, 1] and returns `Perception`: a content feature map and Gram matrices.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reconet_cli.errors import StyleError
from reconet_cli.model.losses import gram_matrix

VGG16_URL = "https://download.pytorch.org/models/vgg16-397923af.pth"
# torchvision puts the first eight digits of the file's SHA-256 into its name.
VGG16_SHA256_PREFIX = "397923af"


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

    def forward(self, image: Tensor) -> Perception:
        """Features of RGB in [0, 1]."""
        x = (image - self.mean) / self.std
        taps = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.taps:
                taps.append(x.float())
        return Perception(taps[2], [gram_matrix(features) for features in taps])

    @classmethod
    def from_checkpoint(cls, state: dict[str, Tensor]) -> VGG16:
        """Read torchvision's `vgg16` state; layers past relu4_3 and the classifier are left out."""
        network = cls()
        wanted = network.state_dict()
        network.load_state_dict({key: state[key] for key in wanted})
        return network


class DistilledVGG19(LossNetwork):
    """VGG-19 distilled to a sixteenth of its size (Wang et al., Collaborative Distillation, CVPR 2020).

    Linear heads predict VGG-19's relu1_1, relu2_1, relu3_1 and relu4_1: all are style layers, the last is content.
    The normalisation of the input is the file's first 1×1 convolution.
    """

    name = "vgg19-distilled"
    _stages = (
        ("conv11",),
        ("conv12", "conv21"),
        ("conv22", "conv31"),
        ("conv32", "conv33", "conv34", "conv41"),
    )
    _pool_after = ("conv12", "conv22", "conv34")

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        super().__init__()
        names = ["conv0", *(name for stage in self._stages for name in stage)]
        names += [f"{stage[-1]}_aux" for stage in self._stages]
        self.layers = nn.ModuleDict({name: _convolution(arrays, name) for name in names})

    def forward(self, image: Tensor) -> Perception:
        """Features of RGB in [0, 1]."""
        x = self.layers["conv0"](image)
        grams = []
        for stage in self._stages:
            for name in stage:
                x = F.relu(self.layers[name](F.pad(x, (1, 1, 1, 1), mode="reflect")))
                if name in self._pool_after:
                    x = F.max_pool2d(x, 2)
            head = self.layers[f"{stage[-1]}_aux"]
            assert isinstance(head, nn.Conv2d)
            grams.append(_gram_through(head, x.float()))
        return Perception(head(x).float(), grams)


def _gram_through(head: nn.Conv2d, features: Tensor) -> Tensor:
    """Gram matrices of a 1×1 head's output, from the few channels before it: `A · G([x; 1]) · Aᵀ`, A = [W b]."""
    count, _, height, width = features.shape
    with torch.autocast(features.device.type, enabled=False):
        flat = torch.cat([features, features.new_ones(count, 1, height, width)], 1).flatten(2)
        moments = flat @ flat.transpose(1, 2) / (head.out_channels * height * width)
        assert head.bias is not None
        matrix = torch.cat([head.weight.flatten(1), head.bias[:, None]], 1)
        return matrix @ moments @ matrix.T


def _convolution(arrays: dict[str, np.ndarray], name: str) -> nn.Conv2d:
    weight = torch.from_numpy(np.asarray(arrays[f"{name}.weight"], dtype=np.float32))
    layer = nn.Conv2d(weight.shape[1], weight.shape[0], (weight.shape[2], weight.shape[3]))
    bias = torch.from_numpy(np.asarray(arrays[f"{name}.bias"], dtype=np.float32))
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer


def load_loss_network(weights: Path | None) -> LossNetwork:
    """The loss network in a file, or VGG-16 from torchvision's server (cached, hash checked) when there is none.

    `.npz` is the distilled VGG-19, `.pth`/`.pt` torchvision's VGG-16. Raises `StyleError` for any other file.
    """
    path = weights or _download_vgg16()
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                return DistilledVGG19({key: archive[key] for key in archive.files}).freeze()
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return VGG16.from_checkpoint(state).freeze()
    except OSError as problem:
        raise StyleError(f"cannot read the loss network {path}: {problem.strerror or problem}") from problem
    except Exception as problem:  # foreign files fail in a dozen ways inside numpy's and torch's readers
        raise StyleError(
            f"{path} is no loss network: {type(problem).__name__}",
            "give torchvision's vgg16-397923af.pth or a distilled VGG-19 as .npz",
        ) from problem


def _download_vgg16() -> Path:
    target = Path(torch.hub.get_dir()) / "checkpoints" / VGG16_URL.rsplit("/", 1)[1]
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(VGG16_URL, str(target), hash_prefix=VGG16_SHA256_PREFIX)
        except Exception as problem:  # urllib, ssl and the hash check raise unrelated types
            raise StyleError(
                f"the VGG-16 loss network could not be downloaded: {problem}",
                "download vgg16-397923af.pth elsewhere and pass it with --loss-weights",
            ) from problem
    return target
