"""One task's part of a list that several tasks share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Shard:
    """Part `number` of `count`, counted from 1."""

    number: int
    count: int

    def of(self, items: Sequence[T]) -> list[T]:
        """Every `count`-th item: each is in one part, and neighbors, which are often alike, in different ones."""
        return list(items[self.number - 1 :: self.count])


def parse_shard(text: str, environment: Mapping[str, str]) -> Shard:
    """Read `2/8`, or `slurm`: the part of this task of a Slurm job array. Raises ValueError."""
    if text == "slurm":
        return _of_array(environment)
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ValueError(f"{text!r} is no part like 2/8 (from 1/8 to 8/8), nor slurm")
    return Shard(int(match[1]), int(match[2]))


def _of_array(environment: Mapping[str, str]) -> Shard:
    """An array's tasks may begin anywhere and leave steps: --array=10-40:10 has the four tasks 10, 20, 30, 40."""
    names = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_COUNT")
    try:
        task, first, last, count = (int(environment[name]) for name in names)
    except (KeyError, ValueError):
        raise ValueError("slurm: this is no task of a Slurm job array (sbatch --array=…)") from None
    step = (last - first) // (count - 1) if count > 1 else 1
    if step < 1 or first + step * (count - 1) != last or (task - first) % step or not first <= task <= last:
        raise ValueError("slurm: the array's task numbers are uneven; use a range such as --array=1-8")
    return Shard((task - first) // step + 1, count)
