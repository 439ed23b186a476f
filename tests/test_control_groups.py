"""Limits of containers: memory and processors, as both versions of control groups state them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from processes import PATIENCE

from reconet_cli.system import processors
from reconet_cli.system.control_groups import free_memory, processor_time

FREE = {"memory.max": "1000", "memory.current": "700", "memory.stat": "inactive_file 50\nx 1"}
OLD_FREE = {
    "memory.limit_in_bytes": "1000", "memory.usage_in_bytes": "1100", "memory.stat": "total_inactive_file 20",
}  # fmt: skip


def tree(mount: Path, own: str, **groups: dict[str, str]) -> tuple[Path, Path]:
    """A file system of control groups, and the file that says which is a process's own."""
    for folder, files in groups.items():
        for name, text in files.items():
            path = mount / "mount" / folder.replace("__", "/") / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
    (mount / "own").write_text(own)
    return mount / "mount", mount / "own"


@pytest.mark.parametrize(
    ("own", "groups", "left"),
    [
        ("0::/job/task\n", {"job": FREE, "job__task": {"memory.max": "max", "memory.current": "5"}}, 350),
        ("0::/job\n", {"job": {**FREE, "memory.current": "1200"}}, 50),
        ("7:memory:/docker/x\n", {"memory": OLD_FREE}, 20),  # the path is the host's
        ("0::/\n", {"job": FREE}, None),
    ],
)
def test_memory(tmp_path, own, groups, left):
    assert free_memory(*tree(tmp_path, own, **groups)) == left


@pytest.mark.parametrize(
    ("own", "groups", "quota"),
    [
        ("0::/\n", {".": {"cpu.max": "200000 100000"}}, 2.0),
        ("0::/job/task\n", {"job": {"cpu.max": "150000 100000"}, "job__task": {"cpu.max": "max 100000"}}, 1.5),
        ("4:cpu,cpuacct:/docker/x\n", {"cpu": {"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000"}}, 0.5),
        ("4:cpu,cpuacct:/\n", {"cpu": {"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"}}, None),
        ("1:cpuset:/\n", {"cpu": {"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000"}}, None),
    ],
)
def test_processor_time(tmp_path, own, groups, quota):
    assert processor_time(*tree(tmp_path, own, **groups)) == quota


@pytest.mark.parametrize(("quota", "threads"), [(0.5, 1), (1.0, 1), (None, processors.processors())])
def test_no_more_threads_than_a_quota_feeds(monkeypatch, quota, threads):
    monkeypatch.setattr(processors, "processor_time", lambda: quota)
    assert processors.processors() == threads


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be chosen here")
def test_children_are_held_to_the_quota_too():
    """As ffmpeg, which counts processors by itself."""
    count = "import os; print(len(os.sched_getaffinity(0)))"
    code = (
        "import subprocess, sys; from reconet_cli import cli; from reconet_cli.system import processors;"
        "processors.processor_time = lambda: 0.5;"
        f"cli.run = lambda _, first: first() or subprocess.run([sys.executable, '-c', {count!r}]).returncode;"
        "cli.main()"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=PATIENCE).stdout == b"1\n"
