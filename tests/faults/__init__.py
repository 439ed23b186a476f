"""Random faults in real runs: `python -m tests.faults --runs 100 --seed 1`."""
