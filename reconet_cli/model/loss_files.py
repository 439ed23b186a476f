"""Where loss networks come from: a file, the shipped compact one, or VGG-16 from torchvision's server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from reconet_cli.errors import StyleError
from reconet_cli.model.loss_networks import VGG16, CompactVGG, DistilledVGG19, LossNetwork, SlimVGG
from reconet_cli.model.squeezenet import SqueezeNet
from reconet_cli.system.folders import packaged_folder

VGG16_URL = "https://download.pytorch.org/models/vgg16-397923af.pth"
# torchvision puts the first eight digits of the file's SHA-256 into its name.
VGG16_SHA256_PREFIX = "397923af"


def load_loss_network(choice: str = "auto", device: str = "cpu") -> LossNetwork:
    """A loss network by name or file, to be used on a type of device.

    `vgg16` is torchvision's (cached, downloaded once, hash checked), `compact` the shipped one. `auto` is VGG-16 where
    its file is there already, or where the device is a GPU and it can be downloaded; otherwise compact, because on a
    CPU VGG-16 takes hours. A file is torchvision's VGG-16 (`.pth`, `.pt`), a distilled VGG-19 (`.npz`) or a compact
    network (`.safetensors`). Raises `StyleError` for anything else.
    """
    if choice == "compact":
        return _read(packaged_folder() / "loss" / "compact.safetensors")
    if choice == "vgg16":
        return _read(_vgg16_file(download=True))
    if choice != "auto":
        return _read(Path(choice))
    try:
        path = _vgg16_file(download=device == "cuda")
    except StyleError:
        return load_loss_network("compact")
    return _read(path)


def _read(path: Path) -> LossNetwork:
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                arrays = {key: archive[key] for key in archive.files}
            if "conv1.weight" in arrays:
                return SqueezeNet.from_checkpoint({k: torch.from_numpy(v) for k, v in arrays.items()}).freeze()
            return _slim(DistilledVGG19, arrays).freeze()
        if path.suffix == ".safetensors":
            return _slim(CompactVGG, {key: value.numpy() for key, value in load_file(path).items()}).freeze()
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return VGG16.from_checkpoint(state).freeze()
    except OSError as problem:
        raise StyleError(f"cannot read the loss network {path}: {problem.strerror or problem}") from problem
    except Exception as problem:  # foreign files fail in a dozen ways inside numpy and torch
        raise StyleError(
            f"{path} is no loss network: {type(problem).__name__}",
            "give torchvision's vgg16-397923af.pth, a distilled VGG-19 as .npz, or `vgg16` or `compact`",
        ) from problem


def _slim(kind: type[SlimVGG], arrays: Mapping[str, np.ndarray]) -> SlimVGG:
    return kind({name: _convolution(arrays, name) for name in kind.names()})


def _convolution(arrays: Mapping[str, np.ndarray], name: str) -> nn.Conv2d:
    weight = torch.from_numpy(np.asarray(arrays[f"{name}.weight"], dtype=np.float32))
    layer = nn.Conv2d(weight.shape[1], weight.shape[0], (weight.shape[2], weight.shape[3]))
    bias = torch.from_numpy(np.asarray(arrays[f"{name}.bias"], dtype=np.float32))
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer


def _vgg16_file(download: bool) -> Path:
    target = Path(torch.hub.get_dir()) / "checkpoints" / VGG16_URL.rsplit("/", 1)[1]
    if target.exists():
        return target
    hint = "download vgg16-397923af.pth elsewhere and pass it with --loss-network, or use --loss-network compact"
    if not download:
        raise StyleError("the VGG-16 loss network is not on this machine", hint)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(VGG16_URL, str(target), hash_prefix=VGG16_SHA256_PREFIX)
    except Exception as problem:  # urllib, ssl and the hash check raise unrelated types
        raise StyleError(f"the VGG-16 loss network could not be downloaded: {problem}", hint) from problem
    return target
