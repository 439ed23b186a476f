"""Frame pairs from optical-flow data sets: true flow instead of estimated."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from reconet_cli.errors import FlowError
from reconet_cli.flow.datasets import FlowDataset, TracedPair
from reconet_cli.system.pictures import read_rgb
from reconet_cli.training.data.crops import random_crop
from reconet_cli.training.data.pairs import FramePairs
from reconet_cli.training.data.sources import resize_to
from reconet_cli.warping import resize_flow, resize_mask

_EXAMPLES = 8


class DatasetPairs:
    """Random squares of a data set's pairs, read from disk one by one.

    Frames keep their size, so that flow stays exact as it is given; those of a shorter side below the square's are
    enlarged to it.
    """

    def __init__(self, dataset: FlowDataset) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def examples(self) -> list[np.ndarray]:
        """A few frames to look at."""
        stride = max(1, len(self._dataset) // _EXAMPLES)
        return [read_rgb(pair.a, FlowError) for pair in self._dataset.pairs[::stride][:_EXAMPLES]]

    def sample(self, size: int, generator: torch.Generator) -> FramePairs:
        """A random square of a random pair, mirrored half of the time.

        Raises `FlowError` for a file that is damaged or has gone.
        """
        pair = self._dataset[int(torch.randint(len(self._dataset), (), generator=generator))].traced()
        return random_crop(*_at_least(pair, size), size, generator)


def _at_least(pair: TracedPair, short_side: int) -> tuple[tuple[np.ndarray, np.ndarray], Tensor, Tensor]:
    """Frames, flow `(1, 2, H, W)` and mask `(1, 1, H, W)` of a pair, enlarged where they are smaller."""
    flow, mask = torch.from_numpy(pair.flow)[None], torch.from_numpy(pair.visible)[None, None]
    if min(pair.visible.shape) >= short_side:
        return (pair.previous, pair.current), flow, mask
    previous, current = (resize_to(frame, short_side) for frame in (pair.previous, pair.current))
    height, width = current.shape[:2]
    return (previous, current), resize_flow(flow, (height, width)), resize_mask(mask.float(), (height, width))
