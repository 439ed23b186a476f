"""An input by its name: where it is, what is in it, and the pipe that it comes through, if it does."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction

from reconet_cli.video.inputs.names import is_stream, source_named
from reconet_cli.video.inputs.relay import relayed
from reconet_cli.video.inputs.standard_input import StandardInput
from reconet_cli.video.probing.info import MediaInfo
from reconet_cli.video.probing.one_clock import with_one_clock
from reconet_cli.video.probing.probe import probe
from reconet_cli.video.probing.source import Source


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
