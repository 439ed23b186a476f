"""SqueezeNet 1.1 (Iandola et al., arXiv 1602.07360) for measuring: it trains no style here, so it favors none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reconet_cli.model.loss_networks import ImageNetFeatures, LossLayers

# torchvision's numbers of the modules with weights; activations and poolings have the others.
_MODULES = {
    "conv1": 0, "fire2": 3, "fire3": 4, "fire4": 6, "fire5": 7, "fire6": 9, "fire7": 10, "fire8": 11, "fire9": 12,
}  # fmt: skip


class _Fire(nn.Module):
    """Squeeze by a 1×1, expand by a 1×1 and a 3×3 side by side."""

    def __init__(self, before: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(before, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        return F.relu(torch.cat([self.expand1x1(x), self.expand3x3(x)], 1))


class SqueezeNet(ImageNetFeatures):
    """The features of torchvision's `squeezenet1_1`; layers keep the paper's names."""

    name = "squeezenet"
    own_layers = LossLayers(("fire2", "fire4"), ("conv1", "fire3", "fire5", "fire7", "fire9"))
    paper_layers = LossLayers(("fire5",), ("conv1", "fire3", "fire5", "fire7"))
    # Where LPIPS compares features (Zhang et al., CVPR 2018), in the order of its heads.
    lpips_layers = ("conv1", "fire3", "fire5", "fire6", "fire7", "fire8", "fire9")
    # The activation behind conv1 has a number of its own; a fire module ends with its activation.
    numbers: ClassVar = _MODULES | {"conv1": 1}

    def __init__(self) -> None:
        pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        features = nn.Sequential(
            nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool,
            _Fire(64, 16, 64), _Fire(128, 16, 64), pool,
            _Fire(128, 32, 128), _Fire(256, 32, 128), pool,
            _Fire(256, 48, 192), _Fire(384, 48, 192), _Fire(384, 64, 256), _Fire(512, 64, 256),
        )  # fmt: skip
        super().__init__(features)

    @classmethod
    def from_checkpoint(cls, state: Mapping[str, Tensor]) -> SqueezeNet:
        """Read a state whose layers have the paper's names (`conv1`, `fire2`, …) or torchvision's; no classifier."""
        network = cls()
        names = {key: key for key in network.state_dict()}
        if "conv1.weight" in state:
            names = {key: _paper_name(key) for key in names}
        network.load_state_dict({key: state[name].float() for key, name in names.items()})
        return network

    def with_lpips_heads(self, state: Mapping[str, Tensor]) -> SqueezeNet:
        """Take over LPIPS's heads from a state of version 0.1, whose `lin0` to `lin6` are 1×1 convolutions."""
        heads = {name: state[f"lin{index}.model.1.weight"].float() for index, name in enumerate(self.lpips_layers)}
        self.lpips_heads = {name: weight.flatten() for name, weight in heads.items()}
        return self


def _paper_name(key: str) -> str:
    """`features.3.squeeze.weight` is `fire2.squeeze.weight`."""
    _, number, rest = key.split(".", 2)
    names = {module: name for name, module in _MODULES.items()}
    return f"{names[int(number)]}.{rest}"
