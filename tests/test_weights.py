"""Weights on disk: written and loaded; damaged and foreign files are refused."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from f2p_toy import HERO, VILLAIN
from safetensors.torch import load_file, save_file

from f2p_sdk.errors import WeightsError
from f2p_sdk.networks import Imitator, build
from f2p_sdk.weights import (
    CARD,
    imitator_card,
    load_card,
    load_imitator,
    round_to_half,
    save_weights,
    write_card,
)


@pytest.fixture
def network() -> Imitator:
    torch.manual_seed(3)
    return build("compact", 7, slots=(3,), size=16, channels=(6, 4), planes=(0, 2)).eval()


@pytest.fixture
def path(tmp_path: Path, network: Imitator) -> Path:
    round_to_half(network)
    card = imitator_card(
        network, HERO, training={"seed": 0}, figures={"psnr_db": 31.0}, licence="Apache-2.0"
    )
    return save_weights(tmp_path / "deep" / "toy.safetensors", network.state_dict(), card)


def _rewrite(
    path: Path,
    tensors: Callable[[dict[str, torch.Tensor]], Any] = lambda t: None,
    card: Callable[[dict[str, Any]], Any] = lambda c: None,
) -> None:
    state, document = load_file(path), load_card(path)
    del document["content_hash"]  # so that the other rules are checked
    tensors(state)
    card(document)
    save_file(state, path, metadata={CARD: json.dumps(document)})


def test_a_loaded_network_is_frozen_and_equal(path: Path, network: Imitator) -> None:
    loaded = load_imitator(path, HERO)
    vector = torch.rand(4, 7)
    with torch.no_grad():
        # not bit for bit: the kernel depends on the memory layout
        assert torch.allclose(loaded(vector), network(vector), atol=1e-6)
    assert not loaded.training
    assert not any(p.requires_grad for p in loaded.parameters())
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}


def test_matrices_are_stored_as_half_precision(path: Path) -> None:
    for name, tensor in load_file(path).items():
        assert tensor.dtype == (torch.float16 if tensor.ndim > 1 else torch.float32), name


def test_batch_norm_statistics_are_saved(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build("published", 7, filters=(6, 4))
    for _ in range(3):
        network(torch.rand(8, 7))
    round_to_half(network)
    card = imitator_card(network, HERO, training={}, figures={}, licence="none")
    path = save_weights(tmp_path / "p.safetensors", network.state_dict(), card)
    vector = torch.rand(2, 7)
    with torch.no_grad():
        wanted = network.eval()(vector)
        assert torch.allclose(load_imitator(path, HERO)(vector), wanted, atol=1e-6)


def test_the_card_describes_the_file(path: Path) -> None:
    card = load_card(path)
    assert card["what"] == "imitator"
    assert card["layout_hash"] == HERO.hash
    assert (card["game"], card["kind"], card["layout_size"]) == ("toy", "hero", 7)
    assert card["network"]["name"] == "compact"
    assert card["output"] == {"size": 16, "channels": 3, "range": [0, 1], "colour": "sRGB"}
    assert card["figures"] == {"psnr_db": 31.0}
    assert card["licence"] == "Apache-2.0"
    assert len(card["golden"]["input"]) == 7


def test_the_golden_output_is_the_networks(path: Path, network: Imitator) -> None:
    golden = load_card(path)["golden"]
    with torch.no_grad():
        picture = network(torch.tensor([golden["input"]]))[0]
    blocks = picture.reshape(3, 8, 2, 8, 2).mean(dim=(2, 4)).flatten()
    assert torch.allclose(blocks, torch.tensor(golden["output"]), atol=1e-5)


def test_a_card_is_read_without_torch(path: Path) -> None:
    code = (
        "import sys; from f2p_sdk.weights import load_card; "
        f"assert load_card({str(path)!r})['what'] == 'imitator'; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_another_layout_is_refused_with_both_hashes(path: Path) -> None:
    other = replace(VILLAIN, kind="hero")
    with pytest.raises(WeightsError) as error:
        load_imitator(path, other)
    assert HERO.hash in error.value.message
    assert other.hash in error.value.message
    assert "f2p train imitator -g toy/hero" in error.value.remedy


def test_no_layout_skips_the_check(path: Path) -> None:
    assert load_imitator(path).dimension == 7


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def _garbage(path: Path) -> None:
    path.write_bytes(b"\x80\x02}q\x00" * 100)  # as a pickle begins


def _huge_header(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 2**62) + b"{}")


def _drop(tensors: dict[str, torch.Tensor]) -> None:
    del tensors["paint.bias"]


def _add(tensors: dict[str, torch.Tensor]) -> None:
    tensors["surplus"] = torch.zeros(1)


def _reshape(tensors: dict[str, torch.Tensor]) -> None:
    tensors["paint.bias"] = torch.zeros(7)


def _not_a_number(tensors: dict[str, torch.Tensor]) -> None:
    tensors["seed.weight"][0, 0] = torch.nan


def _other_numbers(tensors: dict[str, torch.Tensor]) -> None:
    tensors["paint.bias"] += 0.5


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing": (lambda p: p.unlink(), "no such weights file"),
    "empty": (lambda p: p.write_bytes(b""), "not a whole safetensors file"),
    "truncated": (_truncate, "not a whole safetensors file"),
    "pickle": (_garbage, "not a whole safetensors file"),
    "huge header": (_huge_header, "not a whole safetensors file"),
    "no card": (lambda p: save_file(load_file(p), p), "without a card"),
    "format": (lambda p: _rewrite(p, card=lambda c: c.update(format=9)), "the file has 9"),
    "recognizer": (lambda p: _rewrite(p, card=lambda c: c.update(what="parser")), "holds 'parser'"),
    "network": (
        lambda p: _rewrite(p, card=lambda c: c["network"].update(name="giant")),
        "no imitator network named 'giant'",
    ),
    "option": (
        lambda p: _rewrite(p, card=lambda c: c["network"].update(size=17)),
        "cannot be built",
    ),
    "tensor missing": (lambda p: _rewrite(p, _drop), "1 missing .'paint.bias'."),
    "tensor too many": (lambda p: _rewrite(p, _add), "1 too many .'surplus'."),
    "shape": (lambda p: _rewrite(p, _reshape), "must have the shape .48,., it has .7,."),
    "not a number": (lambda p: _rewrite(p, _not_a_number), "'seed.weight' holds numbers"),
    "changed": (lambda p: _rewrite(p, _other_numbers), "does not draw its golden picture"),
    "no golden": (lambda p: _rewrite(p, card=lambda c: c.pop("golden")), "has no golden pair"),
    "other golden": (
        lambda p: _rewrite(p, card=lambda c: c["golden"]["input"].pop()),
        "golden pair does not fit",
    ),
}


@pytest.mark.parametrize("name", sorted(DAMAGE))
def test_a_damaged_file_is_refused_with_the_next_step(path: Path, name: str) -> None:
    damage, message = DAMAGE[name]
    damage(path)
    with pytest.raises(WeightsError, match=message) as error:
        load_imitator(path, HERO)
    assert str(path) in error.value.message
    assert error.value.remedy


def _change_a_bit(path: Path) -> None:
    """Change the least significant bit of one number, which no picture shows."""
    data = bytearray(path.read_bytes())
    data[-1 - 47 * 4] ^= 1
    path.write_bytes(data)


def test_a_tampered_file_is_refused_by_its_content_hash(path: Path) -> None:
    before = load_card(path)
    assert len(before["content_hash"]) == 64
    _change_a_bit(path)
    assert load_card(path) == before  # the card is the old one
    with pytest.raises(WeightsError, match="tensors were changed after the card") as error:
        load_imitator(path, HERO)
    assert str(path) in error.value.message
    assert before["content_hash"][:12] in error.value.message
    assert "download the file again" in error.value.remedy
    with pytest.raises(WeightsError, match="tensors were changed"):
        write_card(path, {"licence": "mine"})


def test_a_card_without_a_content_hash_loads(path: Path) -> None:
    _rewrite(path)
    assert "content_hash" not in load_card(path)
    assert load_imitator(path, HERO).dimension == 7
    _change_a_bit(path)
    assert load_imitator(path, HERO).dimension == 7


def test_a_new_card_keeps_the_tensors(path: Path) -> None:
    before, tensors = load_card(path), load_file(path)
    sensitivity = {"nose": 0.91, "hair": 0.2}
    card = write_card(path, {"sensitivity": sensitivity})
    assert card == load_card(path) == {**before, "sensitivity": sensitivity}
    after = load_file(path)
    assert after.keys() == tensors.keys()
    assert all(torch.equal(after[name], tensors[name]) for name in tensors)
    assert load_imitator(path, HERO).dimension == 7

    _rewrite(path)  # an old file gets its hash
    assert write_card(path, {})["content_hash"] == before["content_hash"]


def test_a_pointer_of_git_lfs_is_named_as_such(path: Path) -> None:
    path.write_text(
        "version https://git-lfs.github.com/spec/v1\n"
        "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
        "size 13966436\n"
    )
    for read in (load_card, load_imitator):
        with pytest.raises(WeightsError, match="a pointer of Git LFS, not the weights") as error:
            read(path)
        assert str(path) in error.value.message
        assert "git lfs pull" in error.value.remedy


def test_numbers_that_are_not_finite_are_not_written(tmp_path: Path, network: Imitator) -> None:
    state = network.state_dict()
    state["paint.bias"][0] = torch.inf
    with pytest.raises(WeightsError, match=r"'paint.bias' holds numbers that are not finite"):
        save_weights(tmp_path / "x.safetensors", state, {})
    assert not list(tmp_path.iterdir())


def test_numbers_too_large_for_half_precision_are_not_written(
    tmp_path: Path, network: Imitator
) -> None:
    state = network.state_dict()
    state["paint.weight"][0] = 1e6
    with pytest.raises(WeightsError, match="not finite"):
        save_weights(tmp_path / "x.safetensors", state, {})
