"""JSON that comes from files and other programs."""

from __future__ import annotations

import json
from typing import Any


def json_value(text: str | bytes) -> Any:
    """The value of a JSON text. Raises ValueError for whatever is wrong with it, lists nested too deep, too."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
