"""What a run learns from, in a few digits: a checkpoint of another picture or other data is not continued."""

from __future__ import annotations

from pathlib import Path

from reconet_cli.errors import TrainingError
from reconet_cli.model.loss_networks import LossNetwork
from reconet_cli.styles.finding import picture_digest
from reconet_cli.system.identity import digest
from reconet_cli.training.data.sources import CLIPS, PICTURES, find_files
from reconet_cli.training.settings import TrainingFiles

_DIGITS = 16


def fingerprints(files: TrainingFiles, loss_network: LossNetwork) -> dict[str, str]:
    """Names of the inputs and what tells them from others, wherever they lie. Raises `TrainingError`.

    Of pictures and clips to learn from, that is their names and sizes; all else is read.
    """
    return {
        "picture": _of_file(files.picture),
        "data": _of_listing(files.data),
        "loss network": f"{loss_network.name} {_of_network(loss_network)}",
        "weights to begin with": _of_file(files.start) if files.start else "none",
    }


def _of_file(path: Path) -> str:
    try:
        return picture_digest(path)
    except OSError as problem:
        raise TrainingError(f"cannot read {path}: {problem.strerror or problem}") from problem


def _of_listing(paths: tuple[Path, ...]) -> str:
    found = sorted((file.name, file.stat().st_size) for file in find_files(list(paths), PICTURES | CLIPS))
    return digest([repr(found)])[:_DIGITS] if paths else "none"


def _of_network(network: LossNetwork) -> str:
    return digest(values.cpu().contiguous().numpy().tobytes() for values in network.state_dict().values())[:_DIGITS]
