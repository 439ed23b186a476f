"""Scales and shifts of a network's norms, predicted from a style picture (Ghiasi et al., arXiv 1705.06830).

A network that has learned many paintings with norms of their own shows something of any painting before its first
training step, and learns the rest in fewer.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reconet_cli.errors import StyleError
from reconet_cli.model.layers import InstanceNorm
from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.loss_networks import Perception
from reconet_cli.model.network import ReCoNet
from reconet_cli.model.weights import load_weights

# Beside the weights of a network that has learned with such norms.
NORMS_FILE = "norms.safetensors"
# So many of the finest depths are described by which features occur together, all by how strong features are.
_FINE_DEPTHS = 3
_EVERY_COLOR = 512  # of the sorted ones
_LEAST = 1e-12
_HIDDEN = 128
# Descriptions further from the mean than any painting that was learned (in standard deviations) say nothing more.
_FURTHEST = 3.0


class NormPredictor(nn.Module):
    """A style's description to changes of all scales and shifts of a network's norms.

    `mean` and `basis` bring descriptions to a few numbers of about unit variance, by principal components of the
    paintings that were learned.
    """

    mean: Tensor
    basis: Tensor

    def __init__(self, described: int, components: int, outputs: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(described))
        self.register_buffer("basis", torch.zeros(components, described))
        self.first, self.second = nn.Linear(components, _HIDDEN), nn.Linear(_HIDDEN, outputs)
        # Without learning nothing changes.
        nn.init.zeros_(self.second.weight)
        nn.init.zeros_(self.second.bias)

    def forward(self, description: Tensor) -> Tensor:
        """`(described,)` to `(outputs,)`."""
        components = (self.basis @ (description - self.mean)).clamp(-_FURTHEST, _FURTHEST)
        changes: Tensor = self.second(F.relu(self.first(components)))
        return changes

    def changed(self, network: ReCoNet, description: Tensor) -> dict[str, Tensor]:
        """The scales and shifts of a network's norms for a style, by name."""
        parameters = dict(network.named_parameters())
        names = norm_parameters(network)
        parts = self(description).split([parameters[name].numel() for name in names])
        return {name: parameters[name] + part for name, part in zip(names, parts, strict=True)}


def norm_parameters(network: ReCoNet) -> list[str]:
    """The names of the scales and shifts of all instance norms, in order."""
    norms = [name for name, module in network.named_modules() if isinstance(module, InstanceNorm)]
    return [f"{name}.{kind}" for name in norms for kind in ("weight", "bias")]


def describe(grams: Sequence[Tensor], colors: Tensor) -> Tensor:
    """What a style picture is like: a vector from its Gram matrices by depth `(1, C, C)` and its `sorted_colors`."""
    parts = []
    for depth, (gram,) in enumerate(grams):
        power = gram.diagonal().clamp_min(_LEAST)
        parts.append(power.log() / 2)
        if depth < _FINE_DEPTHS:
            correlation = gram / (power[:, None] * power).sqrt()
            above = torch.triu_indices(len(gram), len(gram), 1)
            parts.append(correlation[above[0], above[1]])
    return torch.cat([*parts, colors[:, ::_EVERY_COLOR].flatten()])


@torch.no_grad()
def load_adapted(weights: Path, style: Tensor, colors: Tensor, seen: Perception | None = None) -> ReCoNet:
    """The network of a weights file, with norms for a style where a predictor is beside it. Raises `StyleError`.

    `style` is a picture `(1, 3, H, W)` in [0, 1], `colors` are its `sorted_colors`, and `seen` is what the compact loss
    network sees in it, if that is known.
    """
    network = load_weights(weights)
    norms = weights.with_name(NORMS_FILE)
    if norms.is_file():
        predictor = load_predictor(norms)
        seen = seen or load_loss_network("compact")(style)
        description = describe([gram.cpu() for gram in seen.grams], colors)
        parameters = dict(network.named_parameters())
        for name, value in predictor.changed(network, description).items():
            parameters[name].copy_(value)
    return network


def load_predictor(path: Path) -> NormPredictor:
    """The predictor of a file, not to be trained. Raises `StyleError`."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = {name: value.float() for name, value in load_file(path).items()}
        components, described = state["basis"].shape
        predictor = NormPredictor(described, components, len(state["second.bias"]))
        predictor.load_state_dict(state)
    except (OSError, SafetensorError, RuntimeError, KeyError, ValueError) as problem:
        raise StyleError(f"cannot read {path}: {str(problem).splitlines()[0]}", "install reconet again") from problem
    return predictor.eval().requires_grad_(False)
