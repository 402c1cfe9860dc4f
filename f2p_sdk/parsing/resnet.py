"""Residual networks without their last layer, with torchvision's names of tensors.

Deep Residual Learning (He et al. 2016). For outputs finer than 1/32 of the side, dilated
convolutions replace strides (Yu & Koltun 2016).
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Backbone", "BasicBlock", "Bottleneck", "initialise"]


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut (He et al. 2016)."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, width, 3, stride, dilation)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3, 1, dilation)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = functional.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return functional.relu(out + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolution with a shortcut; the 3x3 one has the stride."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = _conv(inputs, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3, stride, dilation)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = _conv(width, 4 * width, 1)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = _shortcut(inputs, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = functional.relu(self.bn1(self.conv1(x)))
        out = functional.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return functional.relu(out + (x if self.downsample is None else self.downsample(x)))


def _conv(inputs: int, width: int, side: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    padding = dilation * (side // 2)
    return nn.Conv2d(inputs, width, side, stride, padding, dilation, bias=False)


def _shortcut(inputs: int, width: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == width:
        return None
    return nn.Sequential(_conv(inputs, width, 1, stride), nn.BatchNorm2d(width))


class Backbone(nn.Module):
    """A ResNet without its last layer.

    Args:
        block: type of the blocks.
        blocks: number of blocks in each of the four stages.
        widths: of the stages, before the block's expansion.
        stem: filters of the first convolution.
        strides: of the stages' first blocks.
        dilations: of the stages. The first block has the dilation of the stage before, as in
            torchvision.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        blocks: Sequence[int],
        widths: Sequence[int],
        stem: int,
        strides: Sequence[int],
        dilations: Sequence[int],
    ) -> None:
        super().__init__()
        self.conv1 = _conv(3, stem, 7, 2)
        self.bn1 = nn.BatchNorm2d(stem)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs, before = stem, 1
        for k in range(4):
            layers = []
            for i in range(blocks[k]):
                stride, dilation = (1, dilations[k]) if i else (strides[k], before)
                layers.append(block(inputs, widths[k], stride, dilation))
                inputs = widths[k] * block.expansion
            before = dilations[k]
            self.add_module(f"layer{k + 1}", nn.Sequential(*layers))
        self.widths = tuple(width * block.expansion for width in widths)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features of the four stages."""
        x = self.maxpool(functional.relu(self.bn1(self.conv1(x))))
        stages = []
        for k in range(4):
            x = self.get_submodule(f"layer{k + 1}")(x)
            stages.append(x)
        return stages


def initialise(network: nn.Module) -> None:
    """He's initialisation; blocks start as identities, classes start about equally likely."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            if name == "classifier":
                nn.init.normal_(module.weight, 0.0, 0.01)
            else:
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, (BasicBlock, Bottleneck)):
            last = module.bn2 if isinstance(module, BasicBlock) else module.bn3
            nn.init.zeros_(last.weight)
