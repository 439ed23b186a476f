"""What a run leaves to look at while it goes on: loss curves and pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

from torch import Tensor

from reconet_cli.errors import TrainingError
from reconet_cli.system.files import replacing
from reconet_cli.system.json_text import json_value
from reconet_cli.training.preview import read_rows, write_sheet

# Rows of painted pictures on the sheet that shows the whole run.
_MOST_ROWS = 8
_SHEET = "painted-"  # how the pictures of a step begin, before its number


class Journal:
    """Writes `losses.jsonl` (a line a step), `held-out.jsonl`, previews, and TensorBoard's files where it is installed.

    Continues behind line `step` of what is there: whatever a killed run wrote after its checkpoint comes again.
    """

    def __init__(self, folder: Path, step: int, frames: Tensor) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for sheet in _sheets(folder):
            if int(sheet.stem.removeprefix(_SHEET)) > step:
                sheet.unlink(missing_ok=True)
        self._folder = folder
        self._frames = frames
        self._losses = _reopen(folder / "losses.jsonl", step)
        self._held_out = _reopen(folder / "held-out.jsonl", step)
        self._board = _tensorboard(folder / "tensorboard", step)

    def close(self) -> None:
        """Close its files."""
        self._losses.close()
        self._held_out.close()
        if self._board:
            self._board.close()

    def losses(self, step: int, values: dict[str, float]) -> None:
        """One step's unweighted losses."""
        self._write(self._losses, "train", step, values)

    def held_out(self, step: int, values: dict[str, float]) -> None:
        """Losses on the held-out pairs."""
        self._write(self._held_out, "held out", step, values)

    def _write(self, file: TextIO, group: str, step: int, values: dict[str, float]) -> None:
        file.write(json.dumps({"step": step} | {name: round(value, 6) for name, value in values.items()}) + "\n")
        if self._board:
            for name, value in values.items():
                self._board.add_scalar(f"{group}/{name}", value, step)

    def preview(self, step: int, painted: Tensor) -> None:
        """Paintings of the held-out frames, and the sheet that shows how they came about."""
        write_sheet(self._folder / f"{_SHEET}{step:06d}.jpg", [painted])
        rows = _sheets(self._folder)
        stride = -(-len(rows) // _MOST_ROWS)
        write_sheet(self._folder / "previews.jpg", [self._frames, *read_rows(rows[::-stride][::-1], self._frames)])


def _sheets(folder: Path) -> list[Path]:
    """The painted pictures of a run, by their steps."""
    found = [path for path in folder.glob(f"{_SHEET}*.jpg") if path.stem.removeprefix(_SHEET).isdecimal()]
    return sorted(found, key=lambda path: int(path.stem.removeprefix(_SHEET)))


def _reopen(path: Path, step: int) -> TextIO:
    """Open a file of lines behind the last one up to `step`; the old file stays until the new one is there."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    with replacing(path, TrainingError) as part:
        part.write_text("".join(f"{line}\n" for line in lines if 0 <= _step_of(line) <= step), encoding="utf-8")
    return path.open("a", buffering=1, encoding="utf-8")


def _step_of(line: str) -> int:
    """The step that a line is about, -1 for what a killed run has left half written."""
    try:
        return int(json_value(line)["step"])
    except (ValueError, KeyError, TypeError):
        return -1


def _tensorboard(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step)
