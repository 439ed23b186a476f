"""A network as a list of convolutions, each with what follows it, for painting a large frame band by band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from torch import nn

from reconet_cli.engines.graph import LEVELS
from reconet_cli.engines.openvino.squares_graph import SquaresGraph
from reconet_cli.engines.rewrites import ShuffledHead, UpscaleConv
from reconet_cli.model.layers import Conv, ConvNorm, FilterResponseNorm, Residual
from reconet_cli.model.network import ReCoNet


@dataclass(frozen=True)
class Step:
    """A convolution from the map `source` to the map `target`, then a norm with its activation, then the map `added`.

    `border` rows and columns are repeated on each side first, as numpy's `mode` says. `exact` maps are added later and
    stay in float; the others only go into convolutions. Without a norm it is the last one.
    """

    source: str
    target: str
    conv: nn.Conv2d | nn.ConvTranspose2d
    border: int
    mode: str
    norm: nn.Module | None = None
    rectified: bool = False
    added: str = ""
    exact: bool = False

    @property
    def last(self) -> bool:
        """Whether it makes the frame."""
        return self.norm is None

    @property
    def doubles(self) -> bool:
        """True for a transposed convolution of stride 2."""
        return isinstance(self.conv, nn.ConvTranspose2d)

    @property
    def stride(self) -> int:
        """Source rows a target row moves by; for one that doubles, a pair of them."""
        return 1 if self.doubles else int(self.conv.stride[0])

    @property
    def reach(self) -> int:
        """Source rows, border included, that one target row (or pair) needs."""
        return 3 if self.doubles else int(self.conv.kernel_size[0])

    def scaling(self, mean: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Factor and offset that the norm is for channels `(C,)` of these moments over the whole frame."""
        if isinstance(self.norm, FilterResponseNorm):
            factor = _values(self.norm.weight) / np.sqrt(variance + mean**2 + self.norm.eps)
            return factor, _values(self.norm.bias)
        norm = cast(nn.InstanceNorm2d, self.norm)
        factor = _values(norm.weight) / np.sqrt(variance + norm.eps)
        return factor, _values(norm.bias) - mean * factor

    @property
    def floor(self) -> np.ndarray | None:
        """The least value `(C,)` that the activation lets through, None without one."""
        if isinstance(self.norm, FilterResponseNorm):
            return _values(self.norm.threshold).astype(np.float32)
        return np.zeros(self.conv.out_channels, np.float32) if self.rectified else None


def steps_of(network: ReCoNet, levels: int = LEVELS) -> tuple[list[Step], SquaresGraph]:
    """The steps from the map `frame` to the map `squares`, and the graph that they were taken from."""
    graph = SquaresGraph(network, levels)
    body: Any = graph.body
    if network.config.family == "paper":
        first, half, deep = list(body.encoder)[:3]
        steps = [
            _down(first, "frame", "full", border=graph.border),
            _down(half, "full", "half"),
            _down(deep, "half", "deep", exact=True),
            *_blocks(list(body.encoder)[3:]),
            _up(body.decoder[0], "deep", "half"),
            _up(body.decoder[1], "half", "full"),
            _head(body.decoder[2].head, "full"),
        ]
    else:
        steps = [
            _down(body.at_half, "frame", "half", border=graph.border),
            _down(body.at_quarter, "half", "skipped", exact=True),
            _down(body.encoder[0], "skipped", "deep", exact=True),
            *_blocks(list(body.encoder)[1:]),
            _up(body.to_quarter, "deep", "quarter", added="skipped"),
            _up(body.to_half, "quarter", "half"),
            _head(body.head.head, "half"),
        ]
    return steps, graph


def _down(layer: ConvNorm, source: str, target: str, *, border: int | None = None, exact: bool = False) -> Step:
    conv = layer.conv
    edge = conv.padding if border is None else border
    return Step(source, target, conv.conv, edge, "reflect", _norm(layer.norm), rectified=True, exact=exact)


def _blocks(blocks: list[Residual]) -> list[Step]:
    steps = []
    for block in blocks:
        steps.append(_down(block.first, "deep", "inner"))
        second: Conv = block.second
        norm = _norm(block.norm)
        steps.append(Step("inner", "deep", second.conv, second.padding, "reflect", norm, added="deep", exact=True))
    return steps


def _up(layer: nn.Sequential, source: str, target: str, *, added: str = "") -> Step:
    conv = cast(UpscaleConv, layer[0]).conv
    return Step(source, target, conv, 1, "edge", _norm(layer[1]), rectified=True, added=added)


def _head(head: Any, source: str) -> Step:
    if isinstance(head, ShuffledHead):
        return Step(source, "squares", head.conv, head.padding, "reflect")
    return Step(source, "squares", head.conv, 1, "edge")


def _norm(layer: nn.Module) -> nn.Module:
    """The norm itself, where an activation stands behind it."""
    return layer[0] if isinstance(layer, nn.Sequential) else layer


def _values(parameter: nn.Parameter) -> np.ndarray:
    return parameter.detach().double().numpy()
