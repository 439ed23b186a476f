"""Temporal error, style loss and content loss of styles on clips, side by side.

    python benchmarks/coherence.py CLIP... --style weights/mosaic/fast.safetensors \
        --style runs/per-frame/fast.safetensors --picture examples/mosaic.jpg --loss-network loss.npz

Every style paints the same frames with the plain fp32 network; flow (DIS medium) and visibility come from the source
frames. Losses are those of training, unweighted. The first style is the one that others are compared with.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from reconet_cli.evaluation.temporal import TemporalError, flow_and_mask
from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.loss_networks import LossNetwork
from reconet_cli.model.losses import content_loss, style_loss
from reconet_cli.model.network import ReCoNet
from reconet_cli.model.weights import load_weights, read_metadata
from reconet_cli.training.run import style_picture
from reconet_cli.training.sources import reduce_to, to_tensor

# Losses change slowly from frame to frame, so a few frames a clip say enough.
_LOSS_EVERY = 8


def frames_of(clip: Path, count: int, height: int) -> Iterator[np.ndarray]:
    """The first frames of a clip as RGB uint8, reduced to `height`."""
    capture = cv2.VideoCapture(str(clip))
    try:
        for _ in range(count):
            there, frame = capture.read()
            if not there:
                return
            yield reduce_to(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), height)
    finally:
        capture.release()


@torch.inference_mode()
def paint(network: ReCoNet, frame: np.ndarray) -> np.ndarray:
    """One frame through the plain network, uint8 to uint8."""
    painted = network(to_tensor(frame)[None])[0]
    return (painted.permute(1, 2, 0) * 255 + 0.5).to(torch.uint8).numpy()


class Score:
    """What one style did on one clip."""

    def __init__(self, network: ReCoNet) -> None:
        self.network = network
        self.error = TemporalError()
        self.style: list[float] = []
        self.content: list[float] = []
        self._before: np.ndarray | None = None

    def see(self, frame: np.ndarray, motion: tuple[torch.Tensor, torch.Tensor] | None) -> np.ndarray:
        """Paint the next frame and account for it; `motion` leads back to the frame before."""
        painted = paint(self.network, frame)
        if self._before is not None and motion is not None:
            self.error.add(self._before, painted, *motion)
        self._before = painted
        return painted

    @torch.inference_mode()
    def judge(self, frame: np.ndarray, painted: np.ndarray, judge: LossNetwork, grams: list[torch.Tensor]) -> None:
        """Add the losses of one painted frame."""
        seen, wanted = judge(to_tensor(painted)[None]), judge(to_tensor(frame)[None]).content
        self.style.append(style_loss(seen.grams, grams).item())
        self.content.append(content_loss(seen.content, wanted, (wanted**2).mean().item()).item())


def measure(
    clip: Path,
    networks: list[ReCoNet],
    judge: LossNetwork,
    grams: list[torch.Tensor],
    args: argparse.Namespace,
) -> tuple[list[Score], TemporalError]:
    """Scores of all networks on one clip, and the temporal error of the clip itself."""
    scores, floor = [Score(network) for network in networks], TemporalError()
    before: np.ndarray | None = None
    for index, frame in enumerate(frames_of(clip, args.frames, args.height)):
        motion = flow_and_mask(frame, before) if before is not None else None
        if before is not None and motion is not None:
            floor.add(before, frame, *motion)
        for score in scores:
            painted = score.see(frame, motion)
            if index % _LOSS_EVERY == 0:
                score.judge(frame, painted, judge, grams)
        before = frame
    return scores, floor


def main() -> None:
    """Measure and print a table, one row a clip and a mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--style", action="append", required=True, type=Path)
    parser.add_argument("--picture", required=True, type=Path)
    parser.add_argument("--loss-network", default="compact")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--height", type=int, default=360)
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    networks = [load_weights(path) for path in args.style]
    judge = load_loss_network(args.loss_network)
    scale = read_metadata(args.style[0])["recipe"]["settings"]["style_scale"]
    grams = judge(style_picture(args.picture, scale)).grams
    rows = {clip.stem: measure(clip, networks, judge, grams, args) for clip in args.clips}
    print(
        f"{'clip':<28}{'source':>8}"
        + "".join(f" | {path.parent.name[:12]:>12} e_stab  style content" for path in args.style)
    )
    for name, (scores, floor) in rows.items():
        cells = (
            f" | {s.error.value:>19.4f} {statistics.mean(s.style):>6.3f} {statistics.mean(s.content):>7.3f}"
            for s in scores
        )
        print(f"{name[:27]:<28}{floor.value:>8.4f}" + "".join(cells))
    means = []
    for index in range(len(networks)):
        column = [scores[index] for scores, _ in rows.values()]
        error = statistics.mean(score.error.value for score in column)
        style = statistics.mean(itertools.chain.from_iterable(score.style for score in column))
        content = statistics.mean(itertools.chain.from_iterable(score.content for score in column))
        means.append((error, style, content))
    source = statistics.mean(floor.value for _, floor in rows.values())
    print(f"{'mean':<28}{source:>8.4f}" + "".join(f" | {e:>19.4f} {s:>6.3f} {c:>7.3f}" for e, s, c in means))
    coverage = statistics.mean(floor.coverage for _, floor in rows.values())
    print(f"pixels that could be traced: {coverage:.0%}")
    for path, (error, style, _) in zip(args.style[1:], means[1:], strict=True):
        print(
            f"{args.style[0]} against {path}: e_stab x{means[0][0] / error:.2f}, style loss x{means[0][1] / style:.2f}"
        )


if __name__ == "__main__":
    main()
