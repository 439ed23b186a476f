"""Can the compact loss network be trusted? Rank correlations of what loss networks say about the same pictures.

    python benchmarks/loss_networks.py --pictures PHOTOS --styles PAINTINGS --network vgg19.npz --network squeezenet.npz

Every photograph that the compact network has not seen in training is painted by each shipped style, at three strengths
and with noise. Networks rank all these versions by their style distance to each painting, and by their content distance
to the photograph. Spearman's correlation says how far two networks agree on their order, all that training needs. For
a distilled VGG-19, what the compact network was distilled from, the table by depth says how far its features are off.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.loss_networks import LossNetwork, SlimVGG
from reconet_cli.model.losses import content_loss, style_loss
from reconet_cli.model.network import ReCoNet
from reconet_cli.model.tensors import to_tensor
from reconet_cli.model.weights import load_weights
from reconet_cli.styles.finding import list_styles
from reconet_cli.training.data.sources import PICTURES, find_files, read_picture

sys.path.insert(0, str(Path(__file__).parents[1] / "weights" / "loss"))
from distil import distance  # type: ignore[import-not-found]
from seen import HELD_OUT_EVERY  # type: ignore[import-not-found]

_SIDE = 256
_STRENGTHS = (0.3, 0.6, 1.0)


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rank correlation of two lists without ties."""
    first, second = (values.argsort().argsort() - (len(values) - 1) / 2 for values in (a, b))
    return float((first * second).sum() / np.sqrt((first**2).sum() * (second**2).sum()))


def versions(photo: Tensor, painters: list[ReCoNet]) -> Tensor:
    """The photograph, noisy and painted by each style at each strength, `(N, 3, H, W)`."""
    noise = torch.randn(photo.shape, generator=torch.Generator().manual_seed(0))
    found = [photo, (photo + 0.1 * noise).clamp(0, 1)]
    for painter in painters:
        painted = painter(photo)
        found += [torch.lerp(photo, painted, strength) for strength in _STRENGTHS]
    return torch.cat(found)


def content_distances(network: LossNetwork, images: Tensor) -> list[float]:
    """Content distance of each painted version to the first one."""
    features = [network.contents(image[None]) for image in images]
    powers = [(layer**2).mean().item() for layer in features[0]]
    return [content_loss(seen, features[0], powers).item() for seen in features[1:]]


def style_distances(network: LossNetwork, images: Tensor, paintings: list[Tensor]) -> list[list[float]]:
    """Style distance of each version to each painting, painting by painting."""
    targets = [network(painting).grams for painting in paintings]
    seen = [network(image[None]).grams for image in images]
    return [[style_loss(grams, target).item() for grams in seen] for target in targets]


def main() -> None:
    """Print correlations for every two networks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--styles", type=Path, required=True)
    parser.add_argument("--network", action="append", required=True, help="file of another loss network, repeatable")
    parser.add_argument("--photographs", type=int, default=12)
    args = parser.parse_args()
    torch.set_grad_enabled(False)

    networks = [load_loss_network(choice) for choice in ("compact", *args.network)]
    painters = [load_weights(style.variants["fast"]) for style in list_styles() if "fast" in style.variants]
    unseen = find_files([args.pictures], PICTURES)[::HELD_OUT_EVERY][: args.photographs]
    paintings = [to_tensor(read_picture(path, 512))[None] for path in find_files([args.styles], PICTURES)]
    content: list[list[list[float]]] = [[] for _ in networks]
    style: list[list[list[float]]] = [[] for _ in networks]
    seen: list[Tensor] = []
    for path in unseen:
        images = versions(to_tensor(read_picture(path, _SIDE))[None], painters)
        seen += images[:: len(_STRENGTHS)].split(1)
        for index, network in enumerate(networks):
            content[index].append(content_distances(network, images))
            style[index] += style_distances(network, images, paintings)
    print(f"{len(unseen)} photographs in {len(images)} versions each, {len(paintings)} paintings")
    for (one, first), (two, second) in itertools.combinations(enumerate(networks), 2):
        means = [
            np.mean([spearman(np.array(a), np.array(b)) for a, b in zip(table[one], table[two], strict=True)])
            for table in (style, content)
        ]
        print(f"{first.name:>16} and {second.name:<16} style {means[0]:.3f}, content {means[1]:.3f}")
    compact, *others = networks
    for other in others:
        for depth in compact.depths if isinstance(compact, SlimVGG) and isinstance(other, SlimVGG) else ():
            errors = [[error.item() for error in distance(compact, other, image, [depth])] for image in seen]
            features, grams = np.mean(errors, 0)
            print(f"{compact.name:>16} for {other.name:<16} {depth}: features {features:.3f}, Gram {grams:.3f}")


if __name__ == "__main__":
    main()
