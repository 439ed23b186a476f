"""A folder of ground truth, whatever its layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reconet_cli.errors import FlowError
from reconet_cli.flow.datasets.layouts import LAYOUTS, PASSES
from reconet_cli.flow.datasets.pairs import FlowPair

# How far below a folder data sets are looked for: several data sets, each with scenes, or with an archive's own folder.
_DEEPEST = 3
_KNOWN = (
    "known layouts: Middlebury (frame10.png, frame11.png, flow10.flo, or other-data and other-gt-flow), MPI Sintel "
    "(training/final or clean, flow), KITTI (image_2, colored_0 or image_0, flow_occ), FlyingChairs (*_img1.ppm, "
    "*_img2.ppm, *_flow.flo), FlyingThings3D and Monkaa (frames_finalpass or frames_cleanpass, optical_flow)"
)


@dataclass(frozen=True)
class FlowDataset:
    """Pairs with true flow below a folder; they are read one by one, when asked (`FlowPair.traced`, `ground_truth`).

    `roots` are the folders that have a known layout: `folder` itself, or some below it.
    """

    folder: Path
    pairs: tuple[FlowPair, ...]
    roots: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> FlowPair:
        return self.pairs[index]

    def __iter__(self) -> Iterator[FlowPair]:
        return iter(self.pairs)

    def __str__(self) -> str:
        counts = Counter(pair.layout for pair in self.pairs)
        return ", ".join(f"{count} {'pair' if count == 1 else 'pairs'} of {name}" for name, count in counts.items())


def find_dataset(folder: Path, render_pass: str | None = None) -> FlowDataset | None:
    """The data set in or up to three folders below `folder`, or None where no layout is recognized.

    `render_pass` is `final` or `clean` (Sintel and Scene Flow); by default final where it is there. Raises `FlowError`
    for a data set that lacks a file.
    """
    if render_pass not in (None, *PASSES):
        raise ValueError(f"unknown render pass {render_pass!r}, expected one of {', '.join(PASSES)}")
    roots: list[Path] = []
    pairs = _search(folder, render_pass, _DEEPEST, roots) if folder.is_dir() else []
    if not pairs:
        return None
    return FlowDataset(folder, tuple(pair.named(pair.name or folder.name) for pair in pairs), tuple(roots))


def open_dataset(folder: Path, render_pass: str | None = None) -> FlowDataset:
    """Like `find_dataset`, but a folder without a known layout raises `FlowError` too, with the list of them."""
    dataset = find_dataset(folder, render_pass)
    if dataset is None:
        asked = f" with a {render_pass} pass" if render_pass else ""
        raise FlowError(f"{folder}: no optical-flow data set{asked} is recognized here", _KNOWN)
    return dataset


def _search(folder: Path, render_pass: str | None, depth: int, roots: list[Path]) -> list[FlowPair]:
    """The pairs in or up to `depth` folders below `folder`; where they are is added to `roots`."""
    for layout in LAYOUTS:
        if found := layout(folder, render_pass):
            roots.append(folder)
            return found
    if not depth:
        return []
    children = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    return [
        pair.named("/".join(filter(None, (child.name, pair.name))))
        for child in children
        for pair in _search(child, render_pass, depth - 1, roots)
    ]
