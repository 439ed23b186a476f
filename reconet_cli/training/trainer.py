"""The two-frame training step (arXiv 1807.01197, section 3) and the state that it moves forward."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from reconet_cli.errors import TrainingError
from reconet_cli.model import losses
from reconet_cli.model.loss_networks import LossNetwork
from reconet_cli.model.network import build_network
from reconet_cli.model.weights import load_weights
from reconet_cli.training.pairs import FramePairs, join
from reconet_cli.training.settings import TrainingSettings
from reconet_cli.training.sources import PairSource

_WARM_UP = 0.05
_LARGEST_GRADIENT = 1.0
# How much of the running mean of the content features' power stays at each step.
_POWER_MEMORY = 0.98


def learning_rate_at(step: int, settings: TrainingSettings) -> float:
    """One cycle: linear warm-up over the first 5 % of the steps, then half a cosine down to a hundredth."""
    warm = max(1, round(settings.steps * _WARM_UP))
    if step < warm:
        return settings.learning_rate * (step + 1) / warm
    done = (step - warm) / max(1, settings.steps - warm)
    return settings.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(done, 1.0))))


def sample_batch(sources: list[tuple[float, PairSource]], settings: TrainingSettings, step: int) -> FramePairs:
    """The batch of one step. It depends on seed and step alone, so a resumed run sees what an unbroken one would."""
    generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
    shares = torch.tensor([share for share, _ in sources])
    picks = torch.multinomial(shares, settings.batch, replacement=True, generator=generator)
    return join([sources[int(pick)][1].sample(settings.size, generator) for pick in picks])


def read_checkpoint(path: Path, device: torch.device) -> dict[str, Any]:
    """The state that `Trainer.save` wrote. Raises `TrainingError` for anything else."""
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
        if not {"settings", "step", "content_power", "network", "optimizer"} <= state.keys():
            raise ValueError("parts are missing")
    except Exception as problem:  # torch's reader raises many types on damaged files
        raise TrainingError(f"{path} is no checkpoint: {problem}", "remove it and train without --resume") from problem
    return state


class Trainer:
    """Owns network, optimiser and step count; nothing else changes them.

    `style` is the style picture `(1, 3, H, W)` in [0, 1] at the size it should be painted at.
    """

    def __init__(
        self, settings: TrainingSettings, loss_network: LossNetwork, style: Tensor, device: torch.device
    ) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.device = device
        self.step = 0
        self.content_power = 0.0
        self.network = build_network(settings.variant, settings.norm).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.loss_network = loss_network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        with torch.no_grad():
            self.style_grams = self.loss_network(style.to(device)).grams
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=settings.learning_rate, weight_decay=1e-4)

    def _autocast(self) -> torch.autocast:
        dtype = torch.bfloat16 if self.settings.precision == "bf16" else torch.float16
        return torch.autocast(self.device.type, dtype, enabled=self.settings.precision != "fp32")

    def _remember_power(self, power: float) -> None:
        memory = _POWER_MEMORY if self.step else 0.0
        self.content_power = memory * self.content_power + (1 - memory) * power

    def losses(self, pairs: FramePairs) -> dict[str, Tensor]:
        """The five terms of a batch, unweighted."""
        count = pairs.current.shape[0]
        frames = torch.cat([pairs.previous, pairs.current]).contiguous(memory_format=torch.channels_last)
        with self._autocast():
            # Instance norm keeps frames apart, so one batch of both frames equals two passes.
            features, output = self.network.paint(frames)
            seen = self.loss_network(output)
            with torch.no_grad():
                wanted = self.loss_network(frames).content
            if self.network.training:
                self._remember_power((wanted**2).mean().item())
        output, features = output.float(), features.float()
        return {
            "content": losses.content_loss(seen.content, wanted, self.content_power),
            "style": losses.style_loss(seen.grams, self.style_grams),
            "variation": losses.total_variation(output),
            "feature_temporal": losses.feature_temporal_loss(
                features[count:], features[:count], pairs.flow, pairs.mask
            ),
            "output_temporal": losses.output_temporal_loss(
                (output[:count], output[count:]), (pairs.previous, pairs.current), pairs.flow, pairs.mask
            ),
        }

    def train_step(self, pairs: FramePairs) -> dict[str, float]:
        """One optimiser step; returns the unweighted terms and their weighted `total`.

        Raises `TrainingError` when the loss is not finite; the network is then still that of the step before.
        """
        pairs = pairs.to(self.device)
        self.network.train()
        terms = self.losses(pairs)
        weights = self.settings.weights
        total = torch.stack([getattr(weights, name) * term for name, term in terms.items()]).sum()
        values = {name: term.item() for name, term in terms.items()} | {"total": total.item()}
        if not math.isfinite(values["total"]):
            raise TrainingError(f"the loss became {values['total']} at step {self.step}", "lower --learning-rate")
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate_at(self.step, self.settings)
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), _LARGEST_GRADIENT)
        self.optimizer.step()
        self.step += 1
        return values

    @torch.no_grad()
    def paint(self, frames: Tensor) -> Tensor:
        """Paint `(N, 3, H, W)` in [0, 1] with the network as it is now."""
        return self.network.eval()(frames.to(self.device)).clamp(0, 1).cpu()

    def save(self, path: Path) -> None:
        """Write a checkpoint; the old one stays until the new one is complete."""
        state = {
            "settings": self.settings.to_dict(),
            "step": self.step,
            "content_power": self.content_power,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        partial = path.with_name(f"{path.name}.part")
        torch.save(state, partial)
        os.replace(partial, path)

    def begin_with(self, path: Path) -> None:
        """Start from a style's weights. Raises `TrainingError` if they belong to another network, else `StyleError`."""
        start = load_weights(path)
        if start.config != self.network.config:
            raise TrainingError(f"{path} holds another network than {self.settings.variant}", "choose its --variant")
        self.network.load_state_dict(start.state_dict())

    def load(self, path: Path) -> None:
        """Continue from a checkpoint. Raises `TrainingError` if it is damaged or belongs to other settings."""
        state = read_checkpoint(path, self.device)
        saved, mine = state["settings"], self.settings.to_dict()
        if changed := sorted(name for name in mine if saved.get(name) != mine[name]):
            raise TrainingError(
                f"{path} was made with other settings: {', '.join(changed)}",
                "give the same options as before, or train without --resume",
            )
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.content_power = state["step"], state["content_power"]
