"""Face parsers: which part of the face each place of a picture is.

A parser maps pictures to logits of :data:`CLASSES` at an eighth of their side, and hands out what
its stages saw on the way, which the content loss compares. Names of tensors are those that
torchvision gives a ResNet, so that backbones people have load: see :meth:`ResNetParser.adopt`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import UnknownNameError, WeightsError

__all__ = [
    "CLASSES",
    "PARSERS",
    "CompactParser",
    "Features",
    "ParserNetwork",
    "ResNetParser",
    "build_parser",
    "parser_from_config",
]

CLASSES = (
    "background",
    "face_skin",
    "left_brow",
    "right_brow",
    "left_eye",
    "right_eye",
    "nose",
    "upper_lip",
    "inner_mouth",
    "lower_lip",
    "hair",
)
"""The classes of the Helen set, numbered as in the labels pass (docs/protocol.md). Left and right
are the subject's."""

SIZE = 256
STRIDE = 8


class Features(NamedTuple):
    """What :meth:`ParserNetwork.features` returns, all of one pass; H is the pictures' side.

    Attributes:
        stage1: (B, C1, H/4, H/4), edges and colours.
        stage2: (B, C2, H/8, H/8), small parts.
        stage4: (B, C4, H/8, H/8), what the classes are told from.
        logits: (B, classes, H/8, H/8).
    """

    stage1: Tensor
    stage2: Tensor
    stage4: Tensor
    logits: Tensor


class ParserNetwork(nn.Module):
    """Base of the parsers: takes pictures float32 (B, 3, H, W) RGB sRGB in [0, 1].

    H and W are multiples of 32; it is trained and used at 256.

    Attributes:
        name: the name :func:`build_parser` knows it by.
        classes: names of the classes, in the order of the logits.
        size: the side of the pictures it is meant for.
    """

    name: ClassVar[str] = ""
    size: ClassVar[int] = SIZE

    def __init__(self, classes: Sequence[str], options: Mapping[str, Any]) -> None:
        super().__init__()
        self.classes = tuple(classes)
        if len(self.classes) < 2:
            raise ValueError(f"a parser needs two classes or more, got {list(self.classes)}")
        self._options = dict(options)
        # ImageNet's, as torchvision's backbones expect; not kept in files, as they never change.
        for name, values in (("mean", (0.485, 0.456, 0.406)), ("std", (0.229, 0.224, 0.225))):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    def config(self) -> dict[str, Any]:
        """What :func:`parser_from_config` needs to build this network again; JSON types only."""
        return {"name": self.name, "classes": list(self.classes), **self._options}

    def features(self, pictures: Tensor) -> Features:
        """Features of the stages 1, 2 and 4, and the logits, differentiable in the pictures."""
        raise NotImplementedError

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) in [0, 1] -> logits (B, classes, H/8, W/8)."""
        return self.features(pictures).logits

    def normalised(self, pictures: Tensor) -> Tensor:
        """Pictures as the backbone wants them. ValueError for a shape it cannot take."""
        shape = tuple(pictures.shape)
        if len(shape) != 4 or shape[1] != 3 or shape[2] % 32 or shape[3] % 32 or 0 in shape:
            raise ValueError(
                f"the parser takes pictures (B, 3, H, W), H and W multiples of 32, got {shape}"
            )
        mean, std = self.get_buffer("mean"), self.get_buffer("std")
        return (pictures - mean) / std


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and what goes around them (He et al. 2016), torchvision's names."""

    expansion = 1

    def __init__(self, inside: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = _conv(inside, width, 3, stride, dilation)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3, 1, dilation)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inside, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = functional.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return functional.relu(out + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolution; the stride is in the 3x3 one, as in torchvision."""

    expansion = 4

    def __init__(self, inside: int, width: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = _conv(inside, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv(width, width, 3, stride, dilation)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = _conv(width, 4 * width, 1)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = _shortcut(inside, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        out = functional.relu(self.bn1(self.conv1(x)))
        out = functional.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return functional.relu(out + (x if self.downsample is None else self.downsample(x)))


def _conv(inside: int, width: int, side: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    padding = dilation * (side // 2)
    return nn.Conv2d(inside, width, side, stride, padding, dilation, bias=False)


def _shortcut(inside: int, width: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inside == width:
        return None
    return nn.Sequential(_conv(inside, width, 1, stride), nn.BatchNorm2d(width))


class Backbone(nn.Module):
    """A ResNet without its last layer.

    Args:
        block: of which it is made.
        blocks: how many in each of the four stages.
        widths: of the stages, before the block's expansion.
        stem: filters of the first convolution.
        strides: of the stages' first blocks.
        dilations: of the stages; a stage whose stride was taken away dilates instead. Its first
            block still has the dilation of the stage before, as torchvision does it.
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
        inside, before = stem, 1
        for k in range(4):
            layers = []
            for i in range(blocks[k]):
                stride, dilation = (1, dilations[k]) if i else (strides[k], before)
                layers.append(block(inside, widths[k], stride, dilation))
                inside = widths[k] * block.expansion
            before = dilations[k]
            self.add_module(f"layer{k + 1}", nn.Sequential(*layers))
        self.widths = tuple(width * block.expansion for width in widths)

    def forward(self, x: Tensor) -> list[Tensor]:
        """What the four stages give."""
        x = self.maxpool(functional.relu(self.bn1(self.conv1(x))))
        stages = []
        for k in range(4):
            x = self.get_submodule(f"layer{k + 1}")(x)
            stages.append(x)
        return stages


class ResNetParser(ParserNetwork):
    """The published parser: ResNet-50 made fully convolutional, output 1/8 of the side.

    The strides of stages 3 and 4 are taken away, their convolutions dilated by 2 and 4; the fully
    connected layer is a 1x1 convolution to the classes.
    """

    name = "resnet50"

    def __init__(
        self,
        classes: Sequence[str] = CLASSES,
        blocks: Sequence[int] = (3, 4, 6, 3),
        widths: Sequence[int] = (64, 128, 256, 512),
    ) -> None:
        blocks, widths = [int(b) for b in blocks], [int(w) for w in widths]
        super().__init__(classes, {"blocks": blocks, "widths": widths})
        self.backbone = Backbone(Bottleneck, blocks, widths, widths[0], (1, 2, 1, 1), (1, 1, 2, 4))
        self.classifier = nn.Conv2d(self.backbone.widths[3], len(self.classes), 1)
        _start(self)

    def features(self, pictures: Tensor) -> Features:
        stage1, stage2, _, stage4 = self.backbone(self.normalised(pictures))
        return Features(stage1, stage2, stage4, self.classifier(stage4))

    def adopt(self, state: Mapping[str, Tensor]) -> None:
        """Take the backbone from a ResNet-50 people have: torchvision's names, ``fc`` left out.

        Names may begin with ``module.`` or ``backbone.``; a segmentation model's heads are left out
        too.

        Raises:
            WeightsError: a tensor of the backbone is missing or has another shape.
        """
        found = {}
        for name, tensor in state.items():
            for prefix in ("module.", "backbone."):
                name = name.removeprefix(prefix)
            if not name.startswith(("fc.", "classifier.", "aux_classifier.")):
                found[name] = tensor
        wanted = self.backbone.state_dict()
        counts = {name for name in wanted if name.endswith("num_batches_tracked")}
        missing = sorted(set(wanted) - set(found) - counts)
        extra = sorted(set(found) - set(wanted))
        wrong = [n for n, t in found.items() if n in wanted and t.shape != wanted[n].shape]
        if missing or extra or wrong:
            raise WeightsError(
                f"the tensors are not those of torchvision's resnet50: {len(missing)} missing "
                f"{missing[:3]}, {len(extra)} too many {extra[:3]}, {len(wrong)} of another shape "
                f"{wrong[:3]}",
                remedy="give the state_dict of a resnet50",
            )
        self.backbone.load_state_dict(found, strict=False)


class CompactParser(ParserNetwork):
    """Ours, small enough to ship: basic blocks, and a way back up instead of dilation.

    Stages 3 and 4 go down to 1/32 of the side, where looking around costs little; what they saw
    is brought back to 1/8 and joined with stage 2, whose edges are sharp. 0.4 GMAC at 256x256.

    Args:
        classes: names.
        widths: of the stages.
        fused: channels at 1/8, from which the classes are told: the features of "stage 4".
    """

    name = "compact"

    def __init__(
        self,
        classes: Sequence[str] = CLASSES,
        widths: Sequence[int] = (24, 48, 96, 160),
        fused: int = 64,
    ) -> None:
        widths = [int(w) for w in widths]
        super().__init__(classes, {"widths": widths, "fused": fused})
        self.backbone = Backbone(
            BasicBlock, (2, 2, 2, 2), widths, widths[0], (1, 2, 2, 2), (1, 1, 1, 1)
        )
        self.lateral = nn.ModuleList(nn.Conv2d(width, fused, 1) for width in widths[1:])
        self.fuse = BasicBlock(fused, fused, 1, 1)
        self.classifier = nn.Conv2d(fused, len(self.classes), 1)
        _start(self)

    def features(self, pictures: Tensor) -> Features:
        stage1, stage2, stage3, stage4 = self.backbone(self.normalised(pictures))
        x = self.lateral[2](stage4)
        for lateral, finer in ((self.lateral[1], stage3), (self.lateral[0], stage2)):
            x = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = x + lateral(finer)
        x = self.fuse(x)
        return Features(stage1, stage2, x, self.classifier(x))


def _start(network: nn.Module) -> None:
    """He's start; each block begins as nearly nothing, which deep networks like."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in network.modules():
        if isinstance(module, (BasicBlock, Bottleneck)):
            last = module.bn2 if isinstance(module, BasicBlock) else module.bn3
            nn.init.zeros_(last.weight)


PARSERS: Mapping[str, type[ResNetParser] | type[CompactParser]] = {
    ResNetParser.name: ResNetParser,
    CompactParser.name: CompactParser,
}
"""The parsers by name."""


def build_parser(name: str, **options: Any) -> ParserNetwork:
    """A new parser with random weights (torch's global generator).

    Raises:
        UnknownNameError: no network has that name.
        ValueError, TypeError: it cannot be built so.
    """
    if name not in PARSERS:
        raise UnknownNameError("parser network", name, PARSERS)
    return PARSERS[name](**options)


def parser_from_config(config: Mapping[str, Any]) -> ParserNetwork:
    """The network that :meth:`ParserNetwork.config` describes. WeightsError if none."""
    options = dict(config)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise WeightsError(f"the network's description names no network: {dict(config)!r}")
    try:
        return build_parser(name, **options)
    except UnknownNameError as error:
        raise WeightsError(
            error.message, remedy="the weights may need a newer f2p-sdk; " + error.remedy
        ) from None
    except (ValueError, TypeError) as error:
        raise WeightsError(f"the network's description cannot be built: {error}") from None
