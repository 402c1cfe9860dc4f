"""The network Light CNN-29 v2, with upstream's names of tensors.

Source: X. Wu, R. He, Z. Sun, T. Tan, *A Light CNN for Deep Face Representation With Noisy Labels*,
IEEE TIFS 13(11), 2018, table II; names, shapes and the changes of version 2 as in
https://github.com/AlfredXiangWu/LightCNN (``LightCNN_29Layers_v2``). Version 2 pools by the sum of
maximum and average, and its embedding is a linear layer without a max-feature-map.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["DIMENSION", "SIDE", "LightCNN"]

SIDE = 128
DIMENSION = 256
# Of each stage: channels, number of residual blocks, output channels of its group.
_STAGES = ((48, 1, 96), (96, 2, 192), (192, 3, 128), (128, 4, 128))


class LightCNN(nn.Module):
    """Faces (B, 1, 128, 128), grey sRGB in [0, 1] -> embeddings (B, 256), not normalised.

    Compare embeddings by their cosine. A new network has random weights;
    :func:`.light_cnn.load_light_cnn` loads trained ones.
    """

    name = "light-cnn-29-v2"

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _MaxFeatureMap(1, 48, 5)
        self.block1, self.group1 = _stage(0)
        self.block2, self.group2 = _stage(1)
        self.block3, self.group3 = _stage(2)
        self.block4, self.group4 = _stage(3)
        self.fc = nn.Linear(_STAGES[-1][-1] * (SIDE // 16) ** 2, DIMENSION)
        # Faster on CPUs, forward and backward; the numbers are the same.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, faces: Tensor) -> Tensor:
        if faces.shape[1:] != (1, SIDE, SIDE):
            raise ValueError(f"faces must be (B, 1, {SIDE}, {SIDE}), not {tuple(faces.shape)}")
        x = _pool(self.conv1(faces.contiguous(memory_format=torch.channels_last)))
        x = _pool(self.group1(self.block1(x)))
        x = _pool(self.group2(self.block2(x)))
        x = self.group3(self.block3(x))  # without pooling
        x = _pool(self.group4(self.block4(x)))
        embeddings: Tensor = self.fc(x.flatten(1))
        return embeddings


class _MaxFeatureMap(nn.Module):
    """Max-feature-map: a convolution to 2 N channels, then the maximum of channels i and N + i."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.filter = nn.Conv2d(inputs, 2 * outputs, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.filter(x).chunk(2, dim=1)
        return torch.maximum(first, second)


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = _MaxFeatureMap(channels, channels, 3)
        self.conv2 = _MaxFeatureMap(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.conv2(self.conv1(x))
        return x + added


def _stage(number: int) -> tuple[nn.Sequential, nn.Sequential]:
    """The residual blocks of a stage, and its group."""
    channels, blocks, outputs = _STAGES[number]
    residual = nn.Sequential(*(_Residual(channels) for _ in range(blocks)))
    group = nn.Sequential()
    group.add_module("conv_a", _MaxFeatureMap(channels, channels, 1))
    group.add_module("conv", _MaxFeatureMap(channels, outputs, 3))
    return residual, group


def _pool(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 2) + F.avg_pool2d(x, 2)
