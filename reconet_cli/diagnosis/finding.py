"""One line of a diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "info", "warning", "broken"]


@dataclass(frozen=True)
class Finding:
    """`about` something: what is there, and `advice` where it is not as it should be.

    `warning` is for what works less well than it could, `broken` for what keeps `reconet stylize` from working.
    """

    about: str
    state: State
    value: str
    advice: str = ""
