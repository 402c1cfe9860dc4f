"""f2p train parser and f2p evaluate parser, with real engine processes of the toy game."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from f2p_toy import PHOTO, Engine
from PIL import Image

from f2p_sdk.faceparts import CLASSES
from f2p_sdk.parameters import Layout

Run = Callable[..., Any]
UNSEEN = 1_000_000


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A parser with random weights from a fixed seed."""
    import torch

    from f2p_sdk.parsing.network import CompactParser
    from f2p_sdk.parsing.store import parser_card
    from f2p_sdk.weights import save_weights

    torch.manual_seed(0)
    network = CompactParser(widths=(8, 8, 8, 8), fused=8, fine=8).eval()
    torch.nn.init.normal_(network.classifier.weight)
    for tensor in network.state_dict().values():
        if tensor.ndim > 1:
            tensor.copy_(tensor.half())
    card = parser_card(network, training={}, figures={}, licence="none")
    path = tmp_path_factory.mktemp("parser") / "p.safetensors"
    return save_weights(path, network.state_dict(), card)


@pytest.mark.slow
def test_evaluate_equals_a_second_computation(
    f2p: Run, weights: Path, hero: Layout, toy: None
) -> None:
    import torch

    from f2p_sdk.parsing.store import load_parser

    done = f2p("evaluate", "parser", "-g", "toy", "--parser", weights, "--count", 11, "--json")
    assert done.code == 0, done.text
    document = json.loads(done.out)
    network, shared, union = load_parser(weights), np.zeros(11), np.zeros(11)
    for k in range(11):  # without bridge and confusion matrix
        values = hero.random(k, seed=UNSEEN).values
        drawn = Engine().render("hero", values, (256, 256), ("color", "labels"), {})
        picture = torch.from_numpy(drawn["color"]).permute(2, 0, 1)[None] / 255
        large = torch.nn.functional.interpolate(network.sharp(picture), (256, 256), mode="bilinear")
        seen = large[0].argmax(dim=0).numpy()
        for c in range(11):
            shared[c] += ((seen == c) & (drawn["labels"] == c)).sum()
            union[c] += ((seen == c) | (drawn["labels"] == c)).sum()
    iou = shared / np.maximum(union, 1)
    assert list(document["iou"]) == list(CLASSES)
    found = [document["iou"][name] or 0.0 for name in CLASSES]
    assert found == pytest.approx(list(iou), abs=2e-3)
    assert document["mean_iou"] == pytest.approx(iou[union > 0].mean(), abs=2e-3)
    assert document["mean_iou"] > 0
    assert (document["pictures"], document["game"]) == (11, "toy/hero")


@pytest.mark.slow
def test_html_page_shows_engine_and_photos(f2p: Run, weights: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "astronaut.png").write_bytes(PHOTO.read_bytes())
    Image.new("RGB", (64, 64)).save(photos / "nobody.png")
    page = ("--photos", photos, "--page", tmp_path / "page", "--rows", 2)
    evaluate = ("evaluate", "parser", "-g", "toy", "--parser", weights, "--count", 3)
    done = f2p(*evaluate, *page)
    assert done.code == 0, done.text
    assert "mean_iou" in done.text
    assert "nobody.png" in done.text
    text = (tmp_path / "page" / "index.html").read_text("utf-8")
    assert text.count("<img") == 2 + 2 * 3
    assert "astronaut.png" in text
    wrong = f2p(*evaluate, "--photos", photos)
    assert wrong.code == 2
    assert "--page" in wrong.text


def test_evaluate_an_unknown_parser(f2p: Run) -> None:
    done = f2p("evaluate", "parser", "-g", "toy", "--parser", "grand")
    assert done.code == 1
    assert "parser" in done.text
    assert "compact" in done.text


@pytest.mark.slow
def test_capture_and_train(f2p: Run, tmp_path: Path) -> None:
    from f2p_sdk.parsing.store import load_parser
    from f2p_sdk.weights import load_card

    data, path = tmp_path / "data", tmp_path / "p.safetensors"
    capture = ("capture", "-g", "toy", "-o", data, "-n", 21, "--size", 64, "--passes", "labels")
    assert f2p(*capture, "--vary", "pose").code == 0
    train = ("train", "parser", "--data", data, "-o", path, "--size", 64, "--epochs", 1)
    done = f2p(*train, "--batch", 10, "--json")
    assert done.code == 0, done.text
    document = json.loads(done.out)
    assert (document["steps"], document["network"], document["recipe"]) == (2, "compact", "best")
    assert document["figures"] == load_card(path)["figures"]
    assert load_card(path)["training"]["data"] == ["data"]
    assert load_parser(path).classes == CLASSES
    again = f2p(*train)
    assert again.code == 2
    assert "exists already" in again.text


def test_conflicting_options(f2p: Run, tmp_path: Path) -> None:
    train = ("train", "parser", "--data", tmp_path, "-o", tmp_path / "p")
    for options, match in (
        (("--epochs", 1, "--minutes", 1), "not both"),
        (("--size", 100), "a multiple of 32"),
        (("--backbone", PHOTO), "--network resnet50"),
    ):
        done = f2p(*train, *options)
        assert done.code == 2
        assert match in done.text
    done = f2p(*train)  # an empty folder
    assert done.code == 1
    assert "f2p capture" in done.text
