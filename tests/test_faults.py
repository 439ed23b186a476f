"""A few of the random faults of `python -m tests.faults`, and what they have found."""

import pytest

from reconet_cli import cli
from tests.faults.kinds import attempt, kind_of
from tests.faults.material import Material
from tests.faults.trial import Trial
from tests.processes import PATIENCE

# Those that take the least time, but for the last, which once gave a result with a damaged part in it.
SEEDS = [46, 70, 2, 49, 32, 11, 34, 12, 35, 17, 40, 19]


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return Material(tmp_path_factory.mktemp("material"))


@pytest.mark.parametrize("seed", SEEDS, ids=kind_of)
def test_fault(material, tmp_path, seed):
    trial = Trial(material, tmp_path / "trial", seed, PATIENCE)
    if not attempt(trial, seed):
        pytest.skip("not on this machine")
    assert trial.wrong == []


def test_an_interrupt_that_a_library_turned_into_an_error_is_one(monkeypatch, capfd):
    def load(**options: object) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interrupt:
            raise ImportError("initialization failed") from interrupt

    monkeypatch.setattr(cli.cli, "main", lambda **options: load())
    assert cli.run(["styles"]) == 130
    assert "interrupted" in capfd.readouterr().err
