"""Inject random faults and print a table by kind."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from reconet_cli.video.ffmpeg.locate import find_ffmpeg
from tests.faults.kinds import KINDS, attempt, kind_of
from tests.faults.material import Material
from tests.faults.trial import Trial


def main() -> int:
    """The number of wrong runs as an exit status, 1 at most."""
    options = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    options.add_argument("--runs", type=int, default=100)
    options.add_argument("--seed", type=int, default=0, help="of the first run; each further one has the next")
    options.add_argument("--step", type=int, default=1, help="how far seeds are apart, where several run at once")
    options.add_argument("--only", type=int, metavar="SEED", action="append", help="these runs alone")
    options.add_argument("--kind", action="append", help="kinds alone that have this in their names")
    asked = options.parse_args()
    seeds = asked.only or range(asked.seed, asked.seed + asked.runs * asked.step, asked.step)
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        (home := Path(folder) / "material").mkdir()
        material = Material(home, find_ffmpeg())
        for seed in seeds:
            kind = kind_of(seed)
            if asked.kind and not any(part in kind for part in asked.kind):
                continue
            trial = Trial(material, Path(folder) / str(seed), seed)
            started = time.monotonic()
            done = attempt(trial, seed)
            counts[kind]["wrong" if trial.wrong else "right" if done else "skipped"] += 1
            counts[kind]["seconds"] += int(1000 * (time.monotonic() - started))
            if trial.wrong or asked.only:
                print(f"seed {seed} ({kind}): " + " | ".join(trial.told), flush=True)
                for reason in trial.wrong:
                    print(f"    {reason}", flush=True)
            shutil.rmtree(trial.folder, ignore_errors=True)
        material.close()
    print(f"{'':26} right  wrong  skipped  seconds each")
    for kind, count in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        runs = count["right"] + count["wrong"] + count["skipped"]
        if runs:
            each = count["seconds"] / 1000 / runs
            print(f"{kind:26} {count['right']:5}  {count['wrong']:5}  {count['skipped']:7}  {each:12.1f}")
    first, last = seeds[0], seeds[-1]
    print(f"seeds {first} to {last}, {time.monotonic() - begin:.0f} s, {material.ffmpeg}")
    return int(any(count["wrong"] for count in counts.values()))


sys.exit(main())
