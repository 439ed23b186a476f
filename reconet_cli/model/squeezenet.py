"""SqueezeNet 1.1 (Iandola et al., arXiv 1602.07360) as a judge: it trains nothing here, so that it can be fair."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reconet_cli.model.loss_networks import LossNetwork, Perception
from reconet_cli.model.losses import gram_matrix


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


class SqueezeNet(LossNetwork):
    """The features of torchvision's `squeezenet1_1`: content at fire5, style at conv1, fire3, fire5 and fire7.

    Layers keep torchvision's numbers.
    """

    name = "squeezenet"
    mean: Tensor
    std: Tensor
    _content, _style = 7, (1, 4, 7, 10)

    def __init__(self) -> None:
        super().__init__()
        pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool,
            _Fire(64, 16, 64), _Fire(128, 16, 64), pool,
            _Fire(128, 32, 128), _Fire(256, 32, 128), pool,
            _Fire(256, 48, 192), _Fire(384, 48, 192), _Fire(384, 64, 256), _Fire(512, 64, 256),
        )  # fmt: skip
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1), persistent=False)

    @classmethod
    def from_checkpoint(cls, state: Mapping[str, Tensor]) -> SqueezeNet:
        """Read a state whose layers have the paper's names (`conv1`, `fire2`, …) or torchvision's; no classifier."""
        network = cls()
        names = {key: key for key in network.state_dict()}
        if "conv1.weight" in state:
            names = {key: _paper_name(key) for key in names}
        network.load_state_dict({key: state[name].float() for key, name in names.items()})
        return network

    def style_features(self, image: Tensor) -> list[Tensor]:
        """Features of RGB in [0, 1]."""
        taps = self._taps(image, self._style[-1])
        return [taps[index] for index in self._style]

    def perception(self, features: list[Tensor]) -> Perception:
        """Content at fire5."""
        content = features[self._style.index(self._content)]
        return Perception(content, [gram_matrix(layer) for layer in features])

    def content(self, image: Tensor) -> Tensor:
        """Features behind fire5."""
        return self._taps(image, self._content)[self._content]

    def _taps(self, image: Tensor, last: int) -> list[Tensor]:
        x = (image - self.mean) / self.std
        taps = []
        for index in range(last + 1):
            x = self.features[index](x)
            taps.append(x.float())
        return taps


def _paper_name(key: str) -> str:
    """`features.3.squeeze.weight` is `fire2.squeeze.weight`: poolings have numbers there, and none here."""
    _, number, rest = key.split(".", 2)
    names = {
        0: "conv1",
        3: "fire2",
        4: "fire3",
        6: "fire4",
        7: "fire5",
        9: "fire6",
        10: "fire7",
        11: "fire8",
        12: "fire9",
    }
    return f"{names[int(number)]}.{rest}"
