"""How far measures by estimated flow agree with those by true flow.

    python benchmarks/true_flow.py FOLDER --style mosaic --style starry

FOLDER is a data set with true flow. For each pair and style, e_stab and the warped perceptual distance by estimated
flow as shares of those by true flow: each with its own visibility mask, and on the same pixels, which are those that
both masks have and that lie a pixel or more away from any that one of them lacks. The last line of a style takes all
pairs as one clip.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from reconet_cli.engines import load_engine
from reconet_cli.evaluation.measures.perception import Comparator
from reconet_cli.evaluation.measures.temporal import Trace, estimate_trace, pair_error
from reconet_cli.flow.datasets import FlowPair, open_dataset
from reconet_cli.model.loss_files import load_loss_network

_AGREE = 0.15
_COLUMNS = ("e_stab", "same pixels", "perceptual", "same pixels")


def common(a: Trace, b: Trace) -> torch.Tensor:
    """The mask of both, without the pixels beside those that are not in it."""
    return 1 - F.max_pool2d(1 - a.mask * b.mask, 3, 1, 1)


def measure(pair: FlowPair, style: str, method: str, comparator: Comparator) -> list[tuple[float, float]]:
    """(by estimated, by true flow) for each of the columns."""
    traced = pair.traced()
    true = Trace(torch.from_numpy(traced.flow)[None], torch.from_numpy(traced.visible)[None, None].float())
    found = estimate_trace(traced.current, traced.previous, method)
    height, width = traced.current.shape[:2]
    engine = load_engine(style, height=height, width=width, backend="torch", device="cpu", precision="fp32")
    now, before = engine(traced.current), engine(traced.previous)
    both, view = common(found, true), comparator.view(now)
    own, same = (found, true), (Trace(found.flow, both), Trace(true.flow, both))
    errors = [[pair_error(now, before, trace) for trace in traces] for traces in (own, same)]
    changes = [[comparator.change(now, view, before, trace).perceptual for trace in traces] for traces in (own, same)]
    return [(estimated, truth) for estimated, truth in (*errors, *changes)]


def row(name: str, ratios: Sequence[float]) -> str:
    """One line of the table."""
    return f"{name:<24}" + "".join(f"{ratio:>13.2f}" for ratio in ratios)


def together(values: np.ndarray) -> list[float]:
    """Ratios over all pairs `(pairs, columns, 2)`: errors add up as squares, distances as they are."""
    errors, changes = np.sqrt((values[:, :2] ** 2).sum(0)), values[:, 2:].sum(0)
    return [found / true for found, true in (*errors, *changes)]


def main() -> None:
    """Measure and print a table a style."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--style", action="append", required=True)
    parser.add_argument("--method", default="dis-medium")
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    comparator = Comparator(load_loss_network("compact"))
    pairs = open_dataset(args.folder).pairs
    agreeing = np.zeros(len(_COLUMNS), int)
    for style in args.style:
        print(f"{style:<24}" + "".join(f"{column:>13}" for column in _COLUMNS))
        values = np.array([measure(pair, style, args.method, comparator) for pair in pairs])
        ratios = values[..., 0] / values[..., 1]
        agreeing += (np.abs(ratios - 1) <= _AGREE).sum(0)
        for pair, found in zip(pairs, ratios, strict=True):
            print(row(pair.name, found))
        print(row("all pairs", together(values)))
        print()
    total = len(pairs) * len(args.style)
    print(f"{f'within {_AGREE:.0%}, of {total}':<24}" + "".join(f"{count:>13}" for count in agreeing))


if __name__ == "__main__":
    main()
