"""Face parser networks: a class of face part for each pixel.

A parser maps pictures to logits of the classes at an eighth of their side. It also returns the
features of its stages, which the content loss compares. The tensors have the names of torchvision's
ResNet, so that existing backbones load: see :meth:`ResNetParser.load_backbone`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import UnknownNameError, WeightsError
from ..faceparts import CLASSES
from .resnet import Backbone, BasicBlock, Bottleneck, initialise

__all__ = ["PARSERS", "CompactParser", "Features", "ParserNetwork", "ResNetParser", "build_parser"]

SIZE = 256


class Features(NamedTuple):
    """Result of :meth:`ParserNetwork.features`; H is the side of the pictures."""

    stage1: Tensor  # (B, C1, H/4, H/4), edges and colours
    stage2: Tensor  # (B, C2, H/8, H/8), small parts
    stage4: Tensor  # (B, C4, H/8, H/8), input of the classifier
    logits: Tensor  # (B, classes, H/8, H/8)


class ParserNetwork(nn.Module):
    """Base of the parsers, for pictures float32 (B, 3, H, W) RGB sRGB in [0, 1].

    H and W are multiples of 32; training and use are at 256.

    Attributes:
        name: for :func:`build_parser`.
        classes: names of the classes, in the order of the logits.
        size: side of the pictures that the network is made for.
    """

    name: ClassVar[str] = ""
    size: ClassVar[int] = SIZE

    def __init__(self, classes: Sequence[str], options: Mapping[str, Any]) -> None:
        super().__init__()
        self.classes = tuple(classes)
        if len(self.classes) < 2:
            raise ValueError(f"a parser needs two classes or more, got {list(self.classes)}")
        self._options = dict(options)
        # ImageNet's, as torchvision's backbones expect; constant, so not stored in files.
        for name, values in (("mean", (0.485, 0.456, 0.406)), ("std", (0.229, 0.224, 0.225))):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    def config(self) -> dict[str, Any]:
        """Arguments of :func:`build_parser` for this network; JSON types only."""
        return {"name": self.name, "classes": list(self.classes), **self._options}

    def features(self, pictures: Tensor) -> Features:
        """Features of the stages 1, 2 and 4, and the logits, differentiable in the pictures."""
        raise NotImplementedError

    def forward(self, pictures: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) in [0, 1] -> logits (B, classes, H/8, W/8)."""
        return self.features(pictures).logits

    def sharp(self, pictures: Tensor) -> Tensor:
        """The finest logits of the network, for label maps: at H/8 or finer."""
        return self.features(pictures).logits

    def normalised(self, pictures: Tensor) -> Tensor:
        """Normalise pictures for the backbone. ValueError for a wrong shape."""
        shape = tuple(pictures.shape)
        if len(shape) != 4 or shape[1] != 3 or shape[2] % 32 or shape[3] % 32 or 0 in shape:
            raise ValueError(
                f"the parser takes pictures (B, 3, H, W), H and W multiples of 32, got {shape}"
            )
        mean, std = self.get_buffer("mean"), self.get_buffer("std")
        return (pictures - mean) / std


class ResNetParser(ParserNetwork):
    """The published parser: a fully convolutional ResNet-50 with output at 1/8 of the side.

    Stages 3 and 4 have no strides, but convolutions dilated by 2 and 4; a 1x1 convolution to the
    classes replaces the fully connected layer.
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
        initialise(self)

    def features(self, pictures: Tensor) -> Features:
        stage1, stage2, _, stage4 = self.backbone(self.normalised(pictures))
        return Features(stage1, stage2, stage4, self.classifier(stage4))

    def load_backbone(self, state: Mapping[str, Tensor]) -> None:
        """Load the backbone from a ResNet-50 with torchvision's names of tensors.

        Names may begin with ``module.`` or ``backbone.``. Tensors of ``fc`` and of a segmentation
        model's heads are ignored.

        Raises:
            WeightsError: a tensor of the backbone is missing or has another shape.
        """
        found = {}
        for name, tensor in state.items():
            for prefix in ("module.", "backbone."):
                name = name.removeprefix(prefix)
            if not name.startswith(("fc.", "classifier.", "aux_classifier.")):
                found[name] = tensor
        expected = self.backbone.state_dict()
        counts = {name for name in expected if name.endswith("num_batches_tracked")}
        missing = sorted(set(expected) - set(found) - counts)
        extra = sorted(set(found) - set(expected))
        wrong = [n for n, t in found.items() if n in expected and t.shape != expected[n].shape]
        if missing or extra or wrong:
            raise WeightsError(
                f"the tensors are not those of torchvision's resnet50: {len(missing)} missing "
                f"{missing[:3]}, {len(extra)} too many {extra[:3]}, {len(wrong)} of another shape "
                f"{wrong[:3]}",
                remedy="give the state_dict of a resnet50",
            )
        self.backbone.load_state_dict(found, strict=False)


class CompactParser(ParserNetwork):
    """A small parser to ship: basic blocks, and a feature pyramid instead of dilation.

    Stages 3 and 4 run at 1/16 and 1/32 of the side, where a large receptive field is cheap. Their
    features are upsampled to 1/8 and added to stage 2, whose edges are sharp, and for the logits to
    1/4 and added to stage 1, because brows are thinner than a pixel at 1/8. The logits at 1/8 are
    means of those. 0.4 GMAC at 256x256.
    """

    name = "compact"

    def __init__(
        self,
        classes: Sequence[str] = CLASSES,
        widths: Sequence[int] = (32, 64, 112, 176),
        fused: int = 64,  # channels at 1/8, the features of "stage 4"
        fine: int = 32,  # channels at 1/4
    ) -> None:
        widths = [int(w) for w in widths]
        super().__init__(classes, {"widths": widths, "fused": fused, "fine": fine})
        self.backbone = Backbone(
            BasicBlock, (2, 2, 2, 2), widths, widths[0], (1, 2, 2, 2), (1, 1, 1, 1)
        )
        self.lateral = nn.ModuleList(nn.Conv2d(width, fused, 1) for width in widths[1:])
        self.fuse = BasicBlock(fused, fused, 1, 1)
        self.narrow = nn.Conv2d(fused, fine, 1)
        self.edges = nn.Conv2d(widths[0], fine, 1)
        self.sharpen = nn.Sequential(
            nn.Conv2d(fine, fine, 3, 1, 1, bias=False), nn.BatchNorm2d(fine)
        )
        self.classifier = nn.Conv2d(fine, len(self.classes), 1)
        initialise(self)

    def features(self, pictures: Tensor) -> Features:
        stage1, stage2, stage4 = self._stages(pictures)
        logits = self._sharp(stage1, stage4)
        return Features(stage1, stage2, stage4, functional.avg_pool2d(logits, 2))

    def sharp(self, pictures: Tensor) -> Tensor:
        """Logits (B, classes, H/4, W/4)."""
        stage1, _, stage4 = self._stages(pictures)
        return self._sharp(stage1, stage4)

    def _stages(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        stage1, stage2, stage3, stage4 = self.backbone(self.normalised(pictures))
        x = self.lateral[2](stage4)
        for lateral, finer in ((self.lateral[1], stage3), (self.lateral[0], stage2)):
            x = _twice(x) + lateral(finer)
        return stage1, stage2, self.fuse(x)

    def _sharp(self, stage1: Tensor, stage4: Tensor) -> Tensor:
        x = functional.relu(_twice(self.narrow(stage4)) + self.edges(stage1))
        x = functional.relu(x + self.sharpen(x))
        logits: Tensor = self.classifier(x)
        return logits


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


PARSERS: Mapping[str, type[ResNetParser] | type[CompactParser]] = {
    network.name: network for network in (ResNetParser, CompactParser)
}
"""Every parser network by name."""


def build_parser(name: str, **options: Any) -> ParserNetwork:
    """A new parser with random weights (torch's global generator).

    Raises:
        UnknownNameError: no network has that name.
        ValueError, TypeError: unknown or invalid options.
    """
    if name not in PARSERS:
        raise UnknownNameError("parser network", name, PARSERS)
    return PARSERS[name](**options)
