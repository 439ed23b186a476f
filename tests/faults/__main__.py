"""Inject random faults and print a table by kind."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.faults.kinds import KINDS, attempt, kind_of
from tests.faults.material import Material
from tests.faults.trial import Trial


def main() -> int:
    """The number of wrong runs as an exit status, 1 at most."""
    options = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    options.add_argument("--runs", type=int, default=100)
    options.add_argument("--seed", type=int, default=0, help="of the first run; each further one has the next")
    options.add_argument("--patience", type=float, default=30, help="seconds that a run may take after its fault")
    options.add_argument("--only", type=int, metavar="SEED", help="one run alone")
    asked = options.parse_args()
    seeds = range(asked.seed, asked.seed + asked.runs) if asked.only is None else [asked.only]
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        (home := Path(folder) / "material").mkdir()
        material = Material(home)
        for seed in seeds:
            trial = Trial(material, Path(folder) / str(seed), seed, asked.patience)
            done = attempt(trial, seed)
            counts[kind_of(seed)]["wrong" if trial.wrong else "right" if done else "skipped"] += 1
            for reason in trial.wrong:
                print(f"seed {seed} ({kind_of(seed)}): {reason}", flush=True)
    print(f"{'':26} right  wrong  skipped")
    for kind, count in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        print(f"{kind:26} {count['right']:5}  {count['wrong']:5}  {count['skipped']:7}")
    return int(any(count["wrong"] for count in counts.values()))


sys.exit(main())
