"""How to find the way over five and ten frames: flow between the two frames, or neighbors' flow composed.

    python benchmarks/long_range.py --scenes 12 --style mosaic

Scenes of textured things that move evenly, so that the way back to the first frame is exact over any span. For each way
to estimate it: how far it is off where both it and the truth trace a pixel, the share of pixels that it traces, and the
long-range error of a painting, relative to the one by true flow and on the same pixels.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
import time
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from reconet_cli.engines import load_engine
from reconet_cli.evaluation.measures.temporal import Trace, as_tensor, estimate_trace
from reconet_cli.model.losses import temporal_gap
from reconet_cli.model.tensors import to_tensor
from reconet_cli.training.synthetic.random_motion import random_flow
from reconet_cli.training.synthetic.scenes import Layer, render
from reconet_cli.training.synthetic.textures import canvas, shape
from reconet_cli.warping import inside_frame, warp

_SIDE = 384
_NOISE = 1.5  # code values of a camera


def scene(seed: int, motion: float) -> list[Layer]:
    """A background and three things; `motion` is how much faster than the trainer's pairs they move in ten frames."""
    generator = torch.Generator().manual_seed(seed)
    camera = motion * random_flow(_SIDE, generator)
    whole = torch.tensor([[1.4 / _SIDE, 0, 0], [0, 1.4 / _SIDE, 0]])
    layers = [Layer(to_tensor(canvas(512, seed)), torch.ones(1, 2, 2), whole, camera)]
    for number in range(3):
        half = _SIDE * float(0.12 + 0.15 * torch.rand((), generator=generator))
        x, y = ((torch.rand(2, generator=generator) - 0.5) * 0.8 * _SIDE).tolist()
        place = torch.tensor([[1 / half, 0, -x / half], [0, 1 / half, -y / half]])
        outline = to_tensor(shape(256, seed * 7 + number)[..., None])
        own = motion * random_flow(_SIDE, generator)
        layers.append(Layer(to_tensor(canvas(512, seed * 5 + number + 1)), outline, place, camera + own))
    return layers


def at_time(layers: list[Layer], share: float) -> list[Layer]:
    """The same things after a share of their way."""
    return [replace(layer, flow=share * layer.flow) for layer in layers]


def filmed(picture: Tensor, generator: np.random.Generator) -> np.ndarray:
    """`(1, 3, H, W)` in [0, 1] as a camera's uint8 frame `(H, W, 3)`."""
    values = picture[0].permute(1, 2, 0).numpy() * 255
    return np.clip(np.rint(values + generator.normal(0, _NOISE, values.shape)), 0, 255).astype(np.uint8)


def composed(steps: list[Trace]) -> Trace:
    """One trace out of those of neighbors, the latest first: a pixel is traced where every step is."""
    flow, mask = steps[0].flow, steps[0].mask
    for step in steps[1:]:
        mask = mask * (warp(step.mask, flow) > 0.999)
        flow = flow + warp(step.flow, flow)
    return Trace(flow, mask * inside_frame(flow))


def measure(seed: int, span: int, motion: float, style: str) -> dict[str, tuple[float, ...]]:
    """For each way: error in px, share traced, ratio of the painted error to the true one, CPU seconds."""
    layers, generator = scene(seed, motion), np.random.default_rng(seed)
    rendered = [render(at_time(layers, t / 10), _SIDE) for t in range(span + 1)]
    frames = [filmed(pair.current, generator) for pair in rendered]
    engine = load_engine(style, height=_SIDE, width=_SIDE, backend="torch", device="cpu", precision="fp32")
    first, last = (as_tensor(engine(frame)) for frame in (frames[0], frames[-1]))
    truth = Trace(rendered[-1].flow, rendered[-1].mask)
    found: dict[str, tuple[float, ...]] = {}
    for name in ("direct", "composed"):
        began = time.process_time()
        if name == "direct":
            trace = estimate_trace(frames[-1], frames[0])
        else:
            trace = composed([estimate_trace(b, a) for a, b in itertools.pairwise(frames)][::-1])
        seconds = time.process_time() - began
        both = truth.mask * trace.mask
        distance = ((trace.flow - truth.flow) ** 2).sum(1, keepdim=True).sqrt()
        errors = [math.sqrt(temporal_gap(last, first, flow, both)) for flow in (trace.flow, truth.flow)]
        found[name] = (float((distance * both).sum() / both.sum()), trace.coverage, errors[0] / errors[1], seconds)
    found["truth"] = (0.0, truth.coverage, 1.0, 0.0)
    return found


@torch.inference_mode()
def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--style", default="mosaic")
    args = parser.parse_args()
    print(f"{'motion':<8}{'span':>5} {'way':<10}{'px off':>8}{'traced':>8}{'error':>8}{'worst':>8}{'CPU s':>8}")
    for motion, span in itertools.product((1, 3), (5, 10)):
        rows = [measure(seed, span, motion, args.style) for seed in range(args.scenes)]
        for way in rows[0]:
            off, traced, ratio, seconds = (statistics.mean(row[way][i] for row in rows) for i in range(4))
            worst = max((row[way][2] for row in rows), key=lambda ratio: abs(math.log(ratio)))
            print(f"{motion:<8}{span:>5} {way:<10}{off:>8.2f}{traced:>8.1%}{ratio:>8.2f}{worst:>8.2f}{seconds:>8.2f}")


if __name__ == "__main__":
    main()
