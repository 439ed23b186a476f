"""Distances as a loss network sees them: style, content, and what changed between frames of a painted clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reconet_cli.evaluation.measures.temporal import Trace, as_tensor
from reconet_cli.model.loss_networks import LossNetwork, Perception
from reconet_cli.model.losses import content_loss, style_loss
from reconet_cli.warping import warp

_EPS = 1e-10


@dataclass(frozen=True)
class View:
    """One frame as a loss network sees it: features `(1, C, h, w)` by layer, and what they amount to."""

    features: dict[str, Tensor]
    perception: Perception


class Comparator:
    """Compares uint8 RGB frames `(H, W, 3)` by the features of a loss network, at the paper's layers."""

    def __init__(self, network: LossNetwork) -> None:
        self._network = network.with_paper_layers()

    @property
    def name(self) -> str:
        """The loss network's."""
        return self._network.name

    @torch.inference_mode()
    def grams(self, picture: Tensor) -> list[Tensor]:
        """The Gram matrices of a style picture, `(1, 3, H, W)` in [0, 1]."""
        perception: Perception = self._network(picture)
        return perception.grams

    @torch.inference_mode()
    def view(self, frame: np.ndarray) -> View:
        """A frame's features, Gram matrices and content."""
        features = self._features(as_tensor(frame))
        return View(features, self._network.perception(features))

    def _features(self, image: Tensor) -> dict[str, Tensor]:
        layers = self._network.layers
        return self._network.features_at(image, layers.content + layers.style)

    @torch.inference_mode()
    def change(self, current: np.ndarray, view: View, earlier: np.ndarray, trace: Trace) -> float:
        """Perceptual distance of a painted frame to the earlier one warped onto it; `view` is the current frame's.

        Where `trace` leads nowhere, the warped frame is filled with the current one. The distance is LPIPS's (Zhang et
        al., CVPR 2018, eq. 1) with equal weights: squared distances of the features' unit vectors, averaged over each
        layer, then over the layers. 0 is the same; LPIPS's learned weights are not in it, so its figures differ.
        """
        now = as_tensor(current)
        carried = torch.lerp(now, warp(as_tensor(earlier), trace.flow), trace.mask)
        return perceptual_distance(self._style_layers(view.features), self._style_layers(self._features(carried)))

    def _style_layers(self, features: dict[str, Tensor]) -> list[Tensor]:
        return [features[name] for name in self._network.layers.style]


def style_distance(view: View, grams: list[Tensor]) -> float:
    """Mean over layers of `‖G(O) − G(S)‖ / ‖G(S)‖`, as in training: 0 is the style picture's own statistics."""
    return style_loss(view.perception.grams, grams).item()


def content_distance(view: View, source: Tensor) -> float:
    """`‖φ(O) − φ(I)‖² / ‖φ(I)‖²` of a painted frame and the content features of its source."""
    return content_loss([view.perception.contents[0]], [source], [(source**2).mean().item()]).item()


def perceptual_distance(a: list[Tensor], b: list[Tensor]) -> float:
    """Squared distances of the unit vectors of features `(1, C, h, w)`, averaged over each layer, then the layers."""
    layers = [((_unit(x) - _unit(y)) ** 2).sum(1).mean() for x, y in zip(a, b, strict=True)]
    return torch.stack(layers).mean().item()


def _unit(features: Tensor) -> Tensor:
    length: Tensor = features.norm(dim=1, keepdim=True)
    return features / (length + _EPS)
