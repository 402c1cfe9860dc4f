"""Training of parsers: quality, resuming, loss, figures and weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from f2p_sdk.errors import TrainingError, UnknownNameError, WeightsError
from f2p_sdk.faceparts import CLASSES
from f2p_sdk.parsing.network import CompactParser
from f2p_sdk.parsing.store import load_parser, parser_card
from f2p_sdk.parsing.training import (
    RECIPES,
    Face,
    Overlap,
    ParserPlan,
    find_labels,
    parser_recipe,
    pixel_loss,
    train_parser,
)
from f2p_sdk.parsing.training.data import Faces, _Dataset
from f2p_sdk.parsing.training.workers import Task, augmenter
from f2p_sdk.training import Report, loop
from f2p_sdk.training.device import Device
from f2p_sdk.weights import round_to_half, save_weights

SIDE = 64
TINY: dict[str, dict[str, Any]] = {
    "compact": {"widths": [8, 12, 16, 16], "fused": 12, "fine": 12},
    "resnet50": {"blocks": [1, 1, 1, 1], "widths": [4, 8, 8, 8]},
}


def _face(seed: int) -> Face:
    """A head, eyes, a nose and a mouth at random places."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    labels = np.zeros((SIDE, SIDE), np.uint8)
    cx, cy = rng.uniform(28, 36, 2)

    def paint(name: str, dx: float, dy: float, rx: float, ry: float) -> None:
        inside = np.hypot((x - cx - dx) / rx, (y - cy - dy) / ry) < 1
        labels[inside] = CLASSES.index(name)

    paint("hair", 0, -6, 24, 22)
    paint("face_skin", 0, 2, 18, 24)
    for side, dx in (("left", 8), ("right", -8)):
        paint(f"{side}_brow", dx, -10, 6, 2.5)
        paint(f"{side}_eye", dx, -3, 5, 3)
    paint("nose", 0, 4, 4, 6)
    paint("upper_lip", 0, 14, 8, 2.5)
    paint("inner_mouth", 0, 17, 7, 2.5)
    paint("lower_lip", 0, 20, 7, 2.5)
    tones = np.random.default_rng(7).integers(30, 226, (11, 3))
    tones[[3, 5]] = tones[[2, 4]]  # left and right differ in their place alone
    picture = np.clip(tones[labels] + rng.normal(0, 4, (SIDE, SIDE, 3)), 0, 255)
    return Face(picture.astype(np.uint8), labels, (labels > 0).astype(np.uint8) * 255)


@pytest.fixture(scope="module")
def faces() -> Faces:
    made = [_face(k) for k in range(40)]
    planes = [np.stack([getattr(face, name) for face in made]) for name in Face._fields]
    return Faces([_Dataset("toy", np.arange(40), *planes)], SIDE)


def _plan(recipe: str = "best", **changes: Any) -> ParserPlan:
    chosen = RECIPES[recipe]
    chosen = replace(chosen, batch=6, warmup=5, options=TINY[chosen.network])
    return replace(ParserPlan(chosen, epochs=2), **changes)


@pytest.mark.slow
def test_the_network_can_memorise_four_pictures() -> None:
    torch.manual_seed(0)
    network = CompactParser(widths=(16, 16, 24, 24), fused=16, fine=16)
    made = [_face(k) for k in range(4)]
    pictures = torch.from_numpy(np.stack([f.picture for f in made])).permute(0, 3, 1, 2) / 255
    labels = torch.from_numpy(np.stack([f.labels for f in made])).long()
    optimiser = RECIPES["best"].build_optimiser(network)
    network.train()
    for _ in range(150):
        loss = pixel_loss(network.sharp(pictures), labels, 0.5)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    overlap = Overlap(CLASSES)
    overlap.add(find_labels(network.eval(), pictures), labels.numpy())
    assert overlap.mean_iou() > 0.9
    assert min(v for v in overlap.iou().values() if v is not None) > 0.75


@pytest.mark.slow
def test_a_trained_parser_has_the_figures_of_its_card(faces: Faces, tmp_path: Path) -> None:
    reports: list[Report] = []
    plan = _plan(epochs=40)
    recipe = replace(plan.recipe, variation="shift", rate=8e-3)
    path = tmp_path / "p.safetensors"
    trained = train_parser(faces, path, replace(plan, recipe=recipe), progress=reports.append)
    assert trained.figures["mean_iou"] > 0.6
    network = load_parser(path)
    _, held = faces.split()
    shared, union = np.zeros(11), np.zeros(11)
    for row in held:  # the figures, computed independently from the file
        picture = torch.from_numpy(faces[row].picture).permute(2, 0, 1)[None] / 255
        logits = functional.interpolate(network.sharp(picture), (SIDE, SIDE), mode="bilinear")
        found = logits[0].argmax(dim=0).numpy()
        for k in range(11):
            shared[k] += ((found == k) & (faces[row].labels == k)).sum()
            union[k] += ((found == k) | (faces[row].labels == k)).sum()
    assert float((shared / union).mean()) == pytest.approx(trained.figures["mean_iou"], abs=2e-3)
    assert list(trained.figures["iou"]) == list(CLASSES)
    assert trained.bytes == path.stat().st_size
    assert reports[-1].figures["mean_iou"] > reports[40].figures["mean_iou"]
    assert not path.with_name("p.safetensors.training").exists()


class Stop(Exception):
    """Interrupts a training."""


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["best", "slides"])
def test_a_resumed_training_gives_the_same_weights(
    faces: Faces, tmp_path: Path, recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    whole = train_parser(faces, tmp_path / "whole", _plan(recipe))

    def stop(report: Report) -> None:
        if report.step == 7:
            raise Stop

    with pytest.raises(Stop):
        train_parser(faces, tmp_path / "cut", _plan(recipe), progress=stop)
    torch.rand(3)  # changes the random state of this process
    cut = train_parser(faces, tmp_path / "cut", _plan(recipe))
    assert cut.resumed_at == 7
    a, b = load_file(whole.path), load_file(cut.path)
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert whole.figures == cut.figures
    other = train_parser(faces, tmp_path / "other", _plan(recipe, seed=1))
    c = load_file(other.path)
    assert not all(torch.equal(a[k], c[k]) for k in a)


def test_a_checkpoint_of_another_training_is_refused(
    faces: Faces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)

    def stop(report: Report) -> None:
        raise Stop

    with pytest.raises(Stop):
        train_parser(faces, tmp_path / "w", _plan(), progress=stop)
    with pytest.raises(TrainingError, match="another training: other seed") as error:
        train_parser(faces, tmp_path / "w", _plan(seed=5))
    assert "--restart" in error.value.remedy


def test_an_invalid_loss_stops_the_training(faces: Faces, tmp_path: Path) -> None:
    plan = _plan()
    wild = replace(plan.recipe, optimiser="sgd", rate=1e30, warmup=0)
    with pytest.raises(TrainingError, match=r"the loss is (nan|inf)") as error:
        train_parser(faces, tmp_path / "w", replace(plan, recipe=wild))
    assert "--rate" in error.value.remedy


def test_only_the_published_network_takes_a_backbone(faces: Faces, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="takes no backbone"):
        train_parser(faces, tmp_path / "w", _plan(), backbone={})
    with pytest.raises(WeightsError, match="resnet50"):
        train_parser(
            faces, tmp_path / "w", _plan("slides"), backbone={"conv1.weight": torch.ones(1)}
        )


# The loss and the figures


def test_a_training_continues_from_weights(faces: Faces, saved: Path, tmp_path: Path) -> None:
    plan = _plan(epochs=1, initial_weights=saved)
    recipe = replace(plan.recipe, rate=1e-9)
    train_parser(faces, tmp_path / "p", replace(plan, recipe=recipe), device="cpu")
    before, after = load_file(saved), load_file(tmp_path / "p")
    weights = {name for name in before if name.endswith("weight")}
    assert all(torch.allclose(before[name], after[name], atol=1e-3) for name in weights)


def test_initial_weights_of_another_network_are_refused(
    faces: Faces, saved: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        TrainingError, match=r"the network is 'compact', the recipe's is 'resnet50'"
    ):
        train_parser(faces, tmp_path / "p", _plan("slides", initial_weights=saved), device="cpu")


def test_the_loss_is_the_cross_entropy_with_all_four_pixels() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 5, 4, 4, dtype=torch.float64)
    labels = torch.randint(0, 4, (2, 16, 16))  # without class 4
    scores = functional.interpolate(logits, (8, 8), mode="bilinear", align_corners=False)
    chance = scores.softmax(dim=1).numpy()
    total, shared, found, true = 0.0, np.zeros(5), np.zeros(5), np.zeros(5)
    for b in range(2):
        for y in range(16):
            for x in range(16):
                k = int(labels[b, y, x])
                p = chance[b, :, y // 2, x // 2]
                total -= np.log(p[k])
                shared[k] += p[k] / 4
                true[k] += 1 / 4
        found += chance[b].sum(axis=(1, 2))
    entropy = total / (2 * 16 * 16)
    assert float(pixel_loss(logits, labels)) == pytest.approx(entropy)
    jaccard = (shared / (found + true - shared))[:4].mean()
    wanted = entropy + 0.5 * (1 - jaccard)
    assert float(pixel_loss(logits, labels, 0.5)) == pytest.approx(wanted)


def test_the_loss_has_the_gradient_of_its_finite_differences() -> None:
    torch.manual_seed(0)
    logits = torch.randn(1, 4, 2, 2, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(0, 4, (1, 8, 8))
    assert torch.autograd.gradcheck(lambda z: pixel_loss(z, labels, 0.7), (logits,))


def test_overlap_counts_pixels() -> None:
    overlap = Overlap(("a", "b", "c"))
    overlap.add(np.array([[0, 0, 1, 1]]), np.array([[0, 1, 1, 1]]))
    overlap.add(np.array([[0]]), np.array([[0]]))
    assert overlap.iou() == {"a": 0.66667, "b": 0.66667, "c": None}
    assert overlap.mean_iou() == pytest.approx(0.66667)
    assert Overlap(("a", "b")).mean_iou() == 0.0


def test_the_published_schedule_drops_every_50_epochs() -> None:
    recipe = parser_recipe("slides")
    epochs = (0, 49, 50, 99, 100, 499)
    rates = [recipe.rate_at(epoch / 500, 1) for epoch in epochs]
    wanted = [0.001, 0.001, 0.0009, 0.0009, 0.00081, 0.001 * 0.9**9]
    assert rates == pytest.approx(wanted)
    with pytest.raises(UnknownNameError, match="did you mean 'slides'"):
        parser_recipe("slide")


# Weights on disk


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    network = CompactParser(**TINY["compact"]).eval()
    round_to_half(network)
    card = parser_card(network, training={"seed": 1}, figures={"mean_iou": 0.5}, licence="none")
    return save_weights(tmp_path / "p.safetensors", network.state_dict(), card)


def test_loaded_weights_give_the_same_logits(saved: Path) -> None:
    torch.manual_seed(1)
    network = CompactParser(**TINY["compact"]).eval()
    round_to_half(network)
    again = load_parser(saved)
    picture = torch.rand(1, 3, 64, 64)
    assert torch.allclose(again(picture), network(picture), atol=1e-5)
    assert not any(p.requires_grad for p in again.parameters())
    assert not again.training


def test_weights_of_other_classes_are_refused(tmp_path: Path) -> None:
    network = CompactParser(classes=("background", "face"), **TINY["compact"]).eval()
    card = parser_card(network, training={}, figures={}, licence="none")
    path = save_weights(tmp_path / "p.safetensors", network.state_dict(), card)
    with pytest.raises(WeightsError, match=r"it has background, face\n") as error:
        load_parser(path)
    assert "f2p train parser" in error.value.remedy
    with pytest.raises(WeightsError, match="must have the classes"):
        load_parser(path, CLASSES[::-1])


def test_damaged_weights_are_refused(saved: Path, tmp_path: Path) -> None:
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(saved, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    card = json.loads(metadata["f2p_card"])
    del card["content_hash"]  # so that the golden pair is checked

    def write(change: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Path:
        path = tmp_path / "other.safetensors"
        save_file(tensors, path, metadata={"f2p_card": json.dumps({**card, **change})})
        return path

    assert load_parser(write({}, tensors)).classes == CLASSES
    bent = {**tensors, "classifier.bias": tensors["classifier.bias"] + torch.arange(11.0)}
    with pytest.raises(WeightsError, match="does not reproduce its golden probabilities"):
        load_parser(write({}, bent))
    with pytest.raises(WeightsError, match="golden pair does not fit"):
        load_parser(write({"golden": {"input": [1.0], "output": []}}, tensors))
    with pytest.raises(WeightsError, match="'imitator', not 'parser'"):
        load_parser(write({"what": "imitator"}, tensors))
    with pytest.raises(WeightsError, match="1 missing"):
        load_parser(write({}, {k: v for k, v in tensors.items() if k != "classifier.bias"}))


def test_many_cores_augment_pictures_as_one_does(
    faces: Faces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many cores are used beside a GPU; here only the device has its name."""
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    tasks = [Task(row, (1, 2, row, 1), "photo", SIDE, 0.3) for row in range(6)]
    found = []
    for device in (Device("cpu", False), Device("cuda", False)):
        with augmenter(faces, device) as augment_all:
            found.append(list(augment_all(tasks)))
    for (one, labels), (other, same) in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(labels, same)
