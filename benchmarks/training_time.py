"""How long does training take? A run beside one of four times as many steps.

    reconet train --style examples/mosaic.jpg --loss-network compact --init none --steps 1500 -o runs/short
    reconet train --style examples/mosaic.jpg --loss-network compact --init none --steps 6000 -o runs/long
    python benchmarks/training_time.py runs/short runs/long

Prints when the short run was finished, how its held-out perceptual loss compares with that of the long one, and when
the long run itself came within a tenth of its own end.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

_NEAR = 1.1


def history(folder: Path, variant: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The measurements on held-out pairs during a run, and its card."""
    lines = (folder / "run" / variant / "held-out.jsonl").read_text(encoding="utf-8").splitlines()
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))["variants"][variant]
    return [json.loads(line) for line in lines], card


def main() -> None:
    """Print both runs and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs=2, type=Path)
    parser.add_argument("--variant", default="fast")
    args = parser.parse_args()
    ends = []
    for folder in args.runs:
        measured, card = history(folder, args.variant)
        end = card["held_out_losses"]["perceptual"]
        near = next(entry for entry in measured if entry["perceptual"] <= _NEAR * end)
        ends.append(end)
        print(
            f"{folder.name:<12} {card['steps']:>6} steps {card['seconds'] / 60:>6.1f} min, perceptual loss {end:.3f};"
            f" within 10 % of it after {near['step']} steps, {near['seconds'] / 60:.1f} min"
        )
    print(f"the first is {ends[0] / ends[1] - 1:+.1%} from the second")


if __name__ == "__main__":
    main()
