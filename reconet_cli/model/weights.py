"""Weights files: safetensors in float16, with the network's configuration and its recipe in the metadata.

Loading executes nothing: the header is JSON and the tensors are bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from reconet_cli.errors import StyleError
from reconet_cli.model.endings import EXPORTED
from reconet_cli.system.files import replacing
from reconet_cli.system.json_text import json_value

if TYPE_CHECKING:
    from reconet_cli.model.network import ReCoNet

FORMAT = "reconet-1"


def save_weights(path: Path, network: ReCoNet, recipe: Mapping[str, Any]) -> None:
    """Write a network and the recipe that made it; the file appears under its name only when complete.

    Raises `StyleError` where it cannot be written.
    """
    import torch
    from safetensors.torch import save

    tensors = {
        name: value.detach().to("cpu", torch.float16).contiguous() for name, value in network.state_dict().items()
    }
    config = network.config.to_dict()
    metadata = {"format": FORMAT, "config": json.dumps(config), "recipe": json.dumps(dict(recipe))}
    with replacing(path, StyleError) as part:
        part.write_bytes(save(tensors, metadata))


def read_metadata(path: Path) -> dict[str, Any]:
    """`config` and `recipe` of a weights file, without torch. Raises `StyleError` if it is none of ours."""
    if path.suffix in EXPORTED:
        raise StyleError(f"{path} is an exported file, which can only paint", "give the style that it was made from")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
        if metadata.get("format") != FORMAT:
            raise StyleError(f"{path} is no reconet style", "styles come from `reconet train`")
        return {"config": json_value(metadata["config"]), "recipe": json_value(metadata["recipe"])}
    except OSError as problem:
        raise StyleError(f"cannot read {path}: {problem.strerror or problem}") from problem
    except (SafetensorError, KeyError, ValueError) as problem:
        raise StyleError(f"{path} is damaged or no style: {problem}", "styles come from `reconet train`") from problem


def load_weights(path: Path) -> ReCoNet:
    """The network of a weights file in float32 and evaluation mode. Raises `StyleError` if it does not fit together."""
    import torch
    from safetensors.torch import load_file

    from reconet_cli.model.network import NetworkConfig, ReCoNet

    metadata = read_metadata(path)
    try:
        with torch.device("meta"):
            network = ReCoNet(NetworkConfig.from_dict(metadata["config"]))
        tensors = {name: value.float() for name, value in load_file(path).items()}
        network.load_state_dict(tensors, assign=True)
    except (SafetensorError, RuntimeError, ValueError, TypeError, KeyError) as problem:
        reason = str(problem).splitlines()[0]
        raise StyleError(
            f"{path} does not hold the network it names: {reason}", "train or download it again"
        ) from problem
    return network.eval().requires_grad_(False)
