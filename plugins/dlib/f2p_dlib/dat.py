"""Reader for dlib's serialised networks: the layers of a `.dat` file, in order, as numpy arrays.

dlib writes a network as a stream without a table of contents:

* an integer is a control byte, then little-endian bytes: the low 7 bits are their number, the high
  bit is the sign;
* a string is its length as such an integer, then its bytes;
* a tensor is a version (2), four dimensions, then raw little-endian float32;
* layers are in the order from input to output, each after its name. Integers and empty tensors that
  only training needs follow the data of a layer.

So the reader searches for the next layer name in a short window, then reads that layer's data
strictly. Invalid data raise a `WeightsError` with the file and the byte.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from f2p_sdk import WeightsError

from .files import REINSTALL

Array = npt.NDArray[np.float32]

# The data of training between two layers take less than 300 bytes.
_WINDOW = 1024


@dataclass(frozen=True)
class Conv:
    """Convolution: weight (out, in, rows, columns), bias (out,); stride and padding are (y, x)."""

    weight: Array
    bias: Array
    stride: tuple[int, int]
    padding: tuple[int, int]


@dataclass(frozen=True)
class Affine:
    """``y = gamma * x + beta`` per channel; both (channels,): batch normalisation, frozen."""

    gamma: Array
    beta: Array


@dataclass(frozen=True)
class Pool:
    """Pooling, kind "max" or "avg"; window (0, 0) is the whole picture. Sizes are (y, x)."""

    kind: str
    window: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]


@dataclass(frozen=True)
class Relu:
    """``max(x, 0)``."""


@dataclass(frozen=True)
class Add:
    """Adds the input of the residual block; both are padded with zeros to the larger shape."""


@dataclass(frozen=True)
class Linear:
    """``y = x @ weight``; ``weight`` (inputs, outputs), no bias."""

    weight: Array


Layer = Conv | Affine | Pool | Relu | Add | Linear


def read_layers(path: Path) -> tuple[Layer, ...]:
    """The layers of the network in ``path``, from input to output.

    Raises:
        WeightsError: the file cannot be read, is truncated, or is no dlib network of known layers.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise WeightsError(f"{path} cannot be read: {reason}", remedy=REINSTALL) from error
    return _Stream(path, data).layers()


class _Stream:
    def __init__(self, path: Path, data: bytes) -> None:
        self.path, self.data, self.at = path, data, 0

    def layers(self) -> tuple[Layer, ...]:
        readers: dict[bytes, Callable[[], Layer]] = {
            b"con_4": self._conv,
            b"affine_": self._affine,
            b"max_pool_2": lambda: self._pool("max"),
            b"avg_pool_2": lambda: self._pool("avg"),
            b"relu_": Relu,
            b"add_prev_": Add,
            b"fc_2": self._linear,
        }
        # The name of the input layer distinguishes a file of another kind from a damaged one.
        if self._find((b"input_rgb_image_sized",), 4 * _WINDOW) is None:
            raise self._error("there is no dlib network with RGB input")
        layers: list[Layer] = []
        while not (layers and isinstance(layers[-1], Linear)):
            name = self._find(tuple(readers), _WINDOW)
            if name is None:
                raise self._error(f"the layer after {len(layers)} complete ones is missing")
            layers.append(readers[name]())
        return tuple(layers)

    def _find(self, names: tuple[bytes, ...], window: int) -> bytes | None:
        """Move past the nearest of ``names`` (each follows its length) and return it."""
        end = min(self.at + window, len(self.data))
        hits = {n: self.data.find(bytes((1, len(n))) + n, self.at, end) for n in names}
        found = [(place, name) for name, place in hits.items() if place >= 0]
        if not found:
            return None
        place, name = min(found)
        self.at = place + 2 + len(name)
        return name

    def _take(self, count: int) -> bytes:
        if self.at + count > len(self.data):
            short = self.at + count - len(self.data)
            raise self._error(f"the file is truncated by {short} bytes or more")
        self.at += count
        return self.data[self.at - count : self.at]

    def _int(self) -> int:
        control = self._take(1)[0]
        if control & 0x7F > 8:
            raise self._error("there is no integer")
        value = int.from_bytes(self._take(control & 0x7F), "little")
        return -value if control & 0x80 else value

    def _pair(self) -> tuple[int, int]:
        return self._int(), self._int()

    def _tensor(self) -> Array:
        version = self._int()
        shape = (self._int(), self._int(), self._int(), self._int())
        if version != 2 or min(shape) < 1 or max(shape) > 1 << 24:
            raise self._error(
                f"expected a tensor of version 2, found version {version}, shape {shape}"
            )
        count = int(np.prod(shape, dtype=np.int64))
        values = np.frombuffer(self._take(4 * count), dtype="<f4").astype(np.float32)
        if not np.isfinite(values).all():
            raise self._error("a weight is not a finite number")
        return values.reshape(shape)

    def _conv(self) -> Conv:
        values = self._tensor().ravel()
        out = self._int()
        rows, columns = self._pair()
        stride, padding = self._pair(), self._pair()
        per_input = out * rows * columns
        if per_input < 1 or (values.size - out) < per_input or (values.size - out) % per_input:
            shape = f"{out} filters of {rows}x{columns}"
            raise self._error(f"{values.size} numbers do not make {shape} and {out} biases")
        if min(stride) < 1 or min(padding) < 0:
            raise self._error(f"a convolution with stride {stride} and padding {padding}")
        weight = values[: values.size - out].reshape(out, -1, rows, columns)
        return Conv(weight, values[values.size - out :], stride, padding)

    def _affine(self) -> Affine:
        values = self._tensor().ravel()
        if values.size % 2:
            raise self._error(f"gamma and beta are pairs, but there are {values.size} numbers")
        return Affine(*np.split(values, 2))

    def _pool(self, kind: str) -> Pool:
        window, stride, padding = self._pair(), self._pair(), self._pair()
        if min(window + padding) < 0 or min(stride) < 1:
            raise self._error(f"pooling over {window} with stride {stride} and padding {padding}")
        return Pool(kind, window, stride, padding)

    def _linear(self) -> Linear:
        outputs, inputs = self._pair()
        weight = self._tensor()[:, :, 0, 0]  # a bias would be one more row
        if weight.shape != (inputs, outputs):
            raise self._error(f"expected a matrix {inputs} x {outputs}, found {weight.shape}")
        return Linear(weight)

    def _error(self, what: str) -> WeightsError:
        size = len(self.data)
        return WeightsError(f"{self.path}, byte {self.at} of {size}: {what}", remedy=REINSTALL)
