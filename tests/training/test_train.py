"""Training of imitators: quality, resuming, and invalid losses."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from f2p_toy import HERE, HERO, draw
from safetensors.torch import load_file

from f2p_sdk.errors import TrainingError, UsageError
from f2p_sdk.training import RECIPES, Pictures, Plan, Report, loop, train_imitator
from f2p_sdk.training.device import pick_device
from f2p_sdk.weights import load_card, load_imitator

TINY: dict[str, dict[str, Any]] = {
    "compact": {"size": 32, "channels": [16, 12], "planes": [0, 2]},
    "published": {"filters": [24, 16, 12]},
}


def _pictures(count: int) -> Pictures:
    characters = [HERO.random(i) for i in range(count)]
    return Pictures(
        np.stack([draw(c) for c in characters]),
        np.stack([HERO.encode(c) for c in characters]),
        np.arange(count),
        {"data": "toy", "pictures": count, "size": 32},
    )


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    return _pictures(240)


def _plan(recipe: str = "best", **changes: Any) -> Plan:
    chosen = replace(RECIPES[recipe], batch=8, warmup=10)
    plan = Plan(chosen, "", TINY[chosen.network], epochs=2)
    return replace(plan, **changes)


def _mean_l1(pictures: Pictures) -> float:
    """L1 on the held-out pictures of the picture that is the median of the training pictures."""
    train, held = pictures.split()
    median = np.median(pictures.pictures[train] / 255.0, axis=0)
    return float(np.abs(pictures.pictures[held] / 255.0 - median).mean())


@pytest.mark.slow
def test_a_trained_network_is_far_better_than_a_constant_picture(pictures, tmp_path: Path) -> None:
    reports: list[Report] = []
    path = tmp_path / "w.safetensors"
    plan = _plan(epochs=32)
    trained = train_imitator(HERO, pictures, path, plan, progress=reports.append)
    assert trained.figures["l1"] < 0.5 * _mean_l1(pictures)
    # the figures in the card, computed independently from the file
    network = load_imitator(path, HERO)
    _, held = pictures.split()
    with torch.no_grad():
        drawn = network(torch.from_numpy(pictures.vectors[held])).permute(0, 2, 3, 1).numpy()
    difference = drawn - pictures.pictures[held] / 255.0
    assert np.abs(difference).mean() == pytest.approx(trained.figures["l1"], abs=2e-5)
    psnr = -10 * np.log10(np.square(difference).mean())
    assert psnr == pytest.approx(trained.figures["psnr_db"], abs=0.01)
    card = load_card(path)
    assert card["figures"] == dict(trained.figures)
    assert card["training"]["recipe"]["name"] == "best"
    assert card["training"]["held_out"] == len(held)
    assert not (tmp_path / "w.safetensors.training").exists()
    assert [r.step for r in reports] == list(range(1, reports[-1].steps + 1))
    assert reports[-1].loss < reports[0].loss
    assert reports[-1].figures


@pytest.mark.slow
def test_the_slides_recipe_trains_the_published_network(pictures, tmp_path: Path) -> None:
    plan = _plan("slides", epochs=12)
    plan = replace(plan, recipe=replace(plan.recipe, rate=0.1))
    trained = train_imitator(HERO, pictures, tmp_path / "w.safetensors", plan)
    assert trained.figures["l1"] < _mean_l1(pictures)
    assert load_card(trained.path)["network"]["name"] == "published"


def test_the_seed_determines_the_weights(pictures, tmp_path: Path) -> None:
    files = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        plan = _plan(epochs=1, seed=seed)
        files.append(train_imitator(HERO, pictures, tmp_path / name, plan).path)
    a, b, c = (load_file(f) for f in files)
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not all(torch.equal(a[k], c[k]) for k in a)


class Stop(Exception):
    """Interrupts a training."""


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["best", "slides"])
def test_a_resumed_training_gives_the_same_weights(
    pictures, tmp_path: Path, recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    whole = train_imitator(HERO, pictures, tmp_path / "whole", _plan(recipe))

    def stop(report: Report) -> None:
        if report.step == 31:
            raise Stop

    with pytest.raises(Stop):
        train_imitator(HERO, pictures, tmp_path / "cut", _plan(recipe), progress=stop)
    torch.rand(3)  # changes the random state of this process
    cut = train_imitator(HERO, pictures, tmp_path / "cut", _plan(recipe))
    assert cut.resumed_at == 31
    a, b = load_file(whole.path), load_file(cut.path)
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert whole.figures == cut.figures


def test_a_checkpoint_of_another_training_is_refused(
    pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)

    def stop(report: Report) -> None:
        raise Stop

    with pytest.raises(Stop):
        train_imitator(HERO, pictures, tmp_path / "w", _plan(), progress=stop)
    with pytest.raises(TrainingError, match="another training: other seed") as error:
        train_imitator(HERO, pictures, tmp_path / "w", _plan(seed=5))
    assert "--restart" in error.value.remedy
    (tmp_path / "w.training" / "checkpoint.safetensors").write_bytes(b"half a file")
    with pytest.raises(TrainingError, match="cannot be read"):
        train_imitator(HERO, pictures, tmp_path / "w", _plan())


def test_an_invalid_loss_stops_the_training_and_keeps_the_best_weights(
    pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = _plan()
    steps = loop.Loop._step

    def spoil(self: Any) -> None:
        if self.state["step"] == 40:
            with torch.no_grad():
                self.network.paint.bias[0] = torch.nan
        steps(self)

    monkeypatch.setattr(loop.Loop, "_step", spoil)
    with pytest.raises(TrainingError, match="the loss is nan in step 40") as error:
        train_imitator(HERO, pictures, tmp_path / "w", plan)
    assert "--rate" in error.value.remedy
    best = load_file(tmp_path / "w.training" / "best.safetensors")
    assert all(torch.isfinite(t).all() for t in best.values())
    assert not (tmp_path / "w").exists()


@pytest.mark.slow
def test_the_schedule_ends_with_the_time(pictures, tmp_path: Path) -> None:
    reports: list[Report] = []
    plan = _plan(epochs=None, minutes=3 / 60)
    trained = train_imitator(
        HERO,
        pictures,
        tmp_path / "w",
        plan,
        progress=reports.append,
    )
    assert 3 <= trained.seconds < 6
    assert trained.steps > 20
    assert reports[-1].step == reports[-1].steps == trained.steps


def test_recipes_follow_their_schedules() -> None:
    slides = RECIPES["slides"]
    for epoch in range(500):
        wanted = 0.01 * 0.9 ** (epoch // 50)
        assert slides.rate_at(epoch / 500, epoch * 1000) == pytest.approx(wanted)
    best = RECIPES["best"]
    assert best.rate_at(0.0, 0) < best.rate / 50
    assert best.rate_at(0.1, 10_000) > best.rate * 0.9
    assert best.rate_at(1.0, 10_000) < best.rate / 100


def test_an_unknown_device_is_refused() -> None:
    assert pick_device("cpu").name == "cpu"
    with pytest.raises(UsageError, match="'quantum' cannot be used"):
        pick_device("quantum")


KILLED = """
import sys, numpy as np, torch
sys.path[:0] = sys.argv[3:]
from pathlib import Path
from f2p_toy import HERO
from f2p_sdk.training import Pictures, train_imitator
from f2p_sdk.training import loop
import test_train
loop.CHECKPOINT_SECONDS = 0.0
data = np.load(sys.argv[1])
pictures = Pictures(data["pictures"], data["vectors"], data["numbers"], {"size": 32})
def report(r):
    print(r.step, flush=True)
done = train_imitator(HERO, pictures, Path(sys.argv[2]), test_train._plan(), progress=report)
print("done", done.resumed_at, flush=True)
"""


@pytest.mark.slow
def test_a_killed_training_resumes(pictures, tmp_path: Path) -> None:
    """After several kills at arbitrary moments the weights are those of an undisturbed run."""
    np.savez(
        tmp_path / "data.npz",
        pictures=pictures.pictures,
        vectors=pictures.vectors,
        numbers=pictures.numbers,
    )
    arguments = [tmp_path / "data.npz", tmp_path / "w", Path(__file__).parent, HERE]
    command = [sys.executable, "-c", KILLED, *map(str, arguments)]
    resumed = 0
    for wanted in (9, 23, None):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("done"):
                    resumed = int(line.split()[1])
                elif wanted is not None and int(line) >= wanted:
                    process.kill()
                    break
    assert resumed >= 23
    whole = train_imitator(HERO, pictures, tmp_path / "whole", _plan())
    a, b = load_file(tmp_path / "w"), load_file(whole.path)
    assert all(torch.equal(a[k], b[k]) for k in a)
