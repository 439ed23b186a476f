"""How far does training get without data and without VGG? The same short runs with several loss networks.

    python benchmarks/without_data.py PICTURE... --loss-network compact --loss-network vgg19.npz \
        --measured-by squeezenet.npz --frame FRAME... --sheet sheet.jpg

Trains a style from each picture with each loss network, on procedural scenes alone, for each number of `--steps`. A
loss network that trained nothing then measures the painted frames. Give pictures that no loss network was distilled on.
Runs are kept in `--work`, so that the command can be stopped and run again; `--train-only` measures later.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from reconet_cli.evaluation.measures.likeness import structure, tone
from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.losses import style_loss
from reconet_cli.model.tensors import to_tensor
from reconet_cli.model.weights import load_weights
from reconet_cli.system.folders import packaged_frames
from reconet_cli.training.data.sources import read_picture, style_picture
from reconet_cli.training.train import train_style

_SIDE = 360
_HEIGHT = 180


def trained(picture: Path, loss_network: str, steps: int, work: Path) -> Path:
    """The weights after a run; one that is finished is not repeated."""
    folder = work / f"{picture.stem}-{Path(loss_network).stem}-{steps}"
    if not (folder / "fast.safetensors").exists():
        resume = (folder / "run" / "fast" / "checkpoint.pt").exists()
        train_style(picture, folder, steps=steps, loss_network=loss_network, workers=0, resume=resume)
    return folder / "fast.safetensors"


def pixels(image: Tensor) -> np.ndarray:
    """`(1, 3, H, W)` in [0, 1] as RGB uint8 `(H, W, 3)`."""
    return (image[0].clamp(0, 1).permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()


def row(images: list[np.ndarray]) -> np.ndarray:
    """Pictures side by side, at one height."""
    return np.hstack([cv2.resize(i, (round(i.shape[1] * _HEIGHT / i.shape[0]), _HEIGHT)) for i in images])


def main() -> None:
    """Train what is missing, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", nargs="+", type=Path)
    parser.add_argument("--loss-network", action="append", required=True)
    parser.add_argument("--steps", type=int, action="append")
    parser.add_argument("--measured-by", default="compact")
    parser.add_argument("--frame", type=Path, action="append", help="what is painted; the packaged frames by default")
    parser.add_argument("--work", type=Path, default=Path("runs/without-data"))
    parser.add_argument("--train-only", action="store_true")
    parser.add_argument("--sheet", type=Path)
    args = parser.parse_args()
    files = args.frame or packaged_frames()
    frames = [to_tensor(read_picture(file, _SIDE))[None] for file in files]
    frames = [frame[..., : frame.shape[2] // 4 * 4, : frame.shape[3] // 4 * 4] for frame in frames]
    measuring = load_loss_network(args.measured_by)
    print(f"{'':<28}{'steps':>7}{'structure':>11}{'tone':>8}{'style by ' + measuring.name:>22}")
    rows = [row([pixels(frame) for frame in frames])]
    for picture in args.pictures:
        for steps in args.steps or [400, 2000]:
            for choice in args.loss_network:
                network = load_weights(trained(picture, choice, steps, args.work))
                if args.train_only:
                    continue
                with torch.no_grad():
                    painted = [network(frame).clamp(0, 1) for frame in frames]
                    wanted = measuring(style_picture(picture)).grams
                    style = statistics.mean(style_loss(measuring(image).grams, wanted).item() for image in painted)
                pairs = [(pixels(a), pixels(b)) for a, b in zip(frames, painted, strict=True)]
                kept = [statistics.mean(measure(a, b) for a, b in pairs) for measure in (structure, tone)]
                name = f"{picture.stem[:14]}, {Path(choice).stem[:12]}"
                print(f"{name:<28}{steps:>7}{kept[0]:>11.3f}{kept[1]:>8.3f}{style:>22.3f}", flush=True)
                rows.append(row([image for _, image in pairs]))
    if args.sheet and not args.train_only:
        cv2.imwrite(str(args.sheet), np.vstack(rows)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
