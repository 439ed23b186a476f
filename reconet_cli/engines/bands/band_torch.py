"""Band by band on PyTorch: what a device computes at a time is a band, and whole maps lie in the main memory."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from reconet_cli.engines.bands.band_steps import Step, steps_of
from reconet_cli.engines.bands.bands import BandedPainter
from reconet_cli.engines.graph import DEEP_LEVELS, LEVELS, frame_type
from reconet_cli.model.network import ReCoNet

# A graphics chip is idle while a band travels, so its bands are large.
_CUDA_BAND_BYTES = 1 << 26


def banded_on_torch(network: ReCoNet, device: torch.device, dtype: torch.dtype, *, deep: bool) -> BandedPainter:
    """A painter that computes in `dtype`."""
    levels = DEEP_LEVELS if deep else LEVELS
    steps, graph = steps_of(network, levels)
    kernels = [
        _Kernel(step, device, dtype, scale=graph.scale if step.source == "frame" else 1, levels=levels)
        for step in steps
    ]
    band_bytes = None if device.type == "cpu" else _CUDA_BAND_BYTES
    return BandedPainter(list(zip(steps, kernels, strict=True)), graph.multiple, band_bytes)


class _Kernel:
    """See `bands.Kernel`."""

    def __init__(self, step: Step, device: torch.device, dtype: torch.dtype, *, scale: int, levels: int) -> None:
        self._step, self._device, self._half = step, device, dtype
        self._scale, self._levels = scale, levels
        self._conv = step.conv.to(device, dtype)
        floor = step.floor
        self._floor = None if floor is None else self._per_channel(floor)
        kept = np.float16 if dtype == torch.float16 and not step.exact else np.float32
        self.dtype = np.dtype(frame_type(levels) if step.last else kept)

    @torch.inference_mode()
    def moments(self, band: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance `(C,)` of the convolution's result."""
        variance, mean = torch.var_mean(self._convolved(band), (0, 2, 3), correction=0)
        return mean.cpu().numpy(), variance.cpu().numpy()

    @torch.inference_mode()
    def finish(self, band: np.ndarray, factor: np.ndarray, offset: np.ndarray, added: np.ndarray | None) -> np.ndarray:
        """The target rows."""
        values = self._convolved(band)
        if self._step.last:
            values = torch.tanh(values) * (self._levels / 2) + (self._levels + 1) / 2
            values = values.clamp(0, self._levels).to(torch.int32)
        else:
            values = values * self._per_channel(factor) + self._per_channel(offset)
        if self._floor is not None:
            values = torch.maximum(values, self._floor)
        if added is not None:
            values = values + self._image(added)
        rows: np.ndarray = values[0].permute(1, 2, 0).cpu().numpy()
        return rows.astype(self.dtype, copy=False)

    def release(self) -> None:
        """Nothing is kept between runs."""

    def _convolved(self, band: np.ndarray) -> Tensor:
        image = self._image(band) / self._scale
        values: Tensor = self._conv(image.to(self._half))
        return values.float()

    def _image(self, rows: np.ndarray) -> Tensor:
        """Rows `(h, w, C)` as `(1, C, h, w)` float32 on the device."""
        return torch.from_numpy(rows.astype(np.float32, copy=False)).to(self._device).permute(2, 0, 1)[None]

    def _per_channel(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(self._device).view(1, -1, 1, 1)
