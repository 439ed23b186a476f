"""The networks, their weights files and the loss networks."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from reconet_cli.engines.rewrites import fold_upscaling
from reconet_cli.errors import StyleError
from reconet_cli.model.layers import FilterResponseNorm
from reconet_cli.model.loss_files import load_loss_network
from reconet_cli.model.loss_networks import VGG16
from reconet_cli.model.losses import gram_matrix
from reconet_cli.model.network import NetworkConfig, ReCoNet, build_network, pad_to_multiple
from reconet_cli.model.weights import load_weights, read_metadata, save_weights
from reconet_cli.styles.finding import find_style, list_styles

small_configs = [
    NetworkConfig(family, (4, 6, 8), 1, norm) for family in ("paper", "fast") for norm in ("instance", "frn")
]


def gmac(network: ReCoNet, height: int, width: int) -> float:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.to("meta")(torch.zeros(1, 3, height, width, device="meta"))  # counted, not computed
    return counter.get_total_flops() / 2e9


@pytest.mark.parametrize(("variant", "expected"), [("paper", 67.5), ("paper-medium", 35.4), ("paper-small", 15.8)])
def test_paper_shapes_cost_what_the_paper_says(variant, expected):
    assert gmac(build_network(variant).eval(), 360, 640) == pytest.approx(expected, rel=0.01)


def test_fast_stays_in_its_budget():
    assert gmac(fold_upscaling(build_network("fast")), 360, 640) <= 4.0
    assert gmac(build_network("fast").eval(), 360, 640) <= 4.0


@pytest.mark.parametrize("config", small_configs, ids=lambda c: f"{c.family}-{c.norm}")
@settings(max_examples=15)
@given(size=st.tuples(st.integers(1, 41), st.integers(1, 41)))
def test_any_size_comes_back_in_range(config, size):
    painted = ReCoNet(config).eval()(torch.rand(2, 3, *size))
    assert painted.shape == (2, 3, *size)
    assert painted.min() >= 0
    assert painted.max() <= 1


@given(st.tuples(st.integers(1, 50), st.integers(1, 50)), st.sampled_from([4, 8]))
def test_padding_adds_only_on_the_right_and_below(size, multiple):
    image = torch.rand(1, 2, *size)
    padded = pad_to_multiple(image, multiple)
    assert padded.shape[-2] % multiple == 0
    assert padded.shape[-1] % multiple == 0
    assert torch.equal(padded[..., : size[0], : size[1]], image)


@pytest.mark.parametrize("variant", ["fast", "paper-small"])
@pytest.mark.parametrize("size", [(96, 128), (101, 77), (5, 9)])
def test_folded_network_equals_the_plain_one(variant, size):
    torch.manual_seed(1)
    network = build_network(variant).eval()
    image = torch.rand(1, 3, *size)
    with torch.no_grad():
        assert (network(image) - fold_upscaling(network)(image)).abs().max() < 1e-4


def test_filter_response_norm_matches_its_paper():
    layer = FilterResponseNorm(3)
    with torch.no_grad():
        layer.weight.uniform_(0.5, 2)
        layer.bias.uniform_(-1, 1)
        layer.threshold.uniform_(-1, 1)
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 7)).astype(np.float32)
    g, b, t = (p.detach().numpy()[None, :, None, None] for p in (layer.weight, layer.bias, layer.threshold))
    expected = np.maximum(g * x / np.sqrt((x**2).mean((2, 3), keepdims=True) + 1e-6) + b, t)
    np.testing.assert_allclose(layer(torch.from_numpy(x)).detach().numpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("config", small_configs, ids=lambda c: f"{c.family}-{c.norm}")
def test_weights_file_round_trip(tmp_path, config):
    network = ReCoNet(config).eval()
    save_weights(tmp_path / "fast.safetensors", network, {"style": "test", "steps": 3})
    loaded = load_weights(tmp_path / "fast.safetensors")
    assert loaded.config == config
    assert read_metadata(tmp_path / "fast.safetensors")["recipe"] == {"style": "test", "steps": 3}
    image = torch.rand(1, 3, 20, 24)
    assert (loaded(image) - network(image)).abs().max() < 0.01, "float16 storage changes little"
    assert [p.name for p in tmp_path.iterdir() if p.is_file()] == ["fast.safetensors"]


def hostile_files(folder):
    good = folder / "good.safetensors"
    save_weights(good, ReCoNet(small_configs[0]), {})
    data = good.read_bytes()
    meta = {"format": "reconet-1", "recipe": "{}"}
    tensors = {"a": torch.zeros(1)}
    config = small_configs[0].to_dict()
    yield "truncated", data[: len(data) // 2]
    yield "empty", b""
    yield "garbage", b"\xff" * 4096
    for name, broken in {
        "foreign": None,
        "no config": meta,
        "other network": meta | {"config": json.dumps(config)},
        "huge network": meta | {"config": json.dumps(config | {"channels": [10**9] * 3})},
        "odd family": meta | {"config": json.dumps(config | {"family": "../../etc"})},
        "extra key": meta | {"config": json.dumps(config | {"code": "import os"})},
        "no JSON": meta | {"config": "{"},
        "a list": meta | {"config": "[1, 2]"},
        "nested lists": meta | {"config": "[" * 100_000},
    }.items():
        save_file(tensors, folder / "x", broken)
        yield name, (folder / "x").read_bytes()


def test_damaged_and_hostile_weights_give_a_message(tmp_path):
    for name, data in hostile_files(tmp_path):
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(data)
        with pytest.raises(StyleError) as caught:
            load_weights(path)
        assert name in str(caught.value), "the message names the file"


def test_styles_are_found_by_name_folder_and_file(tmp_path, monkeypatch):
    monkeypatch.setenv("RECONET_STYLES", str(tmp_path))
    folder = tmp_path / "mine"
    folder.mkdir()
    for variant in ("fast", "paper"):
        save_weights(folder / f"{variant}.safetensors", ReCoNet(small_configs[0]), {})
    assert find_style("mine").name == "fast.safetensors"
    assert find_style("mine", "paper").name == "paper.safetensors"
    assert find_style(str(folder)) == folder / "fast.safetensors"
    assert find_style(str(folder / "paper.safetensors")).name == "paper.safetensors"
    assert "mine" in {style.name for style in list_styles()}
    with pytest.raises(StyleError, match="mine"):
        find_style("no such style")
    with pytest.raises(StyleError, match="fast, paper"):
        find_style("mine", "tiny")


def test_where_training_starts_is_found_and_not_listed(tmp_path, monkeypatch):
    monkeypatch.setenv("RECONET_STYLES", str(tmp_path))
    assert "base" not in {style.name for style in list_styles()}
    assert find_style("base").parent.name == "base"
    (tmp_path / "base").mkdir()
    save_weights(tmp_path / "base/fast.safetensors", ReCoNet(small_configs[0]), {})
    assert find_style("base").parent.parent != tmp_path, "a user's style must not change where training starts"
    assert "base" not in {style.name for style in list_styles()}


def torchvision_like_vgg16() -> nn.Sequential:
    """The layers of torchvision's `vgg16().features`, written out as its documentation lists them."""
    layers: list[nn.Module] = []
    widths = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]
    inputs = 3
    for width in widths:
        if width == "M":
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
        else:
            layers += [nn.Conv2d(inputs, width, kernel_size=3, padding=1), nn.ReLU(inplace=False)]
            inputs = width
    return nn.Sequential(*layers)


def test_vgg16_reads_torchvisions_checkpoint(tmp_path):
    torch.manual_seed(0)
    features = torchvision_like_vgg16()
    state = {f"features.{name}": value for name, value in features.state_dict().items()}
    state["classifier.0.weight"] = torch.zeros(2, 2)
    torch.save(state, tmp_path / "vgg16.pth")
    image = torch.rand(1, 3, 32, 40)
    network = load_loss_network(str(tmp_path / "vgg16.pth"))
    own, seen = network(image), network.with_paper_layers()(image)
    normal = (image - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[
        :, None, None
    ]
    for gram, last in zip(seen.grams, (3, 8, 15, 22), strict=True):
        expected = gram_matrix(features[: last + 1](normal))
        torch.testing.assert_close(gram, expected, rtol=1e-4, atol=1e-8)
    torch.testing.assert_close(seen.contents, [features[:16](normal)])
    torch.testing.assert_close(own.contents, [features[:12](normal), features[:19](normal)])
    torch.testing.assert_close(own.grams[4], gram_matrix(features[:26](normal)), rtol=1e-4, atol=1e-8)


def distilled_arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    plan = {
        "conv0": (3, 3, 1),
        "conv11": (4, 3, 3),
        "conv12": (4, 4, 3),
        "conv21": (5, 4, 3),
        "conv22": (5, 5, 3),
    }
    plan |= {
        "conv31": (6, 5, 3),
        "conv32": (6, 6, 3),
        "conv33": (6, 6, 3),
        "conv34": (6, 6, 3),
        "conv41": (7, 6, 3),
        "conv42": (7, 7, 3),
        "conv43": (7, 7, 3),
        "conv44": (7, 7, 3),
        "conv51": (8, 7, 3),
    }
    plan |= {
        "conv11_aux": (8, 4, 1),
        "conv21_aux": (9, 5, 1),
        "conv31_aux": (10, 6, 1),
        "conv41_aux": (11, 7, 1),
        "conv51_aux": (12, 8, 1),
    }
    arrays = {}
    for name, (out, inputs, kernel) in plan.items():
        arrays[f"{name}.weight"] = rng.normal(size=(out, inputs, kernel, kernel)).astype(np.float32)
        arrays[f"{name}.bias"] = rng.normal(size=out).astype(np.float32)
    return arrays


def test_distilled_vgg19_equals_its_definition(tmp_path):
    arrays = distilled_arrays()
    np.savez(tmp_path / "loss.npz", **arrays)
    image = torch.rand(1, 3, 32, 32)

    def conv(x, name, relu=True):
        weight, bias = (torch.from_numpy(arrays[f"{name}.{part}"]) for part in ("weight", "bias"))
        if weight.shape[-1] == 3:
            x = nn.functional.pad(x, (1,) * 4, mode="reflect")
        x = nn.functional.conv2d(x, weight, bias)
        return x.relu() if relu else x

    x, grams, heads = conv(image, "conv0", relu=False), [], []
    for name in (
        "conv11",
        "conv12",
        "P",
        "conv21",
        "conv22",
        "P",
        "conv31",
        "conv32",
        "conv33",
        "conv34",
        "P",
        "conv41",
        "conv42",
        "conv43",
        "conv44",
        "P",
        "conv51",
    ):
        x = nn.functional.max_pool2d(x, 2) if name == "P" else conv(x, name)
        if name in ("conv11", "conv21", "conv31", "conv41", "conv51"):
            head = conv(x, f"{name}_aux", relu=False)
            heads.append(head)
            grams.append(gram_matrix(head))
    seen = load_loss_network(tmp_path / "loss.npz")(image)
    for ours, expected in zip(seen.contents, heads[2:4], strict=True):
        assert ours.shape[1] < expected.shape[1]
        for size in (lambda x: x, lambda x: x[..., 1:] - x[..., :-1]):
            torch.testing.assert_close(size(ours).square().mean(), size(expected).square().mean(), rtol=1e-3, atol=1e-6)
    for ours, expected in zip(seen.grams, grams, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("name", ["loss.npz", "loss.pth"])
def test_foreign_loss_network_gives_a_message(tmp_path, name):
    (tmp_path / name).write_bytes(b"not a network")
    with pytest.raises(StyleError, match=r"loss\."):
        load_loss_network(tmp_path / name)


def test_vgg16_state_that_executes_code_is_refused(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "owned"), "w"))

    torch.save({"features.0.weight": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(StyleError):
        load_loss_network(tmp_path / "evil.pth")
    assert not (tmp_path / "owned").exists()
    assert VGG16.name == "vgg16"
