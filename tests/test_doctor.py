"""`reconet doctor` on this installation, and on ones that are broken on purpose."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import reconet_cli.diagnosis.packages
from reconet_cli import cli

SLOW = (
    "torch", "openvino", "safetensors", "torchvision", "onnx", "onnxruntime", "distributed", "pyvirtualcam",
    "watchfiles", "jinja2",
)  # fmt: skip
GPUS = """
class cuda:
    is_available = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 2)
    get_device_name = staticmethod("card {}".format)
"""


@pytest.fixture
def site(tmp_path) -> Path:
    """A folder that comes before the installed packages, with quick stand-ins for the slow ones."""
    site = tmp_path / "site"
    for name in SLOW:
        module(site, name, "")
    module(site, "torch", GPUS)
    module(site, "openvino", "class Core:\n    available_devices = ['CPU', 'GPU']\n")
    (site / "safetensors/torch.py").touch()
    return site


def module(site: Path, name: str, code: str) -> None:
    (site / name).mkdir(parents=True, exist_ok=True)
    (site / name / "__init__.py").write_text(code)


def distribution(site: Path, name: str, version: str) -> None:
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def examine(site: Path, **environment: str) -> tuple[int, dict[str, dict[str, str]]]:
    """Exit status and findings by what they are about."""
    done = subprocess.run(
        [sys.executable, "-m", "reconet_cli", "doctor", "--json"], capture_output=True, text=True, timeout=100,
        env={**os.environ, "PYTHONPATH": str(site), **environment},
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    said = json.loads(done.stdout)
    assert said["broken"] == (done.returncode == 1)
    return done.returncode, {finding["about"]: finding for finding in said["findings"]}


def test_this_installation(capfd):
    assert cli.run(["doctor"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    lines = {line[9:].split("  ")[0].strip(): line for line in out.splitlines()}
    assert os.environ["RECONET_FFMPEG"] in lines["ffmpeg"]
    assert "by RECONET_FFMPEG" in lines["ffmpeg"]
    for about in ("torch", "openvino", "opencv-contrib-python", "ffmpeg-python", "encoder libx264", "free memory"):
        assert lines[about].startswith("ok"), about
    assert "CPU" in lines["openvino"]


def test_devices_are_listed(site):
    status, found = examine(site)
    assert status == 0
    assert "cuda:0 card 0, cuda:1 card 1" in found["torch"]["value"]
    assert "CPU, GPU" in found["openvino"]["value"]


def test_broken_packages_are_findings(site):
    module(site, "torch", "raise OSError('libtorch_cpu.so: cannot open shared object file')")
    module(site, "cv2", "import os; os.abort()")
    module(site, "openvino", "raise ImportError('no libtbb')")
    module(site, "numpy", "raise SystemExit('broken')")
    status, found = examine(site)
    assert status == 1
    assert found["torch"]["state"] == "broken"
    assert "libtorch_cpu.so" in found["torch"]["value"]
    assert found["torch"]["advice"] == "pip install --force-reinstall torch"
    assert found["opencv-contrib-python"]["state"] == "broken"
    assert "ends Python" in found["opencv-contrib-python"]["value"]
    assert found["numpy"]["state"] == "broken"
    # PyTorch can stand in for OpenVINO.
    assert found["openvino"]["state"] == "warning"
    assert "--engine torch" in found["openvino"]["advice"]


def test_clashing_opencv_packages(site):
    distribution(site, "opencv-python", "4.12.0")
    distribution(site, "opencv-contrib-python", "4.12.0")
    status, found = examine(site)
    assert status == 0  # what is there does work
    assert found["OpenCV"]["state"] == "warning"
    assert "opencv-python and opencv-contrib-python" in found["OpenCV"]["value"]
    assert "pip uninstall -y opencv-python opencv-contrib-python" in found["OpenCV"]["advice"]
    module(site, "cv2", "")  # the one without contributed modules has won
    status, found = examine(site)
    assert status == 1
    assert found["OpenCV"]["state"] == "broken"


@pytest.mark.parametrize("name", ["ffmpeg", "python-ffmpeg"])
def test_wrong_ffmpeg_package(site, name):
    distribution(site, name, "1.4")
    module(site, "ffmpeg", "class FFmpeg: pass")
    status, found = examine(site)
    assert status == 1
    assert found["ffmpeg-python"]["state"] == "broken"
    assert found["ffmpeg module"]["value"].startswith(f"{name} from PyPI")
    assert f"pip uninstall -y {name} &&" in found["ffmpeg module"]["advice"]


def test_no_ffmpeg(site, tmp_path):
    status, found = examine(site, RECONET_FFMPEG=str(tmp_path / "none"))
    assert status == 1
    assert found["ffmpeg"]["state"] == "broken"
    assert found["ffmpeg"]["advice"]
    assert "encoder libx264" not in found


def test_encoders_are_tried_not_looked_up(site, tools, tmp_path):
    # An ffmpeg that lists every encoder and can start only one of them, as without a driver.
    fake = tmp_path / "ffmpeg"
    fake.write_text(f'#!/bin/sh\ncase "$*" in *-frames:v*libx264*) exit 1;; *-frames:v*nvenc*) exit 0;; esac\n'
                    f'exec "{tools.ffmpeg}" "$@"\n')  # fmt: skip
    fake.chmod(0o755)
    status, found = examine(site, RECONET_FFMPEG=str(fake))
    assert status == 1
    assert found["encoder libx264"]["state"] == "broken"
    assert found["encoder gif"]["state"] == "ok"
    assert found["hardware encoders"]["value"] == "h264_nvenc"


def test_damaged_metadata_and_a_part_that_fails(site, tmp_path, monkeypatch, capfd):
    (site / "x-1.dist-info").mkdir()
    (site / "x-1.dist-info/METADATA").write_bytes(b"\xff\xfe\x00")
    (site / "y-1.dist-info").mkdir()
    assert examine(site)[0] == 0
    monkeypatch.setattr(reconet_cli.diagnosis.packages, "PACKAGES", ())
    monkeypatch.setattr(reconet_cli.diagnosis.packages, "versions", lambda: 1 / 0)
    assert cli.run(["doctor"]) == 1
    assert "ZeroDivisionError" in capfd.readouterr().out
