"""Learn to find people from views that `label.py` has made, beginning with the teacher's own weights.

    python weights/people/learn.py --start START --views VIEWS --run RUN

MediaPipe has two models, one for wide frames and one for others. Both go on learning here, each from views of its
shape. Each view is seen twice: as it is, and moved by a random smooth flow in other light, noise and compression. The
loss is binary cross-entropy with the mask of people, soft intersection over union where there are people, and the
temporal loss of the two masks: what is left of their difference when the motion is taken out. This teaches the network
to leave frames without people empty, which the teacher does not, and to hold edges still. RUN keeps the state every
100 steps; the same command goes on there. The weights that are written are a running mean.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from reconet_cli.engines.people import SIZES, kind_of
from reconet_cli.model.losses import temporal_gap
from reconet_cli.model.people import PeopleNetwork
from reconet_cli.training.synthetic.random_motion import camera_noise, change_light, random_flow, uniform
from reconet_cli.warping import inside_frame, warp

_TEMPORAL_WEIGHT = 10.0
_OVERLAP_WEIGHT = 0.5
_KEPT = 0.99  # of the running mean in each step
_SAVE_EVERY = 100
_WARM_UP = 50  # steps
_LEAST = 1e-4
_SMALLEST = 0.04  # of a view that people cover, where there are any


def started(start: Path) -> nn.ModuleDict:
    """A network for each kind of frame, with the teacher's weights."""
    known = np.load(start)
    networks = {kind: PeopleNetwork() for kind in SIZES}
    for kind, network in networks.items():
        layers = [each for each in network.modules() if isinstance(each, (nn.Conv2d, nn.ConvTranspose2d))]
        for place, layer in enumerate(layers):
            assert layer.bias is not None
            for parameter, name in ((layer.weight, "weight"), (layer.bias, "bias")):
                parameter.data.copy_(torch.from_numpy(known[f"{kind}.{place}.{name}"]))
    return nn.ModuleDict(networks)


@dataclass(frozen=True)
class Batch:
    """Pairs of frames `(2N, 3, H, W)`, earlier ones first, their masks, and the flow later→earlier."""

    kind: str
    frames: Tensor
    masks: Tensor
    flow: Tensor


class Batches:
    """Random views from files, uint8 (N, H, W, 4): RGB, people."""

    def __init__(self, folder: Path, size: int, seed: int) -> None:
        self._parts = [np.load(file, mmap_mode="r") for file in sorted(folder.glob("part-????.npy"))]
        # Neither photographs nor the teacher are good enough for people who are far away.
        covered = [part[:, ::4, ::4, 3].mean((1, 2)) / 255 for part in self._parts]
        self._useful = [np.flatnonzero((share == 0) | (share > _SMALLEST)) for share in covered]
        self._size = size
        self._random = np.random.default_rng(seed)
        self._generator = torch.Generator().manual_seed(seed)

    def pairs(self) -> Batch:
        """Views of one part, and the same views moved."""
        part = self._random.integers(len(self._parts))
        chosen = np.sort(self._random.choice(self._useful[part], self._size, replace=False))
        seen = torch.from_numpy(self._parts[part][chosen][..., :4]).permute(0, 3, 1, 2).float() / 255
        if self._random.random() < 0.5:
            seen = seen.flip(3)
        kind = kind_of(*seen.shape[-2:])
        views = F.interpolate(seen, SIZES[kind], mode="bilinear", antialias=True)
        flow = torch.stack([self._flow(*views.shape[-2:]) for _ in views])
        moved = warp(views, flow)
        frames = self._lit(views[:, :3], moved[:, :3])
        return Batch(kind, frames, torch.cat([views[:, 3:], moved[:, 3:]]), flow)

    def _lit(self, earlier: Tensor, later: Tensor) -> Tensor:
        pairs = [self._in_other_light(*both) for both in zip(earlier, later, strict=True)]
        return torch.stack([pair[0] for pair in pairs] + [pair[1] for pair in pairs])

    def _flow(self, height: int, width: int) -> Tensor:
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        return random_flow(side, self._generator)[:, top : top + height, left : left + width]

    def _in_other_light(self, before: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
        """Change the colors of both frames alike, then light, noise and compression of each."""
        random, generator = self._random, self._generator
        gain = torch.tensor(np.exp(random.normal(0, 0.15, 3) + random.normal(0, 0.2)), dtype=torch.float32)
        gamma, contrast = np.exp(random.normal(0, 0.2)), np.exp(random.normal(0, 0.15))
        gray, blur = random.random() < 0.12, random.uniform(0.4, 1.5) if random.random() < 0.15 else 0.0
        changed = []
        for frame in (before, now):
            frame = frame.clamp(0, 1) ** gamma * gain[:, None, None]
            frame = 0.5 + (frame - 0.5) * contrast
            changed.append(frame.mean(0, keepdim=True).expand(3, -1, -1) if gray else frame)
        lit = change_light(*changed, generator) if random.random() < 0.3 else changed
        noisy = camera_noise(*lit, generator)
        quality = int(uniform(generator, 20, 90)) if random.random() < 0.4 else 0
        return tuple(_compressed(frame, blur, quality) for frame in noisy)  # type: ignore[return-value]


def _compressed(frame: Tensor, blur: float, quality: int) -> Tensor:
    if not blur and not quality:
        return frame
    pixels = (frame.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    if blur:
        pixels = cv2.GaussianBlur(pixels, (0, 0), blur)
    if quality:
        pixels = cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 255


def losses(logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Cross-entropy, missing overlap, and temporal loss."""
    known = torch.ones_like(batch.masks)
    known[len(batch.flow) :] = seen = inside_frame(batch.flow)
    entropy = (F.binary_cross_entropy_with_logits(logits, batch.masks, reduction="none") * known).mean()
    shares = logits.sigmoid()
    both = torch.minimum(shares, batch.masks).mul(known).sum((1, 2, 3))
    either = torch.maximum(shares, batch.masks).mul(known).sum((1, 2, 3))
    someone = (batch.masks.mean((1, 2, 3)) > 0.01).float()
    overlap = ((1 - both / (either + 1)) * someone).sum() / (someone.sum() + 1)
    earlier, later = shares.chunk(2)
    return entropy, overlap, temporal_gap(later, earlier, batch.flow, seen)


def main() -> None:
    """Learn, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument("--views", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--batch", type=int, default=12, help="pairs of a step")
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--run", type=Path, required=True, help="where the state is kept")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_name("people.safetensors"))
    args = parser.parse_args()

    cv2.setNumThreads(1)
    networks = started(args.start).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    mean = copy.deepcopy(networks).requires_grad_(False)
    optimizer = torch.optim.AdamW(networks.parameters(), lr=args.learning_rate, weight_decay=0.0)
    modules = {"networks": networks, "mean": mean, "optimizer": optimizer}
    done, state_file = 0, args.run / "state.pt"
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        done = state["step"]
        for name, module in modules.items():
            module.load_state_dict(state[name])
    args.run.mkdir(parents=True, exist_ok=True)
    batches = Batches(args.views, args.batch, done)
    start, shown = time.monotonic(), torch.zeros(3)
    for step in range(done + 1, args.steps + 1):
        rate = min(1, step / _WARM_UP) * (0.01 + 0.495 * (1 + math.cos(math.pi * step / args.steps)))
        optimizer.param_groups[0]["lr"] = args.learning_rate * rate
        batch = batches.pairs()
        network = networks[batch.kind]
        parts = losses(network(batch.frames.contiguous(memory_format=torch.channels_last)), batch)
        optimizer.zero_grad(set_to_none=True)
        (parts[0] + _OVERLAP_WEIGHT * parts[1] + _TEMPORAL_WEIGHT * parts[2]).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            for ours, theirs in zip(mean[batch.kind].parameters(), network.parameters(), strict=True):
                ours.lerp_(theirs, 1 - min(_KEPT, step / (step + 10)))
        shown += torch.stack(parts).detach()
        if step % _SAVE_EVERY == 0 or step == args.steps:
            entropy, overlap, temporal = (shown / _SAVE_EVERY).tolist()
            shown.zero_()
            print(f"step {step}: cross-entropy {entropy:.4f}, missing overlap {overlap:.4f}, "
                  f"temporal {temporal:.5f}, {time.monotonic() - start:.0f} s", flush=True)  # fmt: skip
            torch.save({"step": step, **{name: each.state_dict() for name, each in modules.items()}}, state_file)
            weights = mean.state_dict().items()
            save_file({name: value.to(torch.float16).contiguous() for name, value in weights}, args.output)


if __name__ == "__main__":
    main()
