"""Shipped styles beside the slow method: optimizing every picture by itself (Gatys et al., CVPR 2016).

    python benchmarks/optimization.py --pictures PHOTOS --paintings FOLDER --loss-network V.npz --measured-by S.npz

The baseline starts from the photograph and takes L-BFGS steps on the losses that the style was trained with, temporal
ones aside. A loss network that trained nothing then measures style and content distance of the photograph, of the
baseline after 100 and 300 steps (or those of `--steps`), and of each of the style's networks. Finished pictures are
kept in `--work`, so that the command can be stopped and run again.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

import torch
from torch import Tensor

from reconet_cli.model import losses
from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.loss_networks import LossNetwork
from reconet_cli.model.tensors import to_tensor
from reconet_cli.model.weights import load_weights, read_metadata
from reconet_cli.styles.finding import Style, list_styles
from reconet_cli.training.data.sources import PICTURES, find_files, read_picture, style_picture
from reconet_cli.training.settings import LossWeights

_SIDE = 256


def optimize(
    photo: Tensor, style: Tensor, network: LossNetwork, weights: LossWeights, stops: list[int]
) -> dict[str, Tensor]:
    """The photograph after so many L-BFGS steps on all losses but the temporal ones, by name."""
    grams = network(style).grams
    image = photo.clone(memory_format=torch.contiguous_format).requires_grad_(True)
    wanted = network.contents(photo)
    powers = [(layer**2).mean().item() for layer in wanted]
    colors = losses.sorted_colors(style)
    optimizer = torch.optim.LBFGS([image], lr=1, max_iter=stops[0], history_size=20, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        seen = network(image)
        total = (
            weights.content * losses.content_loss(seen.contents, wanted, powers)
            + weights.style * losses.style_loss(seen.grams, grams)
            + weights.tone * losses.tone_loss(image, photo)
            + weights.color * losses.color_loss(image, colors)
            + weights.variation * losses.total_variation(image)
        )
        total.backward()
        return total

    found, done = {}, 0
    for steps in stops:
        optimizer.param_groups[0]["max_iter"] = steps - done
        optimizer.step(closure)
        done = steps
        found[f"optimized, {steps} steps"] = image.detach().clamp(0, 1)
    return found


def paintings_of(
    style: Style, path: Path, folder: Path, network: LossNetwork, work: Path, stops: list[int]
) -> dict[str, Tensor]:
    """Everything that is made of one photograph in one style; the baseline comes from `work` where it is there."""
    photo = to_tensor(read_picture(path, _SIDE))[None]
    made = {"photograph": photo}
    recipe = read_metadata(style.variants["fast"])["recipe"]
    kept = work / f"{style.name}-{path.stem}-{stops[-1]}.pt"
    if not kept.exists():
        weights = LossWeights(**recipe["settings"]["weights"])
        painting = style_picture(folder / recipe["picture"], recipe["settings"]["style_scale"])
        with torch.enable_grad():
            torch.save(optimize(photo, painting, network, weights, stops), kept)
    made |= torch.load(kept, weights_only=True)
    for variant, file in style.variants.items():
        made[f"reconet {variant}"] = load_weights(file)(photo)
    return made


def main() -> None:
    """Measure and print one table a style."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--paintings", type=Path, required=True, help="folder of the style pictures")
    parser.add_argument("--loss-network", required=True)
    parser.add_argument("--measured-by", required=True)
    parser.add_argument("--style", action="append", help="only these styles")
    parser.add_argument("--steps", type=int, action="append", help="of the baseline, repeatable")
    parser.add_argument("--photographs", type=int, default=20)
    parser.add_argument("--work", type=Path, default=Path("runs/optimization"))
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    args.work.mkdir(parents=True, exist_ok=True)

    network, measuring = load_loss_network(args.loss_network), load_loss_network(args.measured_by).with_paper_layers()
    files = find_files([args.pictures], PICTURES)
    photographs = files[:: max(1, len(files) // args.photographs)][: args.photographs]
    table: dict[str, dict[str, list[float]]] = {}
    for style in list_styles():
        if (args.style and style.name not in args.style) or "fast" not in style.variants:
            continue
        recipe = read_metadata(style.variants["fast"])["recipe"]
        painting = style_picture(args.paintings / recipe["picture"], recipe["settings"]["style_scale"])
        target = measuring(painting).grams
        rows: dict[str, tuple[list[float], list[float]]] = {}
        for path in photographs:
            made = paintings_of(style, path, args.paintings, network, args.work, sorted(args.steps or [100, 300]))
            wanted = measuring.contents(made["photograph"])
            powers = [(layer**2).mean().item() for layer in wanted]
            for name, image in made.items():
                seen = measuring(image)
                styles, contents = rows.setdefault(name, ([], []))
                styles.append(losses.style_loss(seen.grams, target).item())
                contents.append(losses.content_loss(seen.contents, wanted, powers).item())
        print(f"{style.name} ({len(photographs)} photographs)")
        for name, (styles, contents) in rows.items():
            means = (statistics.mean(styles), statistics.mean(contents))
            table.setdefault(style.name, {})[name] = list(means)
            print(f"  {name:<24} style {means[0]:.3f}  content {means[1]:.3f}", flush=True)
    (args.work / "table.json").write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
