"""Learn to find people from views that `label.py` has made, beginning with the teacher's own weights.

    python weights/people/learn.py --start START --presence PRESENCE.pt --views VIEWS --run RUN

MediaPipe has two models, one for wide frames and one for others. Both go on learning here, each from views of its
shape, behind what `presence.py` has learned, which stays as it is. Each view is seen twice: as it is, and moved by a
random smooth flow in other light, noise and compression. The loss is binary cross-entropy with the mask of people, soft
intersection over union where there are people, and the temporal loss of the two masks: what is left of their difference
when the motion is taken out. This teaches the network to hold edges still.

RUN keeps the state every 100 steps; the same command goes on there. The weights that are written are half way between
the teacher's and a running mean of those learned (Wortsman et al., arXiv 2109.01903): on frames unlike the views they
are nearer to the teacher's masks, and nearly as still.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn
from views import SOMEBODY, Batch, Batches

from reconet_cli.engines.people import SIZES
from reconet_cli.model.losses import temporal_gap
from reconet_cli.model.people import PeopleNetwork, Presence
from reconet_cli.warping import inside_frame

_TEMPORAL_WEIGHT = 10.0
_OVERLAP_WEIGHT = 0.5
_TEACHER_SHARE = 0.5  # of the weights that are written
_KEPT = 0.99  # of the running mean in each step
_SAVE_EVERY = 100
_WARM_UP = 100  # steps


def started(start: Path, known_presence: Path) -> nn.ModuleDict:
    """A network for each kind of frame, with the teacher's weights, and what they share."""
    known = np.load(start)
    presence = Presence().eval().requires_grad_(False)
    presence.load_state_dict(torch.load(known_presence, weights_only=True))
    networks = {kind: PeopleNetwork(presence) for kind in SIZES}
    for kind, network in networks.items():
        own = nn.ModuleList(child for child in network.children() if child is not presence)
        layers = [each for each in own.modules() if isinstance(each, (nn.Conv2d, nn.ConvTranspose2d))]
        for place, layer in enumerate(layers):
            assert layer.bias is not None
            for parameter, name in ((layer.weight, "weight"), (layer.bias, "bias")):
                parameter.data.copy_(torch.from_numpy(known[f"{kind}.{place}.{name}"]))
    return nn.ModuleDict({"presence": presence, **networks})


def losses(logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Cross-entropy, missing overlap, and temporal loss."""
    known = torch.ones_like(batch.masks)
    known[len(batch.flow) :] = seen = inside_frame(batch.flow)
    entropy = (F.binary_cross_entropy_with_logits(logits, batch.masks, reduction="none") * known).mean()
    shares = logits.sigmoid()
    both = torch.minimum(shares, batch.masks).mul(known).sum((1, 2, 3))
    either = torch.maximum(shares, batch.masks).mul(known).sum((1, 2, 3))
    someone = (batch.masks.mean((1, 2, 3)) > SOMEBODY).float()
    overlap = ((1 - both / (either + 1)) * someone).sum() / (someone.sum() + 1)
    earlier, later = shares.chunk(2)
    return entropy, overlap, temporal_gap(later, earlier, batch.flow, seen)


def main() -> None:
    """Learn, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", type=Path, required=True)
    parser.add_argument("--presence", type=Path, required=True)
    parser.add_argument("--views", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--batch", type=int, default=12, help="pairs of a step")
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--run", type=Path, required=True, help="where the state is kept")
    parser.add_argument("-o", "--output", type=Path, default=Path(__file__).with_name("people.safetensors"))
    args = parser.parse_args()

    cv2.setNumThreads(1)
    networks = started(args.start, args.presence).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    mean = copy.deepcopy(networks).requires_grad_(False)
    teacher = copy.deepcopy(networks.state_dict())
    learning = [parameter for parameter in networks.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learning, weight_decay=0.0)
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
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
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
            learned = {name: value for name, value in mean.state_dict().items() if ".presence." not in name}
            weights = {name: value.lerp(teacher[name], _TEACHER_SHARE) for name, value in learned.items()}
            save_file({name: value.to(torch.float16).contiguous() for name, value in weights.items()}, args.output)


if __name__ == "__main__":
    main()
