"""A few of the random faults of `python -m tests.faults`, and what they have found."""

from collections.abc import Iterator

import pytest

from reconet_cli import cli
from reconet_cli.video.ffmpeg.locate import find_ffmpeg
from tests.faults.kinds import attempt, kind_of
from tests.faults.material import Material
from tests.faults.trial import Trial

# One of each sort that takes little time: signals, disks, pipes, files.
SEEDS = [2, 5, 12, 26, 34, 40]


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Material]:
    found = Material(tmp_path_factory.mktemp("material"), find_ffmpeg())
    yield found
    found.close()


@pytest.mark.parametrize("seed", SEEDS, ids=kind_of)
def test_fault(material, tmp_path, seed):
    trial = Trial(material, tmp_path / "trial", seed)
    trial.cold = False
    if not attempt(trial, seed):
        pytest.skip("not on this machine")
    assert trial.wrong == [], trial.told


def test_an_interrupt_that_a_library_turned_into_an_error_is_one(monkeypatch, capfd):
    def load(**options: object) -> None:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt as interrupt:
            raise ImportError("initialization failed") from interrupt

    monkeypatch.setattr(cli.cli, "main", lambda **options: load())
    assert cli.run(["styles"]) == 130
    assert "interrupted" in capfd.readouterr().err
