"""The limits that Linux control groups (containers, Slurm, systemd) set to this process."""

from __future__ import annotations

from pathlib import Path

_MOUNT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def groups(controller: str, mount: Path = _MOUNT, own: Path = _OWN) -> list[Path]:
    """The folders of this process's group and of all above it: of version 2, and a `controller`'s of version 1."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            # In a container the path may be the host's: its own group is the mount itself then.
            folder = (mount / controller if controllers else mount) / path.lstrip("/")
            found += [each for each in (folder, *folder.parents) if each.is_relative_to(mount)]
    return found


def free_memory(mount: Path = _MOUNT, own: Path = _OWN) -> int | None:
    """Bytes left of the tightest limit, files in memory that can be dropped included; None without any limit."""
    return min((left for group in groups("memory", mount, own) if (left := _left(group)) is not None), default=None)


def _left(group: Path) -> int | None:
    for limit, used in (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")):
        try:
            left = int((group / limit).read_text()) - int((group / used).read_text())
            statistics = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):  # no such file, or "max"
            continue
        return max(0, left) + int(statistics.get("inactive_file", statistics.get("total_inactive_file", 0)))
    return None


def processor_time(mount: Path = _MOUNT, own: Path = _OWN) -> float | None:
    """How many processors' time the tightest quota grants, as `docker --cpus 1.5` does; None without any quota."""
    return min((quota for group in groups("cpu", mount, own) if (quota := _quota(group)) is not None), default=None)


def _quota(group: Path) -> float | None:
    try:
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota, period = ((group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else None  # -1: no limit
    except (OSError, ValueError, ZeroDivisionError):  # no such file, or "max"
        return None
