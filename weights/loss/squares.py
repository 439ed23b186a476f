"""A convolution from examples of what goes in and what should come out, by least squares."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Pixels that are taken from a batch, and how strongly weights are held back, as a share of the inputs' mean square.
_PIXELS = 6000
_HELD_BACK = 1e-5


class LeastSquares:
    """Sums over examples, from which the best weights of a square, padded convolution of stride 1 follow."""

    def __init__(self, layer: nn.Conv2d, generator: torch.Generator) -> None:
        self._layer = layer
        self._generator = generator
        self._side = layer.kernel_size[0]
        terms = layer.in_channels * self._side**2 + 1
        self._products = torch.zeros(terms, terms, dtype=torch.float64)
        self._wanted = torch.zeros(terms, layer.out_channels, dtype=torch.float64)

    def add(self, inputs: Tensor, wanted: Tensor, margin: int) -> None:
        """Learn from some pixels of inputs `(N, C, H, W)` and outputs `(N, O, H, W)`, none of them in the margin."""
        height, width = wanted.shape[-2:]
        inner = torch.zeros(height, width, dtype=torch.bool)
        inner[margin : height - margin, margin : width - margin] = True
        places = inner.flatten().nonzero()[:, 0]
        chosen = torch.randperm(len(places), generator=self._generator)[: max(1, _PIXELS // len(inputs))]
        columns = F.unfold(inputs, self._side, padding=self._side // 2)[..., places[chosen]]
        terms = columns.transpose(1, 2).flatten(0, 1)
        terms = torch.cat([terms, torch.ones(len(terms), 1)], 1)
        values = wanted.flatten(2)[..., places[chosen]].transpose(1, 2).flatten(0, 1)
        self._products += (terms.T @ terms).double()
        self._wanted += (terms.T @ values).double()

    def solve(self) -> None:
        """Give the layer its weights."""
        layer, terms = self._layer, len(self._products)
        assert layer.bias is not None
        held = _HELD_BACK * self._products.diagonal().mean() * torch.eye(terms, dtype=torch.float64)
        found = torch.linalg.solve(self._products + held, self._wanted).float()
        with torch.no_grad():
            layer.weight.copy_(found[:-1].T.reshape(layer.weight.shape))
            layer.bias.copy_(found[-1])
