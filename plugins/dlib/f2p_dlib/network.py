"""dlib's face recognition ResNet in PyTorch, differentiable.

The network (https://github.com/davisking/dlib-models, `dlib_face_recognition_resnet_model_v1`): a
7x7 convolution with stride 2, a 3x3 max-pool, 14 residual blocks of two 3x3 convolutions, the mean
over space and a 256 x 128 matrix. If a block halves the picture, its shortcut is a 2x2 average
pool, and the sum pads the smaller tensor with zeros, in channels and at the bottom and right.

The frozen batch normalisation after each convolution is folded into it: the same output up to
rounding, with a third fewer passes over memory.
"""

from __future__ import annotations

from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from f2p_sdk import WeightsError

from .dat import Add, Affine, Conv, Layer, Linear, Pool, Relu

CHIP_SIZE = 150
T = TypeVar("T", bound=Layer)
_MEAN = (122.782, 117.001, 104.298)  # of the training pictures, RGB, 0..255


class FaceResNet(nn.Module):
    """Chips (B, 3, 150, 150), RGB sRGB in [0, 1] -> descriptors (B, 128).

    Descriptors are not normalised; their lengths are near 1.5. The Euclidean distance of two
    descriptors of one person is below 0.6 (dlib's threshold, 99.38 % on LFW). All parameters are
    frozen.

    Args:
        layers: result of `dat.read_layers` for dlib's file.

    Raises:
        WeightsError: the layers are of another network.
    """

    def __init__(self, layers: tuple[Layer, ...]) -> None:
        super().__init__()
        queue = _Queue(layers)
        self.stem = _fold(queue.take(Conv), queue.take(Affine))
        queue.take(Relu)
        self.pool = queue.take(Pool)
        blocks = []
        while queue.next_is(Conv):
            blocks.append(_Block(queue))
        self.blocks = nn.ModuleList(blocks)
        queue.take(Pool)  # over the whole picture: the mean
        matrix = torch.from_numpy(queue.take(Linear).weight.copy())
        self.matrix = nn.Parameter(matrix, requires_grad=False)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()
        # Faster on CPUs, forward and backward, with the same output.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, chips: Tensor) -> Tensor:
        mean: Tensor = self.mean  # type: ignore[assignment]
        x = (chips * 255 - mean.to(chips.dtype)) / 256
        x = self.stem(x.contiguous(memory_format=torch.channels_last)).relu_()
        x = F.max_pool2d(x, self.pool.window, self.pool.stride, self.pool.padding)
        for block in self.blocks:
            x = block(x)
        descriptors: Tensor = x.mean(dim=(2, 3)) @ self.matrix
        return descriptors


class _Block(nn.Module):
    def __init__(self, queue: _Queue) -> None:
        super().__init__()
        self.first = _fold(queue.take(Conv), queue.take(Affine))
        queue.take(Relu)
        self.second = _fold(queue.take(Conv), queue.take(Affine))
        self.shrink = queue.take(Pool) if queue.next_is(Pool) else None
        queue.take(Add)
        queue.take(Relu)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(self.first(x).relu_())
        if self.shrink is not None:
            x = F.avg_pool2d(x, self.shrink.window, self.shrink.stride, self.shrink.padding)
            shape = [max(a, b) for a, b in zip(x.shape, y.shape, strict=True)]
            x, y = _grow(x, shape), _grow(y, shape)
        return (x + y).relu_()


class _Queue:
    """The layers in order; :meth:`take` checks the type of the next one."""

    def __init__(self, layers: tuple[Layer, ...]) -> None:
        self.layers, self.at = layers, 0

    def next_is(self, kind: type) -> bool:
        return self.at < len(self.layers) and isinstance(self.layers[self.at], kind)

    def take(self, kind: type[T]) -> T:
        layer = self.layers[self.at] if self.at < len(self.layers) else None
        if not isinstance(layer, kind):
            found = "nothing more" if layer is None else f"a layer {type(layer).__name__}"
            raise WeightsError(
                f"these are not the layers of dlib's face recognition network: layer {self.at} "
                f"must be {kind.__name__}, but there is {found}",
                remedy="use dlib_face_recognition_resnet_model_v1.dat",
            )
        self.at += 1
        return layer


def _fold(conv: Conv, affine: Affine) -> nn.Conv2d:
    out, inputs, rows, columns = conv.weight.shape
    folded = nn.Conv2d(inputs, out, (rows, columns), conv.stride, conv.padding)
    weight = torch.from_numpy(conv.weight.astype("f8"))
    gamma = torch.from_numpy(affine.gamma.astype("f8"))
    bias = torch.from_numpy(conv.bias.astype("f8"))
    beta = torch.from_numpy(affine.beta.astype("f8"))
    folded.weight = nn.Parameter((weight * gamma.view(-1, 1, 1, 1)).float())
    folded.bias = nn.Parameter((bias * gamma + beta).float())
    return folded


def _grow(x: Tensor, shape: list[int]) -> Tensor:
    _, channels, rows, columns = (want - have for want, have in zip(shape, x.shape, strict=True))
    return F.pad(x, (0, columns, 0, rows, 0, channels)) if channels or rows or columns else x
