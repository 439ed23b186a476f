"""Where loss networks come from: a file, the shipped compact one, or a server: VGG-16, and SqueezeNet with LPIPS."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from reconet_cli.errors import StyleError
from reconet_cli.model.loss_networks import VGG16, CompactVGG, DistilledVGG19, LossNetwork, SlimVGG
from reconet_cli.model.squeezenet import SqueezeNet
from reconet_cli.system.folders import packaged_folder


@dataclass(frozen=True)
class _Download:
    """A file on a server, the beginning of its SHA-256, and its name in torch's cache."""

    url: str
    sha256_prefix: str
    name: str
    what: str

    @property
    def path(self) -> Path:
        return Path(torch.hub.get_dir()) / "checkpoints" / self.name


# torchvision puts the first eight digits of a file's SHA-256 into its name.
_VGG16 = _Download(
    "https://download.pytorch.org/models/vgg16-397923af.pth", "397923af", "vgg16-397923af.pth", "VGG-16 loss network"
)
_SQUEEZENET = _Download(
    "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth",
    "b8a52dc0",
    "squeezenet1_1-b8a52dc0.pth",
    "SqueezeNet loss network",
)
_LPIPS = _Download(
    "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/lpips/weights/v0.1/squeeze.pth",
    "4a5350f23600cb79",
    "lpips-squeeze.pth",
    "file of LPIPS's heads",
)
# Heads that lie beside a SqueezeNet's file are used with it.
LPIPS_HEADS = _LPIPS.name
_SILENCE = 60.0  # seconds after which a server is given up


def load_loss_network(choice: str = "auto", device: str = "cpu") -> LossNetwork:
    """A loss network by name or file, to be used on a type of device.

    `compact` is the shipped one. `vgg16` is torchvision's, and `squeezenet` is torchvision's with the heads of LPIPS;
    both are cached, downloaded once, hash checked. `auto` is VGG-16 where its file is there already, or where the
    device is a GPU and it can be downloaded; otherwise compact, because on a CPU VGG-16 takes hours. A file is
    torchvision's VGG-16 or SqueezeNet 1.1 (`.pth`, `.pt`; SqueezeNet as `.npz` too), a distilled VGG-19 (`.npz`) or a
    compact network (`.safetensors`). LPIPS's heads are read from `lpips-squeeze.pth` beside a SqueezeNet. Raises
    `StyleError` for anything else.
    """
    if choice == "compact":
        return _read(packaged_folder() / "loss" / "compact.safetensors")
    if choice == "vgg16":
        return _read(_fetch(_VGG16))
    if choice == "squeezenet":
        _fetch(_LPIPS)
        return _read(_fetch(_SQUEEZENET))
    if choice != "auto":
        return _read(Path(choice))
    if device != "cuda" and not _VGG16.path.exists():
        return load_loss_network("compact")
    try:
        path = _fetch(_VGG16)
    except StyleError:
        return load_loss_network("compact")
    return _read(path)


def _read(path: Path) -> LossNetwork:
    try:
        network = _network(path)
    except OSError as problem:
        raise StyleError(f"cannot read the loss network {path}: {problem.strerror or problem}") from problem
    except Exception as problem:  # foreign files fail in a dozen ways inside numpy and torch
        raise StyleError(
            f"{path} is no loss network: {type(problem).__name__}",
            "give torchvision's vgg16-397923af.pth or squeezenet1_1-b8a52dc0.pth, a distilled VGG-19 as .npz, or "
            "`vgg16`, `squeezenet` or `compact`",
        ) from problem
    heads = path.with_name(LPIPS_HEADS)
    if isinstance(network, SqueezeNet) and heads.exists():
        try:
            network.with_lpips_heads(_state(heads))
        except Exception as problem:
            raise StyleError(
                f"{heads} has no heads of LPIPS: {type(problem).__name__}", f"get it from {_LPIPS.url}"
            ) from problem
    return network.freeze()


def _network(path: Path) -> LossNetwork:
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
        if "conv1.weight" in arrays:
            return SqueezeNet.from_checkpoint({k: torch.from_numpy(v) for k, v in arrays.items()})
        return _slim(DistilledVGG19, arrays)
    if path.suffix == ".safetensors":
        return _slim(CompactVGG, {key: value.numpy() for key, value in load_file(path).items()})
    state = _state(path)
    return SqueezeNet.from_checkpoint(state) if "features.3.squeeze.weight" in state else VGG16.from_checkpoint(state)


def _state(path: Path) -> dict[str, Tensor]:
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def _slim(kind: type[SlimVGG], arrays: Mapping[str, np.ndarray]) -> SlimVGG:
    return kind({name: _convolution(arrays, name) for name in kind.names()})


def _convolution(arrays: Mapping[str, np.ndarray], name: str) -> nn.Conv2d:
    weight = torch.from_numpy(np.asarray(arrays[f"{name}.weight"], dtype=np.float32))
    layer = nn.Conv2d(weight.shape[1], weight.shape[0], (weight.shape[2], weight.shape[3]))
    bias = torch.from_numpy(np.asarray(arrays[f"{name}.bias"], dtype=np.float32))
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer


def _fetch(file: _Download) -> Path:
    """The file's place in the cache, after downloading it where it is not there yet."""
    if file.path.exists():
        return file.path
    patience = socket.getdefaulttimeout()
    try:
        socket.setdefaulttimeout(_SILENCE)
        file.path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(file.url, str(file.path), hash_prefix=file.sha256_prefix)
    except Exception as problem:  # urllib, ssl and the hash check raise unrelated types
        raise StyleError(
            f"the {file.what} could not be downloaded: {problem}",
            f"download {file.url} elsewhere and save it as {file.path}, or use --loss-network compact",
        ) from problem
    finally:
        socket.setdefaulttimeout(patience)
    return file.path
