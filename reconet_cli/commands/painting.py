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

# Inputs of different sizes may take turns: engines are kept for so many sizes, and for so many pixels in all of them.
_KEPT = 4
_KEPT_PIXELS = 3 << 20

Size = tuple[int, int, bool]  # height, width, and whether frames are deep


class Painting:
    """One or two styles with looks. `network` are the options of `load_engine` apart from style and size."""

    def __init__(self, styles: tuple[str, ...], looks: Looks, network: dict[str, Any]) -> None:
        self._styles = styles
        self._looks = looks
        self._network = network
        self._engines: OrderedDict[Size, dict[tuple[str, str | None], Any]] = OrderedDict()

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
        engines = self._of_size((height, width, deep))
        if (style, precision) not in engines:
            from reconet_cli.engine import load_engine  # PyTorch takes seconds: a wrong input shows before that

            network = {**self._network, "precision": precision or self._network["precision"]}
            engine = load_engine(style, height=height, width=width, deep=deep, **network)
            console.note(engine.description)
            engines[style, precision] = engine
        return engines[style, precision]

    def _of_size(self, size: Size) -> dict[tuple[str, str | None], Any]:
        """The engines of a size. Those of others go before new ones are loaded, which may need the memory."""
        engines = self._engines.pop(size, None)
        if engines is None:
            engines = {}
            pixels = [height * width for height, width, _ in (*self._engines, size)]
            while self._engines and (len(pixels) > _KEPT or sum(pixels) > _KEPT_PIXELS):
                self._engines.popitem(last=False)
                pixels.pop(0)
        self._engines[size] = engines
        return engines

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
