"""Python packages: each is imported in a process of its own, because a broken one may take its process down."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from reconet_cli.diagnosis.finding import Finding, State

_PATIENCE = 120  # seconds; the first import after an installation compiles everything
_OPENCV = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
_NOT_FFMPEG_PYTHON = ("ffmpeg", "python-ffmpeg")


@dataclass(frozen=True)
class _Package:
    """An importable `module` of a `distribution`; `code` may set `more`, what there is to say besides the version.

    `without` is the state where it does not work.
    """

    distribution: str
    module: str
    code: str = ""
    without: State = "broken"
    advice: str = ""


_TORCH = """
if module.cuda.is_available():
    more = ", ".join(f"cuda:{i} {module.cuda.get_device_name(i)}" for i in range(module.cuda.device_count()))
elif module.backends.mps.is_available():
    more = "mps"
else:
    more = f"cpu, {module.get_num_threads()} threads"
"""
PACKAGES = (
    _Package("torch", "torch", _TORCH),
    _Package("openvino", "openvino", 'more = ", ".join(module.Core().available_devices)', "warning",
             "pip install --force-reinstall openvino, the fastest engine on CPUs; --engine torch works without it"),
    _Package("opencv-contrib-python", "cv2", "module.DISOpticalFlow_create; module.optflow"),
    _Package("numpy", "numpy"),
    _Package("safetensors", "safetensors.torch"),
    _Package("pillow", "PIL.ImageCms", without="warning"),
    _Package("jinja2", "jinja2", without="warning"),
    _Package("ffmpeg-python", "ffmpeg", "module.input; module.get_args"),
    _Package("imageio-ffmpeg", "imageio_ffmpeg", without="info"),
    _Package("onnx", "onnx", without="info", advice="only `reconet export` to ONNX needs it, and onnxscript"),
    _Package("onnxruntime", "onnxruntime", 'more = ", ".join(module.get_available_providers())', "info",
             "only `--engine onnxruntime` and the check of exported ONNX files need it"),
    _Package("torchvision", "torchvision", without="info", advice="only `reconet flow --method raft` needs it"),
    _Package("pyvirtualcam", "pyvirtualcam", without="info", advice="only `reconet live --virtual-camera` needs it"),
    _Package("watchfiles", "watchfiles", without="info", advice="only `reconet stylize --watch` needs it"),
    _Package("distributed", "distributed", without="info", advice="only `reconet stylize --cluster` needs it"),
)  # fmt: skip
_SCRIPT = """
import importlib, json, sys
sys.modules["openvino_telemetry"] = None  # as in engines/: nothing is reported to anybody
more = ""
try:
    module = importlib.import_module(sys.argv[1])
    exec(sys.argv[2])
    print(json.dumps({"more": more}))
except BaseException as problem:
    print(json.dumps({"problem": f"{type(problem).__name__}: {problem}"}))
"""


def examine_packages() -> list[Finding]:
    """A finding for each package, after one for each clash between distributions."""
    there = versions()
    with ThreadPoolExecutor(2) as pool:
        findings = list(pool.map(lambda package: _examine(package, there), PACKAGES))
    return [*_clashes(there, broken={finding.about for finding in findings if finding.state == "broken"}), *findings]


def versions() -> dict[str, str]:
    """Version by distribution, all that are installed."""
    found = {}
    for distribution in metadata.distributions():
        try:
            found[distribution.metadata["Name"].lower().replace("_", "-")] = distribution.version
        except Exception:  # metadata may be damaged in any way; then it names no package
            continue
    return found


def _examine(package: _Package, there: dict[str, str]) -> Finding:
    kin = next((name for name in (package.distribution, *_kin(package)) if name in there), None)
    said = _import(package.module, package.code)
    advice = package.advice or f"pip install --force-reinstall {package.distribution}"
    if "problem" not in said:
        version = there[kin] if kin else "of unknown version"
        return Finding(package.distribution, "ok", f"{version} ({said['more']})" if said["more"] else version)
    if kin is None and package.without == "info":
        return Finding(package.distribution, "info", "not installed", package.advice)
    value = f"{there[kin]} does not work: {said['problem']}" if kin else "not installed"
    return Finding(package.distribution, package.without, value, advice)


def _kin(package: _Package) -> Iterable[str]:
    return _OPENCV if package.module == "cv2" else ()


def _import(module: str, code: str) -> dict[str, Any]:
    """What a fresh interpreter says about importing a module: `more`, or `problem`."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _SCRIPT, module, code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
        )
        said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return said
    except subprocess.TimeoutExpired:
        return {"problem": f"importing it takes more than {_PATIENCE} seconds"}
    except (OSError, ValueError, IndexError):
        return {"problem": "importing it ends Python"}


def _clashes(there: dict[str, str], broken: set[str]) -> Iterator[Finding]:
    """Distributions that install files of the same names."""
    opencv = [name for name in _OPENCV if name in there]
    if len(opencv) > 1:
        yield Finding(
            "OpenCV", "broken" if "opencv-contrib-python" in broken else "warning",
            f"{' and '.join(opencv)} are both installed and overwrite each other",
            f"pip uninstall -y {' '.join(opencv)} && pip install opencv-contrib-python",
        )  # fmt: skip
    elif opencv and "contrib" not in opencv[0]:
        yield Finding(
            "OpenCV", "warning", f"{opencv[0]} lacks the contributed modules",
            f"pip uninstall -y {opencv[0]} && pip install opencv-contrib-python",
        )  # fmt: skip
    wrong = [name for name in _NOT_FFMPEG_PYTHON if name in there]
    if wrong:
        yield Finding(
            "ffmpeg module", "broken" if "ffmpeg-python" in broken else "warning",
            f"{' and '.join(wrong)} from PyPI is another package of the same name as ffmpeg-python",
            f"pip uninstall -y {' '.join(wrong)} && pip install --force-reinstall ffmpeg-python",
        )  # fmt: skip
