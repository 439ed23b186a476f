"""Learn to say whether anybody is in a frame, from what the recognizer of `recognize.py` sees.

    python weights/people/presence.py --recognizer RECOGNIZER.pt --views VIEWS -o PRESENCE.pt

VIEWS is what `label.py` wrote. The recognizer looks at all views as they are, and at many in other light, with noise
and compression. Three small networks learn from what it saw, half of each batch from plain views and half from the
others. Their mean is written as the two layers behind the recognizer.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

import cv2
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from views import SOMEBODY, Batches

from reconet_cli.model.people import Presence

_DECAY = 0.1
_NETWORKS, _HIDDEN = 3, 32
_STEPS, _HALF = 4000, 128
_LEAST = 1e-3  # of a feature's deviation
_SHOWN_EVERY = 100

# What the recognizer sees of views, `(N, 1024, 1, 1)`, and 1 where anybody is there, `(N,)`.
Seen = tuple[Tensor, Tensor]


def seen(presence: Presence, views: Iterable[tuple[Tensor, Tensor]], name: str) -> Seen:
    """Look at views `(n, 3, H, W)` with masks."""
    features, people = [], []
    for number, (frames, masks) in enumerate(views, 1):
        with torch.inference_mode():
            features.append(presence.summary(frames.contiguous(memory_format=torch.channels_last)))
        people.append((masks.mean((1, 2, 3)) > SOMEBODY).float())
        if number % _SHOWN_EVERY == 0:
            print(f"{number} batches of {name} views seen", flush=True)
    return torch.cat(features).clone(), torch.cat(people)


def learned(sources: tuple[Seen, Seen], rate: float) -> nn.Sequential:
    """A small network that says whether anybody is there, for features that are brought to one size."""
    network = nn.Sequential(nn.Conv2d(1024, _HIDDEN, 1), nn.ReLU(), nn.Dropout(0.3), nn.Conv2d(_HIDDEN, 1, 1))
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=_STEPS)
    for step in range(1, _STEPS + 1):
        chosen = [torch.randint(len(people), (_HALF,)) for _, people in sources]
        features, people = (torch.cat([each[part][which] for each, which in zip(sources, chosen, strict=True)])
                            for part in (0, 1))  # fmt: skip
        loss = F.binary_cross_entropy_with_logits(network(features).flatten(), people)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % (10 * _SHOWN_EVERY) == 0:
            print(f"step {step} of {_STEPS}: cross-entropy {loss:.4f}", flush=True)
    return network


def learn(presence: Presence, sources: tuple[Seen, Seen], rate: float) -> None:
    """Fit the layers behind the recognizer."""
    together = torch.cat([features for features, _ in sources])
    mean, deviation = together.mean(0), together.std(0).clamp_min(_LEAST)
    plain, lit = (((features - mean) / deviation, people) for features, people in sources)
    networks = [learned((plain, lit), rate) for _ in range(_NETWORKS)]
    weights = [[network[place].state_dict() for network in networks] for place in (0, -1)]
    first = {name: torch.cat([each[name] for each in weights[0]]) for name in ("weight", "bias")}
    # The first layer takes features as they come.
    first["weight"] /= deviation
    first["bias"] -= (first["weight"] * mean).sum((1, 2, 3))
    presence.head[0].load_state_dict(first)
    presence.head[-1].load_state_dict({
        "weight": torch.cat([each["weight"] for each in weights[1]], 1) / _NETWORKS,
        "bias": torch.stack([each["bias"] for each in weights[1]]).mean(0),
    })  # fmt: skip


def main() -> None:
    """Learn, and write the state."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recognizer", type=Path, required=True)
    parser.add_argument("--views", type=Path, required=True)
    parser.add_argument("--batches", type=int, default=1200, help="of views in other light")
    parser.add_argument("--batch", type=int, default=12, help="pairs of one")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()

    cv2.setNumThreads(1)
    torch.manual_seed(0)
    presence = Presence().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    presence.recognizer.load_state_dict(torch.load(args.recognizer, weights_only=True))
    batches = Batches(args.views, args.batch, 1)
    lit = ((batch.frames, batch.masks) for batch in (batches.pairs() for _ in range(args.batches)))
    learn(presence, (seen(presence, batches.plain(), "plain"), seen(presence, lit, "other")), args.learning_rate)
    torch.save(presence.state_dict(), args.output)


if __name__ == "__main__":
    main()
