"""The way to a Dask cluster: one on this machine, one that runs already, or one that a batch system starts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from reconet_cli.errors import ReconetError
from reconet_cli.system.processors import processors

log = logging.getLogger("reconet")

_SCHEMES = ("tcp://", "tls://", "ucx://", "ws://", "wss://")
_BATCH_SYSTEMS = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster", "sge": "SGECluster"}
_PATIENCE = 10.0  # seconds for a scheduler to answer
# What jobs of a batch system get unless the spec says more; dask-jobqueue takes its keys.
_JOB = {"cores": 1, "processes": 1, "memory": "4GB"}


@contextmanager
def connect(spec: str) -> Iterator[Any]:
    """A `distributed.Client` for `local:N`, `tcp://host:port`, `scheduler.json` or `slurm:queue=gpu,workers=64`.

    Raises `ReconetError` where there is no such cluster.
    """
    distributed = _distributed()
    kind, _, rest = spec.partition(":")
    with ExitStack() as stack:
        stack.enter_context(_own_words())
        options: dict[str, Any] = {"timeout": _PATIENCE}
        try:
            if kind == "local":
                options["address"] = stack.enter_context(_local(distributed, rest))
            elif kind in _BATCH_SYSTEMS:
                options["address"] = stack.enter_context(_batch(kind, rest))
            elif spec.startswith(_SCHEMES):
                options["address"] = spec
            elif Path(spec).is_file():
                options["scheduler_file"] = spec
            else:
                raise ReconetError(
                    f"{spec} names no cluster",
                    "use local:4, tcp://host:8786, a scheduler's file, or slurm:queue=gpu,workers=64",
                )
            client = stack.enter_context(distributed.Client(**options))
        except (OSError, TimeoutError, asyncio.TimeoutError, ValueError) as problem:
            reason = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
            raise ReconetError(f"no scheduler answers at {spec}: {reason}", "see that it runs") from problem
        yield client


@contextmanager
def _own_words() -> Iterator[None]:
    """Dask logs traces of all that goes wrong on the way; what matters of that is told in one line."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def runs_already(spec: str) -> bool:
    """Whether a spec names a cluster that runs without us, and so may come back."""
    return spec.startswith(_SCHEMES) or Path(spec).is_file()


def workers_asked(spec: str) -> int | None:
    """How many workers a spec starts; None for a cluster that runs already."""
    kind, _, rest = spec.partition(":")
    if kind == "local":
        return _count(rest)
    return int(_settings(rest).get("workers", 1)) if kind in _BATCH_SYSTEMS else None


def processors_of_worker(spec: str) -> int | None:
    """What each worker process may use: local ones share this machine, others have one for themselves."""
    count = workers_asked(spec) if spec.startswith("local") else None
    return max(1, processors() // count) if count else None


def _local(distributed: Any, count: str) -> Any:
    import dask

    # Dask has workers give memory back at once, which costs video a tenth of its speed.
    with dask.config.set({"distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None}):
        return distributed.LocalCluster(
            n_workers=_count(count), threads_per_worker=1, processes=True, memory_limit=0,
            dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL,
        )  # fmt: skip


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1024:
        raise ReconetError(f"local:{text} has no number of workers", "use local:4")
    return int(text)


@contextmanager
def _batch(kind: str, rest: str) -> Iterator[Any]:
    try:
        import dask_jobqueue
    except ImportError as problem:
        raise ReconetError(f"{kind}: needs the Python package dask-jobqueue", "pip install dask-jobqueue") from problem
    settings = _settings(rest)
    workers = int(settings.pop("workers", 1))
    with getattr(dask_jobqueue, _BATCH_SYSTEMS[kind])(**{**_JOB, **settings}) as cluster:
        cluster.scale(workers)
        yield cluster


def _settings(text: str) -> dict[str, Any]:
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    if not all(equals for _, equals, _ in pairs):
        raise ReconetError(f"{text}: not of the kind name=value,name=value", "use slurm:queue=gpu,workers=64")
    return {name: int(value) if value.isdigit() else value for name, _, value in pairs}


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as problem:
        raise ReconetError(
            "--cluster needs the Python package distributed", 'pip install "reconet[cluster]"'
        ) from problem
    return distributed
