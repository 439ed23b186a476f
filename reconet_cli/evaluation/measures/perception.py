"""Distances as a loss network sees them: style, content, and what changed between frames of a painted clip."""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass(frozen=True)
class Change:
    """Distances between a frame and an earlier one warped onto it: 0 is the same.

    `perceptual` is `perceptual_distance` at the layers of the style, `lpips` is None where the network has no heads.
    """

    perceptual: float
    lpips: float | None


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
        return self._network.features_at(image, {*layers.content, *layers.style, *self._network.lpips_heads})

    @torch.inference_mode()
    def change(self, current: np.ndarray, view: View, earlier: np.ndarray, trace: Trace) -> Change:
        """What changed from an earlier painted frame, warped, to the current one; `view` is the current frame's.

        Where `trace` leads nowhere, the warped frame is filled with the current one.
        """
        now = as_tensor(current)
        carried = self._features(torch.lerp(now, warp(as_tensor(earlier), trace.flow), trace.mask))
        heads = self._network.lpips_heads
        return Change(
            perceptual_distance(self._style_layers(view.features), self._style_layers(carried)),
            lpips(view.features, carried, heads) if heads else None,
        )

    def _style_layers(self, features: dict[str, Tensor]) -> list[Tensor]:
        return [features[name] for name in self._network.layers.style]


def style_distance(view: View, grams: list[Tensor]) -> float:
    """Mean over layers of `‖G(O) − G(S)‖ / ‖G(S)‖`, as in training: 0 is the style picture's own statistics."""
    return style_loss(view.perception.grams, grams).item()


def content_distance(view: View, source: Tensor) -> float:
    """`‖φ(O) − φ(I)‖² / ‖φ(I)‖²` of a painted frame and the content features of its source."""
    return content_loss([view.perception.contents[0]], [source], [(source**2).mean().item()]).item()


def perceptual_distance(a: list[Tensor], b: list[Tensor]) -> float:
    """Squared distances of the unit vectors of features `(1, C, h, w)`, averaged over each layer, then the layers.

    It is LPIPS's distance (Zhang et al., CVPR 2018, eq. 1) with equal weights in place of learned ones, so its figures
    differ.
    """
    layers = [((_unit(x) - _unit(y)) ** 2).sum(1).mean() for x, y in zip(a, b, strict=True)]
    return torch.stack(layers).mean().item()


def lpips(a: Mapping[str, Tensor], b: Mapping[str, Tensor], heads: Mapping[str, Tensor]) -> float:
    """`Σ_l 1/(H_l·W_l) · Σ_hw ‖w_l ⊙ (ŷ_l − ŷ0_l)‖²`: LPIPS (Zhang et al., CVPR 2018, eq. 1).

    Features `(1, C, h, w)` by layer become unit vectors ŷ; `heads` are the learned weights `w²`, `(C,)` by layer.
    """
    return sum(
        ((_unit(a[name]) - _unit(b[name])) ** 2 * weights.view(1, -1, 1, 1)).sum(1).mean().item()
        for name, weights in heads.items()
    )


def _unit(features: Tensor) -> Tensor:
    length: Tensor = features.norm(dim=1, keepdim=True)
    return features / (length + _EPS)
