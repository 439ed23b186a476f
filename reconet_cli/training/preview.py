"""Pictures of how far training has come: held-out frames above, the same frames painted below."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from reconet_cli.errors import TrainingError
from reconet_cli.model.tensors import to_tensor
from reconet_cli.system.files import replacing
from reconet_cli.training.data.sources import read_picture


def preview_frames(pictures: list[np.ndarray], height: int = 256, width: int = 384, count: int = 3) -> Tensor:
    """The first few pictures cut to one shape, `(N, 3, height, width)` in [0, 1]."""
    frames = []
    for picture in pictures[:count]:
        have_height, have_width = picture.shape[:2]
        scale = min(have_height / height, have_width / width)
        tall, wide = round(height * scale), round(width * scale)
        top, left = (have_height - tall) // 2, (have_width - wide) // 2
        crop = picture[top : top + tall, left : left + wide]
        way = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
        frames.append(cv2.resize(crop, (width, height), interpolation=way))
    return torch.stack([to_tensor(frame) for frame in frames])


def write_sheet(path: Path, rows: list[Tensor]) -> None:
    """Write a JPEG with one row a batch `(N, 3, H, W)` of images in [0, 1]."""
    lines = [torch.cat(list(row), dim=2) for row in rows]
    sheet = (torch.cat(lines, dim=1).permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    done, data = cv2.imencode(".jpg", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
    if not done:
        raise TrainingError(f"could not encode {path.name}")
    with replacing(path, TrainingError) as part:
        part.write_bytes(data.tobytes())


def read_rows(paths: list[Path], like: Tensor) -> list[Tensor]:
    """Rows that `write_sheet` wrote alone, each as a batch of the shape of `like` `(N, 3, H, W)`."""
    count, _, height, width = like.shape
    rows = [to_tensor(read_picture(path)) for path in paths]
    return [torch.stack(row.split(width, 2)) for row in rows if row.shape == (3, height, count * width)]
