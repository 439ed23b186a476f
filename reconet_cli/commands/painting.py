"""Styles and looks, loaded once and used for every input."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from reconet_cli import console
from reconet_cli.looks import Looks, LooksPainter
from reconet_cli.looks.masks import open_mask
from reconet_cli.media.request import Request
from reconet_cli.pipeline import Outcome, stylize

_KEPT = 4  # engines: inputs of different sizes may take turns


class Painting:
    """One or two styles with looks. `network` are the options of `load_engine` apart from style and size."""

    def __init__(self, styles: tuple[str, ...], looks: Looks, network: dict[str, Any]) -> None:
        self._styles = styles
        self._looks = looks
        self._network = network
        self._engines: OrderedDict[tuple[str, int, int], Any] = OrderedDict()

    def paint(self, request: Request) -> Outcome:
        """Paint what `request` names. Raises ReconetError; nothing is left behind then."""
        with ExitStack() as stack:

            def load(height: int, width: int) -> LooksPainter:
                engines = [self._engine(style, height, width) for style in self._styles]
                mask = None
                if self._looks.mask:
                    opened = open_mask(self._looks.mask, (width, height), request.start, request.ffmpeg)
                    mask = stack.enter_context(opened)
                return LooksPainter(engines, min(engine.lanes for engine in engines), self._looks, mask)

            return stylize(request, load, note=console.note, progress=_progress)

    def _engine(self, style: str, height: int, width: int) -> Any:
        key = (style, height, width)
        if key not in self._engines:
            from reconet_cli.engine import load_engine  # PyTorch takes seconds: a wrong input shows before that

            engine = load_engine(style, height=height, width=width, **self._network)
            console.note(engine.description)
            self._engines[key] = engine
            if len(self._engines) > _KEPT * len(self._styles):
                self._engines.popitem(last=False)
        self._engines.move_to_end(key)
        return self._engines[key]


@contextmanager
def _progress(total: int | None) -> Iterator[Callable[[], None]]:
    with console.progress("painting", total, "frame") as bar:
        yield lambda: bar.advance(bar.task_ids[0])
