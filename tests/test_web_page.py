"""The page of examples/web in a real browser, where Node.js, Chromium and the page's npm packages are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from reconet_cli.model.network import NetworkConfig, ReCoNet
from reconet_cli.model.weights import save_weights

WEB = Path(__file__).parents[1] / "examples/web"
BROWSER = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
NEEDED = {
    "Node.js": shutil.which("node"),
    "Chromium": BROWSER,
    "examples/web/node_modules (npm ci)": (WEB / "node_modules/playwright-core").is_dir(),
    "reconet[export]": all(find_spec(name) for name in ("onnx", "onnxruntime", "onnxscript")),
}
MISSING = [name for name, there in NEEDED.items() if not there]


@pytest.mark.skipif(bool(MISSING), reason=f"not here: {', '.join(MISSING)}")
def test_the_page_paints_a_still_as_stylize_does(tmp_path):
    torch.manual_seed(0)
    network = ReCoNet(NetworkConfig("fast", (8, 8, 8), 1))
    with torch.no_grad():
        # A new network paints nearly gray.
        network.body.head.weight *= 10
    save_weights(tmp_path / "random.safetensors", network, {})
    environment = {
        **os.environ, "PYTHON": sys.executable, "CHROMIUM": str(BROWSER), "STYLE": str(tmp_path / "random.safetensors")
    }  # fmt: skip
    # One of the page's tests; `npm test` runs all.
    words = ["node", "--test", "--test-name-pattern=still", "test/page.test.mjs"]
    tests = subprocess.run(words, cwd=WEB, env=environment, capture_output=True, text=True, timeout=600)
    assert tests.returncode == 0, tests.stdout + tests.stderr
    assert "code values" in tests.stdout
