"""Let the predictor of norms see paintings through a new compact loss network.

    python weights/base/redescribe.py --before OLD.safetensors --paintings PAINTINGS --more PICTURES

What the predictor gets of a painting are a few components of its description, which follows from what the compact loss
network sees. When that network is distilled again, this finds the components of its descriptions that come closest to
those of the descriptions before, by least squares over the paintings of `learn.py`. Everything else stays.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from learn import held_out, paintings_of  # type: ignore[import-not-found]
from safetensors.torch import load_file, save_file
from torch import Tensor

from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.norms import NORMS_FILE, describe
from reconet_cli.training.data.sources import PICTURES, find_files

# How strongly the fit is held back, as a share of a description's variance.
_HELD_BACK = 0.03


def descriptions(files: list[Path], loss_network: str) -> Tensor:
    """What each painting is like, as it is and changed, `(N, D)`."""
    paintings = paintings_of(files, load_loss_network(loss_network))
    return torch.stack([describe(each.grams, each.colors) for each in paintings])


def components(basis: Tensor, mean: Tensor, described: Tensor) -> Tensor:
    """The components `(N, C)` of descriptions `(N, D)`."""
    return (described - mean) @ basis.T


def fitted(described: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """The basis `(C, D)` and mean `(D,)` whose components of descriptions come closest to those that are wanted.

    There are fewer paintings than values in a description, so it is solved between paintings.
    """
    mean, spread = described.mean(0), described.std(0) + 1e-3
    values = ((described - mean) / spread).double()
    inner = values @ values.T / values.shape[1]
    held = _HELD_BACK * inner.diagonal().mean() * torch.eye(len(inner), dtype=torch.float64)
    basis = torch.linalg.solve(inner + held, wanted.double()).T @ values / values.shape[1]
    return basis.float() / spread, mean


def main() -> None:
    """Fit, say how well on paintings that are held out, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", required=True, help="the compact network that the predictor has learned with")
    parser.add_argument("--paintings", type=Path, required=True, help="folder; some are held out")
    parser.add_argument("--more", type=Path, action="append", default=[], help="other paintings that were learned")
    parser.add_argument("--norms", type=Path, default=Path(__file__).with_name(NORMS_FILE))
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    state = load_file(args.norms)
    mean, basis = state["mean"].float(), state["basis"].float()
    found = find_files([args.paintings], PICTURES)
    apart = held_out(found)
    learned = [path for path in found if path not in set(apart)] + find_files(args.more, PICTURES)
    wanted, other = (components(basis, mean, descriptions(files, args.before)) for files in (learned, apart))
    new_basis, new_mean = fitted(descriptions(learned, "compact"), wanted - wanted.mean(0))
    # The old components need not have a mean of zero.
    new_mean = new_mean - torch.linalg.lstsq(new_basis, wanted.mean(0)[:, None]).solution[:, 0]
    seen = descriptions(apart, "compact")
    for name, got in (("as it was", components(basis, mean, seen)), ("fitted", components(new_basis, new_mean, seen))):
        print(f"{name}: off by {((got - other).square().mean() / other.square().mean()).sqrt():.3f}")
    state["mean"], state["basis"] = new_mean.half(), new_basis.half()
    save_file(state, args.norms)


if __name__ == "__main__":
    main()
