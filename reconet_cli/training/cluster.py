"""Training in several processes, on one machine or many, started by `torchrun`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from reconet_cli.errors import TrainingError


@dataclass(frozen=True)
class Cluster:
    """This process's place among all; alone, it is the first of one."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files and talks to the user."""
        return self.rank == 0

    def mean(self, values: Tensor) -> Tensor:
        """The mean of a tensor over all processes."""
        if self.size > 1:
            values = values.detach().clone()
            dist.all_reduce(values)
            values /= self.size
        return values

    def agree(self, value: str) -> str:
        """The first process's value, in all of them."""
        values = [value]
        if self.size > 1:
            dist.broadcast_object_list(values)
        return values[0]

    def wait_for_first(self) -> None:
        """Wait until the first process is here too: what it writes before is there then."""
        self.agree("")

    def share(self, batch: int) -> range:
        """This process's part of a joint batch. Raises `TrainingError` if it cannot be split evenly."""
        if batch % self.size:
            raise TrainingError(f"a batch of {batch} cannot be split among {self.size} processes", "change --batch")
        each = batch // self.size
        return range(self.rank * each, (self.rank + 1) * each)


@contextmanager
def connect(device: torch.device) -> Iterator[Cluster]:
    """Join the other processes that `torchrun` started, if it did: NCCL on CUDA, Gloo elsewhere."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Cluster()
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Cluster(dist.get_rank(), size)
    finally:
        dist.destroy_process_group()
