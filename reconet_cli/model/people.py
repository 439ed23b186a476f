"""The network that finds people in a frame, and its weights file."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reconet_cli.errors import StyleError


class Gate(nn.Module):
    """Squeeze and excitation (arXiv 1709.01507): a factor for each channel, from the mean over the frame."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.squeeze, self.excite = nn.Conv2d(channels, hidden, 1), nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, C, H, W)` to `(N, C, 1, 1)` in (0, 1)."""
        factors: Tensor = torch.sigmoid(self.excite(F.relu(self.squeeze(x.mean((2, 3), keepdim=True)))))
        return factors


class Bottleneck(nn.Module):
    """A block of MobileNetV3 (arXiv 1905.02244): expand, look around channel by channel, gate, reduce.

    Frames of odd sides are no good where it halves them.
    """

    def __init__(
        self, inputs: int, hidden: int, outputs: int, kernel: int, *, stride: int = 1, gate: int = 0, hard: bool = False
    ) -> None:
        super().__init__()
        self.expand = nn.Conv2d(inputs, hidden, 1)
        self.around = nn.Conv2d(hidden, hidden, kernel, stride, groups=hidden)
        self.gate = Gate(hidden, gate) if gate else None
        self.reduce = nn.Conv2d(hidden, outputs, 1)
        self.activation = F.hardswish if hard else F.relu
        self.pad = _padding(kernel, stride)
        self.adds = stride == 1

    def forward(self, x: Tensor) -> Tensor:
        """`(N, inputs, H, W)` to `(N, outputs, H, W)`, or half of that."""
        y: Tensor = self.activation(self.around(F.pad(self.activation(self.expand(x)), self.pad)))
        if self.gate is not None:
            y = y * self.gate(y)
        y = self.reduce(y)
        return x + y if self.adds else y


class Merge(nn.Module):
    """A step of the decoder: what is coarse, twice as large, joins what is fine."""

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.enlarge = nn.Conv2d(coarse, fine, 1)
        self.gate = Gate(fine, fine)
        self.mix = nn.Conv2d(fine, fine, 1)
        self.around = nn.Conv2d(fine, fine, 3, padding=1, groups=fine)

    def forward(self, coarse: Tensor, fine: Tensor) -> Tensor:
        """`(N, coarse, H, W)` and `(N, fine, 2H, 2W)` to `(N, fine, 2H, 2W)`."""
        large = F.interpolate(self.enlarge(coarse), scale_factor=2.0, mode="bilinear", align_corners=False)
        y = F.relu(self.mix(fine * self.gate(fine + large) + large))
        return y + F.relu(self.around(y))


class Fire(nn.Module):
    """A block of SqueezeNet (arXiv 1602.07360): squeeze to few channels, then expand.

    Half of the outputs come from a 1x1 convolution, half from a 3x3 one.
    """

    def __init__(self, inputs: int, squeezed: int, outputs: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.alone, self.around = nn.Conv2d(squeezed, outputs // 2, 1), nn.Conv2d(squeezed, outputs // 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """`(N, inputs, H, W)` to `(N, outputs, H, W)`."""
        y = F.relu(self.squeeze(x))
        return F.relu(torch.cat([self.alone(y), self.around(y)], 1))


class Recognizer(nn.Sequential):
    """What things are, coarsely: frames `(N, 3, H, W)` in [0, 1] to features `(N, 512, H / 16, W / 16)`.

    SqueezeNet 1.1 with half as many channels at its first three scales.
    """

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(3, 2, 1),
            Fire(32, 16, 64), Fire(64, 16, 64), nn.MaxPool2d(3, 2, 1),
            Fire(64, 32, 128), Fire(128, 32, 128), nn.MaxPool2d(3, 2, 1),
            Fire(128, 48, 384), Fire(384, 48, 384), Fire(384, 64, 512), Fire(512, 64, 512),
        )  # fmt: skip


class Presence(nn.Module):
    """Is anybody there? Frames `(N, 3, H, W)` in [0, 1] to logits `(N, 1, 1, 1)`, from what a recognizer sees."""

    def __init__(self) -> None:
        super().__init__()
        self.recognizer = Recognizer()
        self.head = nn.Sequential(nn.Conv2d(1024, 96, 1), nn.ReLU(), nn.Conv2d(96, 1, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Look at the frame as a whole."""
        logits: Tensor = self.head(self.summary(image))
        return logits

    def summary(self, image: Tensor) -> Tensor:
        """What is seen anywhere in the frame: features `(N, 1024, 1, 1)`."""
        # Few features are large; the root brings them nearer to the others.
        features = self.recognizer(image).sqrt()
        return torch.cat([features.mean((2, 3), keepdim=True), features.amax((2, 3), keepdim=True)], 1)


class PeopleNetwork(nn.Module):
    """Frames `(N, 3, H, W)` in [0, 1] to logits `(N, 1, H, W)`: above 0 is a person. Sides are multiples of 16.

    Most layers are those of MediaPipe's selfie segmenter, whose weights training begins with: an encoder like
    MobileNetV3, and a decoder that goes back to full size. They also mark animals and things, so no pixel gets a larger
    logit than the frame as a whole gets for having anybody in it.
    """

    def __init__(self, presence: Presence) -> None:
        super().__init__()
        self.at_half = nn.Conv2d(3, 16, 3, 2)
        self.at_quarter = Bottleneck(16, 16, 16, 3, stride=2, gate=8)
        self.at_eighth = nn.Sequential(Bottleneck(16, 72, 24, 3, stride=2), Bottleneck(24, 88, 24, 3))
        self.at_sixteenth = nn.Sequential(
            Bottleneck(24, 96, 32, 5, stride=2, gate=24, hard=True),
            *(Bottleneck(32, hidden, 32, 5, gate=hidden // 4, hard=True) for hidden in (128, 128, 96, 96)),
        )
        self.deep, self.whole = nn.Conv2d(32, 128, 1), nn.Conv2d(32, 128, 1)
        self.merges = nn.ModuleList([Merge(128, 24), Merge(24, 16), Merge(16, 16)])
        self.head = nn.ConvTranspose2d(16, 1, 2, 2)
        self.presence = presence

    def forward(self, image: Tensor) -> Tensor:
        """Look for people."""
        return torch.minimum(self.marked(image), self.presence(image))

    def marked(self, image: Tensor) -> Tensor:
        """Logits `(N, 1, H, W)` of whatever stands out, people or not."""
        half = F.hardswish(self.at_half(F.pad(image, _padding(3, 2))))
        quarter = self.at_quarter(half)
        eighth = self.at_eighth(quarter)
        x = self.at_sixteenth(eighth)
        y = F.relu(self.deep(x)) * torch.sigmoid(self.whole(x.mean((2, 3), keepdim=True)))
        for merge, fine in zip(self.merges, (eighth, quarter, half), strict=True):
            y = merge(y, fine)
        logits: Tensor = self.head(y)
        return logits


def _padding(kernel: int, stride: int) -> tuple[int, int, int, int]:
    """TensorFlow's: one pixel less before than behind where the size is halved."""
    before, behind = (kernel - stride) // 2, (kernel - 1) // 2
    return before, behind, before, behind


class PeopleGraph(nn.Module):
    """The network as engines run it: frames `(N, H, W, 3)` uint8 to shares `(N, H, W)` in [0, 1]."""

    def __init__(self, network: PeopleNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, frames: Tensor) -> Tensor:
        """Look for people."""
        logits: Tensor = self.network(frames.permute(0, 3, 1, 2).float() / 255)
        return torch.sigmoid(logits)[:, 0]


def load_people(path: Path, kind: str) -> PeopleNetwork:
    """The network for a kind of frame, in float32 and evaluation mode.

    Raises `StyleError` if the file isn't one of this network's.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    network = PeopleNetwork(Presence())
    try:
        weights = {name.removeprefix(f"{kind}."): value.float() for name, value in load_file(path).items()}
        network.load_state_dict({name: weights[name] for name in network.state_dict()})
    except (OSError, KeyError, SafetensorError, RuntimeError) as problem:
        raise StyleError(f"cannot read {path}: {str(problem).splitlines()[0]}", "install reconet again") from problem
    return network.eval().requires_grad_(False)
