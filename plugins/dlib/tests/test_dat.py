"""The reader of dlib's file format, against an independent writer and damaged files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from f2p_dlib.dat import Add, Affine, Conv, Linear, Pool, Relu, read_layers
from f2p_dlib.files import LANDMARKS, RECOGNIZER, model_path

from f2p_sdk import WeightsError


def integer(value: int) -> bytes:
    size = max((abs(value).bit_length() + 7) // 8, 1)
    return bytes([size | (0x80 if value < 0 else 0)]) + abs(value).to_bytes(size, "little")


def name(text: bytes) -> bytes:
    return integer(len(text)) + text


def tensor(values: np.ndarray, *shape: int) -> bytes:
    dims = (*shape, 1, 1, 1, 1)[:4]
    return b"".join(map(integer, (2, *dims))) + values.astype("<f4").tobytes()


EMPTY = integer(2) + 4 * integer(0)
TAIL = b"110" + 2 * EMPTY  # flags and tensors of training, after each layer


def tiny(weight: np.ndarray, bias: np.ndarray, matrix: np.ndarray) -> bytes:
    """A network of one layer of each kind, as dlib writes it."""
    out, _, rows, columns = weight.shape
    both = np.concatenate((weight.ravel(), bias))
    shape = (out, rows, columns, 2, 1, 0, 3)  # strides (2, 1), paddings (0, 3)
    pool = b"".join(map(integer, (3, 3, 2, 2, 0, 0)))
    layers = [
        name(b"con_4") + tensor(both, both.size) + b"".join(map(integer, shape)),
        name(b"affine_") + tensor(np.arange(2.0 * out), 2 * out),
        name(b"relu_"),
        name(b"max_pool_2") + pool,
        name(b"add_prev_"),
        name(b"fc_2") + integer(matrix.shape[1]) + integer(matrix.shape[0]),
    ]
    head = 3 * integer(1) + name(b"loss_metric_2") + 40 * integer(2)
    head += name(b"input_rgb_image_sized") + integer(-12345) + 2 * integer(150)
    return head + TAIL.join(layers) + tensor(matrix, *matrix.shape) + TAIL


@pytest.fixture
def parts() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    shapes = ((4, 3, 5, 2), (4,), (6, 300))
    return tuple(rng.normal(size=shape).astype(np.float32) for shape in shapes)  # type: ignore[return-value]


def test_all_layer_types_are_read(tmp_path: Path, parts: tuple[np.ndarray, ...]) -> None:
    weight, bias, matrix = parts
    path = tmp_path / "tiny.dat"
    path.write_bytes(tiny(weight, bias, matrix))
    conv, affine, relu, pool, add, linear = read_layers(path)
    assert isinstance(conv, Conv)
    np.testing.assert_array_equal(conv.weight, weight)
    np.testing.assert_array_equal(conv.bias, bias)
    assert (conv.stride, conv.padding) == ((2, 1), (0, 3))
    assert isinstance(affine, Affine)
    assert (affine.gamma.tolist(), affine.beta.tolist()) == ([0, 1, 2, 3], [4, 5, 6, 7])
    assert isinstance(relu, Relu)
    assert pool == Pool("max", (3, 3), (2, 2), (0, 0))
    assert isinstance(add, Add)
    assert isinstance(linear, Linear)
    np.testing.assert_array_equal(linear.weight, matrix)


def test_dlibs_file_has_the_layers_of_its_network() -> None:
    layers = read_layers(model_path(RECOGNIZER))
    convs = [layer for layer in layers if isinstance(layer, Conv)]
    assert len(convs) == 29
    assert convs[0].weight.shape == (32, 3, 7, 7)
    assert convs[0].stride == (2, 2)
    assert isinstance(layers[-1], Linear)
    assert layers[-1].weight.shape == (256, 128)
    assert sum(isinstance(layer, Add) for layer in layers) == 14


@pytest.mark.parametrize("share", [0.0, 0.00001, 0.001, 0.1, 0.35, 0.5, 0.77, 0.994, 0.99999])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    data = model_path(RECOGNIZER).read_bytes()
    path = tmp_path / "truncated.dat"
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(WeightsError, match=r"truncated\.dat, byte \d+ of \d+") as caught:
        read_layers(path)
    assert "pip install" in caught.value.remedy


def test_truncation_at_any_place_is_refused(tmp_path: Path, parts: tuple[np.ndarray, ...]) -> None:
    data = tiny(*parts)
    path = tmp_path / "cut.dat"
    for length in range(0, len(data) - len(TAIL), 41):
        path.write_bytes(data[:length])
        with pytest.raises(WeightsError):
            read_layers(path)


def test_damaged_bytes_raise_no_other_error(tmp_path: Path, parts: tuple[np.ndarray, ...]) -> None:
    data, rng = tiny(*parts), np.random.default_rng(2)
    path = tmp_path / "damaged.dat"
    refused = 0
    for _ in range(500):
        damaged = bytearray(data)
        for place in rng.integers(0, len(data), 4):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            read_layers(path)
        except WeightsError:
            refused += 1
    assert refused > 5  # most damaged bytes belong to numbers, where any byte is valid


def test_numbers_that_are_not_finite_are_refused(
    tmp_path: Path, parts: tuple[np.ndarray, ...]
) -> None:
    weight, bias, matrix = parts
    bias[1] = np.nan
    path = tmp_path / "nan.dat"
    path.write_bytes(tiny(weight, bias, matrix))
    with pytest.raises(WeightsError, match="not a finite number"):
        read_layers(path)


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no dlib network"):
        read_layers(model_path(LANDMARKS))
    with pytest.raises(WeightsError, match="cannot be read"):
        read_layers(tmp_path / "missing.dat")
    with pytest.raises(WeightsError, match="cannot be read"):
        read_layers(tmp_path)
