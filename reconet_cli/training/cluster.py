"""Training in several processes, on one machine or many, started by `torchrun`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from reconet_cli.errors import TrainingError

T = TypeVar("T")

# One process may download a loss network or read clips for hours while the others wait for it.
_PATIENCE = timedelta(days=1)
# What Gloo calls a process that is gone; it has no type of error for that.
_LOST = ("connection closed", "connection reset", "connection refused", "broken pipe", "timed out waiting")


@dataclass(frozen=True)
class Cluster:
    """This process's place among all; alone, it is the first of one.

    `local_rank` is its place among those of this machine, `local_size` how many they are. `talk` is the group of what
    lies in main memory, which NCCL does not serve.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    talk: Any = None

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files and talks to the user."""
        return self.rank == 0

    def mean(self, values: Tensor) -> Tensor:
        """The mean of a tensor over all processes."""
        if self.size > 1:
            values = values.detach().clone()
            dist.all_reduce(values, group=self.talk if values.device.type == "cpu" else None)
            values /= self.size
        return values

    def from_first(self, make: Callable[[], T]) -> T:
        """What the first process makes, in all of them; no other process makes it."""
        values = [make() if self.is_first else None]
        if self.size > 1:
            dist.broadcast_object_list(values, group=self.talk)
        return values[0]  # type: ignore[return-value]

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            dist.barrier(group=self.talk)

    @contextmanager
    def one_ahead(self) -> Iterator[None]:
        """One process of each machine does this first, so that the others find what it has put into caches."""
        if self.local_rank:
            self.wait()
        yield
        if not self.local_rank:
            self.wait()

    def share(self, batch: int) -> range:
        """This process's part of a joint batch. Raises `TrainingError` if it cannot be split evenly."""
        if batch % self.size:
            raise TrainingError(f"a batch of {batch} cannot be split among {self.size} processes", "change --batch")
        each = batch // self.size
        return range(self.rank * each, (self.rank + 1) * each)


def local_rank() -> int | None:
    """This process's place among those that `torchrun` started on this machine; None where it did not."""
    return int(os.environ.get("LOCAL_RANK", "0")) if _size() > 1 else None


@contextmanager
def connect(device: torch.device) -> Iterator[Cluster]:
    """Join the other processes that `torchrun` started, if it did: NCCL on CUDA, Gloo elsewhere.

    Raises `TrainingError` as soon as one of them is found to have ended.
    """
    if _size() == 1:
        yield Cluster()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    try:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        talk = dist.new_group(backend="gloo", timeout=_PATIENCE)
        yield Cluster(dist.get_rank(), _size(), local_rank() or 0, here, talk)
    except RuntimeError as problem:
        if isinstance(problem, dist.DistError) or any(words in str(problem).lower() for words in _LOST):
            raise TrainingError(
                f"another of the {_size()} processes has ended", "its own message says why; --resume continues"
            ) from problem
        raise
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def _size() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))
