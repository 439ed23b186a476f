"""The files that a pair of frames gives: flow and mask, forward and backward."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from reconet_cli.errors import FlowError
from reconet_cli.flow.files import check_flow_name, read_flow, write_flow
from reconet_cli.flow.two_way import Direction, Motion, MotionSettings, measure_motion
from reconet_cli.system.files import keep_apart, replacing
from reconet_cli.system.pictures import read_gray, read_rgb


@dataclass(frozen=True)
class Outputs:
    """Where to write the flow of one direction, and its mask (white: visible), None if it is not asked for."""

    flow: Path
    mask: Path | None

    @property
    def paths(self) -> list[Path]:
        """The files, flow first."""
        return [self.flow] if self.mask is None else [self.flow, self.mask]

    def are_complete(self, height: int, width: int) -> bool:
        """True where every file is there, whole, and of this size."""
        try:
            known = read_flow(self.flow)[1]
            sizes = [known.shape] if self.mask is None else [known.shape, read_gray(self.mask, FlowError).shape]
        except FlowError:
            return False
        return all(size == (height, width) for size in sizes)

    def write(self, motion: Motion) -> None:
        """Write both files, each under its name when it is complete."""
        write_flow(self.flow, motion.flow)
        if self.mask is not None and motion.visible is not None:
            _write_mask(self.mask, motion.visible)


def outputs_for(folder: Path, stem: str, suffix: str, way: Direction, settings: MotionSettings) -> Outputs:
    """STEM.SUFFIX and STEM_visible.png; where both directions are asked for, each with its own in the name."""
    name = f"{stem}_{way}" if len(settings.directions) > 1 else stem
    return Outputs(folder / f"{name}{suffix}", folder / f"{name}_visible.png" if settings.visible else None)


def write_pair(first: Path, second: Path, target: Path, settings: MotionSettings, *, overwrite: bool) -> list[Path]:
    """Estimate the flow between two pictures and write it to `target`, in the format of its ending.

    Returns the written files: `target`, or with both directions and masks others named after it. Raises `FlowError`
    for pictures that do not pair, and where files are there already and not to be replaced.
    """
    check_flow_name(target)
    outputs = {
        way: outputs_for(target.parent, target.stem, target.suffix, way, settings) for way in settings.directions
    }
    paths = [path for output in outputs.values() for path in output.paths]
    keep_apart(paths, (first, second), FlowError)
    for path in paths:
        if path.exists() and not overwrite:
            raise FlowError(f"{path} is there already", "give another name, or -y to overwrite it")
    for way, motion in measure_motion(read_rgb(first, FlowError), read_rgb(second, FlowError), settings).items():
        outputs[way].write(motion)
    return paths


def _write_mask(path: Path, visible: np.ndarray) -> None:
    data = cv2.imencode(".png", visible.astype(np.uint8) * 255)[1]
    with replacing(path, FlowError, durable=False) as part:
        part.write_bytes(data.tobytes())
