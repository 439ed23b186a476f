"""Which cluster to paint on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ClusterOptions:
    """`spec` names a cluster (see `connect`). With `transfer`, workers send segments back and share no folder."""

    spec: str
    transfer: bool = False
