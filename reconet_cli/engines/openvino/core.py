"""OpenVINO's core: one for the whole process."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np


@cache
def openvino_core() -> Any:
    """The process's `openvino.Core`.

    It is never given up: OpenVINO gives the thread that loads its CPU plugin another stack for signals, and takes the
    memory away again with the last core. If that happens in another thread, the next Ctrl-C kills the process.
    """
    import openvino

    # The first array that OpenVINO sees sets up its numpy interface; two threads doing so at once can wait for each
    # other for ever.
    openvino.Tensor(np.zeros(1, np.uint8))
    return openvino.Core()
