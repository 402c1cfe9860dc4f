"""The network against dlib's own descriptors, and its gradient against finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from f2p_dlib.dat import read_layers
from f2p_dlib.files import RECOGNIZER, model_path
from f2p_dlib.network import FaceResNet
from f2p_dlib.recognizer import DlibRecognizer

from f2p_sdk import WeightsError


@pytest.fixture(scope="module")
def exact() -> FaceResNet:
    return FaceResNet(read_layers(model_path(RECOGNIZER))).double()


@pytest.mark.slow
def test_descriptors_equal_dlibs(
    faces: dict[str, np.ndarray], reference: Any, recognizer: DlibRecognizer, as_tensor: Any
) -> None:
    for name, picture in faces.items():
        chip = reference.chip(picture, reference.shape(picture))
        ours = recognizer.network(as_tensor(chip))[0].numpy()
        np.testing.assert_allclose(ours, reference.descriptor(chip), atol=1e-5, err_msg=name)


@pytest.mark.slow
def test_descriptors_of_photos_equal_dlibs(
    photos: dict[str, np.ndarray], reference: Any, recognizer: DlibRecognizer, as_tensor: Any
) -> None:
    shapes = {name: reference.shape(picture) for name, picture in photos.items()}
    chips = {name: reference.chip(photos[name], shape) for name, shape in shapes.items()}
    ours = recognizer.network(torch.cat([as_tensor(chip) for chip in chips.values()])).numpy()
    theirs = np.array([reference.descriptor(chip) for chip in chips.values()])
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_descriptors_of_noise_equal_dlibs(
    reference: Any, recognizer: DlibRecognizer, as_tensor: Any
) -> None:
    chips = np.random.default_rng(0).integers(0, 256, (3, 150, 150, 3), dtype=np.uint8)
    chips[1], chips[2, :75] = 0, 255
    for chip in chips:
        ours = recognizer.network(as_tensor(chip))[0].numpy()
        np.testing.assert_allclose(ours, reference.descriptor(chip), atol=1e-5)


def test_the_network_is_frozen(recognizer: DlibRecognizer) -> None:
    assert not any(p.requires_grad for p in recognizer.network.parameters())
    assert not recognizer.network.training


@pytest.mark.slow
def test_the_gradient_is_deterministic(recognizer: DlibRecognizer) -> None:
    torch.manual_seed(5)
    chip = torch.rand(1, 3, 150, 150)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        found = []
        for _ in range(12):
            x = chip.clone().requires_grad_()
            recognizer.network(x).square().sum().backward()
            found.append(x.grad)
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(found[0], one) for one in found)


def test_the_gradient_equals_finite_differences(exact: FaceResNet) -> None:
    torch.manual_seed(3)
    # Smooth chips: noise is too near to the kinks of the network.
    coarse = torch.rand(2, 3, 6, 6, dtype=torch.float64)
    chips = torch.nn.functional.interpolate(coarse, size=(150, 150), mode="bicubic")
    chips.requires_grad_()
    towards = torch.randn(2, 128, dtype=torch.float64)
    (exact(chips) * towards).sum().backward()
    assert chips.grad is not None
    step = torch.randn_like(chips) * 1e-8  # larger steps cross kinks
    with torch.no_grad():
        change = ((exact(chips + step) - exact(chips - step)) * towards).sum() / 2
    torch.testing.assert_close((chips.grad * step).sum(), change, rtol=1e-5, atol=1e-13)


def test_another_network_is_refused() -> None:
    layers = read_layers(model_path(RECOGNIZER))
    with pytest.raises(WeightsError, match="layer 1 must be Affine, but there is a layer Relu"):
        FaceResNet((layers[0], *layers[2:]))
    with pytest.raises(WeightsError, match="nothing more"):
        FaceResNet(layers[:-1])
