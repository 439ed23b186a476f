"""Styles and looks, loaded once and used for every input."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from reconet_cli import console
from reconet_cli.looks import Looks, LooksPainter
from reconet_cli.looks.masks import open_mask
from reconet_cli.media.request import Request
from reconet_cli.model import styles
from reconet_cli.pipeline import Outcome, stylize
from reconet_cli.resuming import stylize_resumably
from reconet_cli.resuming.store import file_identity

_KEPT = 4  # engines: inputs of different sizes may take turns


class Painting:
    """One or two styles with looks. `network` are the options of `load_engine` apart from style and size."""

    def __init__(self, styles: tuple[str, ...], looks: Looks, network: dict[str, Any]) -> None:
        self._styles = styles
        self._looks = looks
        self._network = network
        self._engines: OrderedDict[tuple[Any, ...], Any] = OrderedDict()

    def paint(self, request: Request, *, resumable: bool = False) -> Outcome:
        """Paint what `request` names. Raises ReconetError; nothing is left behind then, or resumable segments."""
        with ExitStack() as stack:

            def load(height: int, width: int, deep: bool, settled: list[list[str]] | None = None) -> LooksPainter:
                engines = [self._engine(style, height, width, deep) for style in self._styles]
                if settled:  # "auto" may come to something else on another day
                    engines = [
                        engine if engine.precision == precision else self._engine(style, height, width, deep, precision)
                        for engine, style, (_, precision) in zip(engines, self._styles, settled, strict=True)
                    ]
                mask = None
                if self._looks.mask:
                    opened = open_mask(self._looks.mask, (width, height), request.start, request.ffmpeg)
                    mask = stack.enter_context(opened)
                return LooksPainter(engines, self._looks, mask, self._steady())

            if resumable:
                return stylize_resumably(request, load, self._identity(), note=console.note, progress=painting_progress)
            return stylize(request, load, note=console.note, progress=painting_progress)

    def _steady(self) -> Any:
        """A new memory for each input, None where nothing is to be steadied."""
        if not self._looks.stabilize:
            return None
        from reconet_cli.stabilizing import Stabilizer

        return Stabilizer(self._looks.stabilize)

    def _engine(self, style: str, height: int, width: int, deep: bool, precision: str | None = None) -> Any:
        key = (style, height, width, deep, precision)
        if key not in self._engines:
            from reconet_cli.engine import load_engine  # PyTorch takes seconds: a wrong input shows before that

            network = {**self._network, "precision": precision or self._network["precision"]}
            engine = load_engine(style, height=height, width=width, deep=deep, **network)
            console.note(engine.description)
            self._engines[key] = engine
            if len(self._engines) > _KEPT * len(self._styles):
                self._engines.popitem(last=False)
        self._engines.move_to_end(key)
        return self._engines[key]

    def _identity(self) -> dict[str, Any]:
        """What a painted frame depends on, apart from its source."""
        mask = self._looks.mask
        found = [Path(styles.find_style(style, self._network["variant"])) for style in self._styles]
        files = [file for path in found for file in styles.style_files(path) if file.is_file()]
        return {
            "style": [hashlib.sha256(path.read_bytes()).hexdigest() for path in files],
            "looks": asdict(self._looks),
            "mask": file_identity(Path(mask)) if mask and not mask.startswith("#") else None,
            "engine": {name: self._network[name] for name in ("backend", "device", "precision")},
        }


@contextmanager
def painting_progress(total: int | None) -> Iterator[Callable[[], None]]:
    with console.progress("painting", total, "frame") as bar:
        yield lambda: bar.advance(bar.task_ids[0])
