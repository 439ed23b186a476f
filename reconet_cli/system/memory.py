"""How much memory there is."""

from __future__ import annotations

from pathlib import Path

from reconet_cli.system import control_groups


def free_memory() -> int | None:
    """Bytes that this process may still take: of the machine and of its control groups; None where nobody says."""
    return min((value for value in (_machine(), control_groups.free_memory()) if value is not None), default=None)


def _machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
