"""An input by its name: where it is, what is in it, and the pipe that it comes through, if it does."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction

from reconet_cli.media.info import MediaInfo
from reconet_cli.media.inputs import is_stream, source_named
from reconet_cli.media.one_clock import with_one_clock
from reconet_cli.media.probing import probe
from reconet_cli.media.relay import relayed
from reconet_cli.media.source import Source
from reconet_cli.media.standard_input import StandardInput


def find_input(
    program: str, name: str, rate: Fraction | None, size: tuple[int, int] | None, stack: ExitStack, *, lists: bool
) -> tuple[Source, MediaInfo, StandardInput | None]:
    """Look at a file, a picture series, a camera or an address; arguments as of `source_named`. Raises MediaError.

    What can be read only once comes through a pipe. `stack` ends connections and removes temporary files.
    """
    source = source_named(name, rate, size, stack, lists=lists)
    if is_stream(name):
        pipe = relayed(program, source, stack)
        return *pipe.probe(program), pipe
    return *with_one_clock(program, source, probe(program, source), stack), None
