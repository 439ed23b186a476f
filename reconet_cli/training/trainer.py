"""The two-frame training step (arXiv 1807.01197, section 3) and the state that it moves forward."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from reconet_cli.errors import TrainingError
from reconet_cli.model import losses
from reconet_cli.model.loss_networks import LossNetwork
from reconet_cli.model.network import ReCoNet, build_network
from reconet_cli.model.norms import load_adapted
from reconet_cli.training.checkpoint import write_checkpoint
from reconet_cli.training.cluster import Cluster
from reconet_cli.training.data.pairs import FramePairs
from reconet_cli.training.schedule import Schedule
from reconet_cli.training.settings import TrainingSettings

_LARGEST_GRADIENT = 1.0
# How much of the running mean of the content features' power stays at each step.
_POWER_MEMORY = 0.98
# The average of the weights reaches back this far.
_AVERAGE_MEMORY = 0.99
# Weight of the pixels' squared error while the network still learns to show what it is given.
_SHOWING_WEIGHT = 50.0
# The fast network's head has so many terms, and the usual learning rate suits it.
_HEAD_TERMS = 400
# Steps in a row whose loss is not finite before the run is given up.
_MOST_BAD_STEPS = 10

Paint = Callable[[Tensor], tuple[Tensor, Tensor]]


class _TwoFrames(nn.Module):
    """The network as distributed training calls it: features and painted frames in one forward pass."""

    def __init__(self, network: ReCoNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        return self.network.paint(frames)


class Trainer:
    """Owns network, optimizer, average of the weights and step count; nothing else changes them.

    `style` is the style picture `(1, 3, H, W)` in [0, 1] at the size it should be painted at. `average` is the network
    to look at and to keep: a running mean of the weights is steadier than the weights of any one step. `start` are the
    weights to begin with, or a teacher's: those of another architecture, whose paintings the network learns first.
    `inputs` are names of what the run learns from and their fingerprints: a checkpoint goes on with the same alone.
    """

    def __init__(
        self,
        settings: TrainingSettings,
        loss_network: LossNetwork,
        style: Tensor,
        device: torch.device,
        cluster: Cluster | None = None,
        start: Path | None = None,
        inputs: Mapping[str, str] | None = None,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.inputs = dict(inputs or {})
        self.device = device
        self.cluster = cluster or Cluster()
        self.step = 0
        self.seconds = 0.0
        self.content_powers: list[float] = []
        self.loss_network = _channels_last(loss_network.to(device))
        if settings.paper_layers:
            self.loss_network.with_paper_layers()
        with torch.no_grad():
            seen = self.loss_network(style.to(device))
        colors = losses.sorted_colors(style)
        self.style_grams, self.style_colors = seen.grams, colors.to(device)
        self.network = _channels_last(build_network(settings.variant, settings.norm).to(device))
        known = seen if loss_network.name == "compact" and not settings.paper_layers else None
        self._teacher = self._begin_with(load_adapted(start, style, colors, known)) if start else None
        pretraining = "paintings" if self._teacher else "none" if start else "frames"
        self.schedule = Schedule(settings, pretraining)
        self.average = copy.deepcopy(self.network).requires_grad_(False).eval()
        self.optimizer = torch.optim.AdamW(
            _groups(self.network), lr=settings.learning_rate, weight_decay=1e-4, fused=True
        )
        self.scaler = torch.amp.GradScaler(device.type, enabled=settings.precision == "fp16")
        two_frames = _TwoFrames(self.network)
        self._paint: nn.Module = DistributedDataParallel(two_frames) if self.cluster.size > 1 else two_frames
        self._bad_steps = 0

    def compile(self) -> None:
        """Let torch compile both networks; the first step then takes a minute or two."""
        self._paint = torch.compile(self._paint)  # type: ignore[assignment]
        self.loss_network.compile()

    def train_step(self, pairs: FramePairs) -> dict[str, float]:
        """One optimizer step on this process's part of the batch; returns the joint unweighted terms and their `total`.

        A step whose loss is not finite changes nothing. Raises `TrainingError` after ten of them in a row.
        """
        pairs = pairs.to(self.device)
        self.network.train()
        for group in self.optimizer.param_groups:
            group["lr"] = group["share"] * self.schedule.rate(self.step, self.seconds)
        self.optimizer.zero_grad(set_to_none=True)
        in_pairs = self.schedule.in_pairs(self.step, self.seconds)
        frames = pairs.frames() if in_pairs else pairs.current_frames()
        terms, output = self._terms(pairs, frames, self._paint, self._remember_powers, _offset(self.step))
        total = self._total(terms, F.mse_loss(output, self._given(frames)))
        self.scaler.scale(total).backward()
        self.scaler.unscale_(self.optimizer)
        size = torch.nn.utils.clip_grad_norm_(self.network.parameters(), _LARGEST_GRADIENT)
        joint = self.cluster.mean(torch.stack([*terms.values(), total]).detach())
        values = dict(zip([*terms, "total"], joint.tolist(), strict=True))
        if math.isfinite(values["total"]) and bool(size.isfinite()):
            self.scaler.step(self.optimizer)
            self._follow()
            self._bad_steps = 0
        elif not self._lower_scale():
            self._count_bad_step(values["total"])
        self.scaler.update()
        self.step += 1
        return values

    def _lower_scale(self) -> bool:
        """Whether gradients that overflow in fp16 are tried again with a lower scale: then the step is no bad one."""
        if not self.scaler.is_enabled() or self.scaler.get_scale() <= 1:
            return False
        self.scaler.step(self.optimizer)  # changes nothing where gradients are not finite, and takes note of it
        return True

    def _count_bad_step(self, total: float) -> None:
        self._bad_steps += 1
        if self._bad_steps == _MOST_BAD_STEPS:
            raise TrainingError(
                f"loss (now {total:g}) or gradients were not finite in {_MOST_BAD_STEPS} steps up to {self.step}",
                "lower --learning-rate",
            )

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average towards the weights; it forgets its start as fast as it grows old."""
        memory = min(_AVERAGE_MEMORY, (self.step + 1) / (self.step + 10))
        torch._foreach_lerp_(list(self.average.parameters()), list(self.network.parameters()), 1 - memory)

    def _total(self, terms: dict[str, Tensor], error: Tensor) -> Tensor:
        """The weighted sum. Style alone would lead a fresh network to pictures that have forgotten their frames."""
        showing = self.schedule.showing(self.step)
        weights = asdict(self.settings.weights)
        weights["style"] *= 1 - showing
        return (
            torch.stack([weights[name] * term for name, term in terms.items()]).sum()
            + _SHOWING_WEIGHT * showing * error
        )

    def perceptual(self, values: dict[str, float]) -> float:
        """The weighted terms of some losses that say how good a picture is: content, style, tone and color."""
        weights: dict[str, float] = asdict(self.settings.weights)
        return sum(weights[name] * values[name] for name in ("content", "style", "tone", "color"))

    @torch.no_grad()
    def losses(self, pairs: FramePairs) -> dict[str, float]:
        """The averaged network's unweighted terms on a batch, content relative to the batch's own frames."""
        pairs = pairs.to(self.device)
        terms, _ = self._terms(pairs, pairs.frames(), self.average.paint, _powers, (0, 0))
        return {name: term.item() for name, term in terms.items()}

    def _autocast(self) -> torch.autocast:
        dtype = torch.float16 if self.settings.precision == "fp16" else torch.bfloat16
        return torch.autocast(self.device.type, dtype, enabled=self.settings.precision != "fp32")

    def _terms(
        self,
        pairs: FramePairs,
        frames: Tensor,
        paint: Paint,
        powers_of: Callable[[list[Tensor]], list[float]],
        offset: tuple[int, int],
    ) -> tuple[dict[str, Tensor], Tensor]:
        """The losses, and the painted `frames` of `pairs`: all of them, or the current ones alone."""
        with self._autocast():
            # Instance norm keeps frames apart, so one batch of both frames equals two passes.
            features, output = paint(frames)
            seen = self.loss_network(output)
            with torch.no_grad():
                wanted = self.loss_network.contents(frames)
        output, features = output.float(), features.float()
        terms = {
            "content": losses.content_loss(seen.contents, wanted, powers_of(wanted)),
            "style": losses.style_loss(seen.grams, self.style_grams),
            "tone": losses.tone_loss(output, frames, offset),
            "color": losses.color_loss(output, self.style_colors, (offset[0] % 4, offset[1] % 4)),
            "variation": losses.total_variation(output),
        }
        count = pairs.current.shape[0]
        if len(frames) > count:
            terms["feature_temporal"] = losses.feature_temporal_loss(
                features[count:], features[:count], pairs.flow, pairs.mask, self.network.body.multiple
            )
            terms["output_temporal"] = losses.output_temporal_loss(
                (output[:count], output[count:]), (pairs.previous, pairs.current), pairs.flow, pairs.mask
            )
        return terms, output

    @torch.no_grad()
    def _given(self, frames: Tensor) -> Tensor:
        """What pretraining is about: frames as they are, or as the teacher paints them."""
        if self._teacher is None or self.schedule.showing(self.step) == 0:
            return frames
        painted: Tensor = self._teacher(frames)
        return painted

    def _remember_powers(self, contents: list[Tensor]) -> list[float]:
        memory = _POWER_MEMORY if self.step else 0.0
        now = self.cluster.mean(torch.tensor(_powers(contents), device=self.device)).tolist()
        if not all(map(math.isfinite, now)):
            return now
        before = self.content_powers or now
        self.content_powers = [memory * old + (1 - memory) * new for old, new in zip(before, now, strict=True)]
        return self.content_powers

    @torch.no_grad()
    def paint(self, frames: Tensor) -> Tensor:
        """Paint `(N, 3, H, W)` in [0, 1] with the averaged network as it is now."""
        painted: Tensor = self.average(frames.to(self.device))
        return painted.clamp(0, 1).cpu()

    def save(self, path: Path) -> None:
        """Write a checkpoint; the old one stays until the new one is complete."""
        write_checkpoint(path, {
            "settings": self.settings.to_dict(),
            "inputs": self.inputs,
            "step": self.step,
            "seconds": self.seconds,
            "content_powers": self.content_powers,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "schedule": self.schedule.state(),
        })  # fmt: skip

    def load(self, state: dict[str, Any], path: Path) -> None:
        """Continue from the state of the checkpoint at `path`. Raises `TrainingError` for other settings or inputs."""
        saved, mine = state["settings"], self.settings.to_dict()
        if changed := sorted(name for name in mine if saved.get(name) != mine[name]):
            raise TrainingError(
                f"{path} was made with other settings: {', '.join(changed)}",
                "give the same options as before, or train without --resume",
            )
        if other := [name for name, value in self.inputs.items() if state["inputs"].get(name) != value]:
            raise TrainingError(
                f"{path} was made with other inputs: {', '.join(other)}",
                "give the same ones as before, or train without --resume",
            )
        try:
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.scaler.load_state_dict(state["scaler"])
            self.schedule.restore(state["schedule"])
        except (KeyError, TypeError, ValueError, RuntimeError) as problem:
            raise TrainingError(
                f"{path} was written by another version of reconet", "train without --resume, or with that version"
            ) from problem
        self.step, self.seconds, self.content_powers = state["step"], state["seconds"], state["content_powers"]

    def _begin_with(self, start: ReCoNet) -> ReCoNet | None:
        """Take a network's weights; where it is of another architecture, it is given back as a teacher."""
        if start.config != self.network.config:
            teacher: ReCoNet = _channels_last(start.to(self.device))
            return teacher
        self.network.load_state_dict(start.state_dict())
        return None


def _groups(network: ReCoNet) -> list[dict[str, Any]]:
    """Parameters with their `share` of the learning rate.

    A step of AdamW changes every weight alike, so it moves a sum by as much as the sum has terms. Norms undo that.
    Behind the head there is none, and with the paper's 9×9 one step would drive pixels into the ends of tanh.
    """
    head = [parameter for name, parameter in network.named_parameters() if name.startswith(network.body.head_name)]
    terms = head[0][0].numel()
    rest = [parameter for parameter in network.parameters() if all(parameter is not other for other in head)]
    return [{"params": rest, "share": 1.0}, {"params": head, "share": min(1.0, _HEAD_TERMS / terms)}]


def _powers(contents: list[Tensor]) -> list[float]:
    return [(content**2).mean().item() for content in contents]


def _offset(step: int) -> tuple[int, int]:
    """Where the squares of tone and color start (down, right): another of the 64 places at each of 64 steps."""
    place = step * 37 % 64
    return place // 8, place % 8


def _channels_last(module: Any) -> Any:
    return module.to(memory_format=torch.channels_last)
