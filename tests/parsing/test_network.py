"""Parser networks: the published structure, and features with gradients."""

from __future__ import annotations

import pytest
import torch

from f2p_sdk.errors import UnknownNameError, WeightsError
from f2p_sdk.faceparts import CLASSES, MIRRORED
from f2p_sdk.networks.imitator import build_from_config
from f2p_sdk.parsing.network import (
    PARSERS,
    CompactParser,
    ResNetParser,
    build_parser,
)
from f2p_sdk.parsing.resnet import Backbone, Bottleneck

SMALL = {
    "resnet50": {"blocks": [1, 2, 2, 1], "widths": [4, 8, 12, 16]},
    "compact": {"widths": [8, 8, 12, 16], "fused": 8, "fine": 8},
}


def published() -> dict[str, tuple[int, ...]]:
    """torchvision's resnet50, written from its published structure: names and shapes, no ``fc``."""
    table: dict[str, tuple[int, ...]] = {}

    def conv_bn(conv: str, bn: str, out: int, inside: int, side: int) -> None:
        table[f"{conv}.weight"] = (out, inside, side, side)
        for name in ("weight", "bias", "running_mean", "running_var"):
            table[f"{bn}.{name}"] = (out,)
        table[f"{bn}.num_batches_tracked"] = ()

    conv_bn("conv1", "bn1", 64, 3, 7)
    inside = 64
    for layer, (blocks, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), start=1):
        for block in range(blocks):
            at = f"layer{layer}.{block}."
            conv_bn(at + "conv1", at + "bn1", width, inside, 1)
            conv_bn(at + "conv2", at + "bn2", width, width, 3)
            conv_bn(at + "conv3", at + "bn3", 4 * width, width, 1)
            if block == 0:
                conv_bn(at + "downsample.0", at + "downsample.1", 4 * width, inside, 1)
            inside = 4 * width
    return table


def test_the_backbone_has_torchvisions_names_and_shapes() -> None:
    wanted = published()
    assert len(wanted) == 318  # of 320 tensors, two are those of `fc`
    state = ResNetParser().backbone.state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == wanted
    # 25,557,032 by torchvision's documentation, without those of `fc`
    parameters = sum(p.numel() for p in ResNetParser().backbone.parameters())
    assert parameters == 25_557_032 - (2048 * 1000 + 1000)


@pytest.mark.parametrize("name", sorted(PARSERS))
@torch.no_grad()
def test_shapes_of_the_stages(name: str) -> None:
    network = build_parser(name, **SMALL[name]).eval()
    pictures = torch.rand(2, 3, 64, 96)
    found = network.features(pictures)
    assert [tuple(f.shape[2:]) for f in found] == [(16, 24), (8, 12), (8, 12), (8, 12)]
    assert found.logits.shape[:2] == (2, 11)
    assert torch.equal(network(pictures), found.logits)
    sharp = network.sharp(pictures)
    finer = sharp.shape[-1] // found.logits.shape[-1]
    assert torch.allclose(torch.nn.functional.avg_pool2d(sharp, finer), found.logits, atol=1e-5)


@pytest.mark.slow
@torch.no_grad()
def test_the_published_parser_at_its_size() -> None:
    found = ResNetParser().eval().features(torch.rand(1, 3, 256, 256))
    assert [tuple(f.shape[1:]) for f in found] == [
        (256, 64, 64),
        (512, 32, 32),
        (2048, 32, 32),
        (11, 32, 32),
    ]


@torch.no_grad()
def test_dilation_instead_of_strides_keeps_the_values() -> None:
    """Every fourth pixel of the dilated network is a pixel of the network with strides."""
    torch.manual_seed(0)
    network = ResNetParser(**SMALL["resnet50"]).eval()  # type: ignore[arg-type]
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.5, 1)
    strided = Backbone(Bottleneck, (1, 2, 2, 1), (4, 8, 12, 16), 4, (1, 2, 2, 2), (1, 1, 1, 1))
    strided.load_state_dict(network.backbone.state_dict())
    pictures = torch.rand(1, 3, 64, 64)
    wanted = strided.eval()(network.normalised(pictures))[3]
    found = network.features(pictures).stage4[:, :, ::4, ::4]
    assert wanted.shape == found.shape
    assert torch.allclose(found, wanted, atol=1e-5)
    assert float(wanted.abs().max()) > 0.1


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_every_output_has_a_gradient_to_the_picture(name: str) -> None:
    torch.manual_seed(0)
    network = build_parser(name, **SMALL[name]).eval().requires_grad_(False)
    for field in ("stage1", "stage2", "stage4", "logits"):
        picture = torch.rand(1, 3, 64, 64, requires_grad=True)
        getattr(network.features(picture), field).square().sum().backward()
        assert picture.grad is not None
        assert torch.isfinite(picture.grad).all(), field
        assert float(picture.grad.abs().sum(dim=1).gt(0).float().mean()) > 0.75, field


def test_the_picture_is_normalised_as_imagenet() -> None:
    network = CompactParser()
    grey = torch.full((1, 3, 32, 32), 0.5)
    found = network.normalised(grey)[0, :, 0, 0].tolist()
    wanted = [(0.5 - m) / s for m, s in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225))]
    assert found == pytest.approx(wanted)
    assert not [name for name in network.state_dict() if name in ("mean", "std")]


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (1, 3, 60, 64), (1, 3, 64, 0)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(B, 3, H, W\)"):
        CompactParser()(torch.zeros(shape))


@pytest.mark.parametrize("prefix", ["", "module.", "backbone.", "module.backbone."])
def test_a_torchvision_backbone_loads(prefix: str) -> None:
    network = ResNetParser()
    state = {name: torch.full(shape, 0.25) for name, shape in published().items()}
    state["fc.weight"], state["fc.bias"] = torch.zeros(1000, 2048), torch.zeros(1000)
    network.load_backbone({prefix + name: tensor for name, tensor in state.items()})
    assert float(network.backbone.state_dict()["layer3.5.conv2.weight"][0, 0, 0, 0]) == 0.25


def test_another_backbone_is_refused_with_its_tensors() -> None:
    state = {name: torch.zeros(shape) for name, shape in published().items()}
    wide = {**state, "layer1.0.conv1.weight": torch.zeros(128, 64, 1, 1)}
    less = {name: t for name, t in state.items() if not name.startswith("layer4")}
    more = {**state, "layer5.weight": torch.zeros(1)}
    for wrong, match in (
        (wide, r"layer1.0.conv1.weight"),
        (less, r"missing \['layer4"),
        (more, r"layer5"),
    ):
        with pytest.raises(WeightsError, match=match):
            ResNetParser().load_backbone(wrong)


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_config_builds_the_same_network(name: str) -> None:
    network = build_parser(name, **SMALL[name])
    again = build_from_config(network.config(), build_parser)
    assert type(again) is type(network)
    assert again.classes == CLASSES
    shapes = {n: t.shape for n, t in network.state_dict().items()}
    assert shapes == {n: t.shape for n, t in again.state_dict().items()}


def test_invalid_configs_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'compact'"):
        build_parser("compat")
    with pytest.raises(WeightsError, match="has no name"):
        build_from_config({"classes": list(CLASSES)}, build_parser)
    with pytest.raises(WeightsError, match="no parser network"):
        build_from_config({"name": "grand"}, build_parser)
    with pytest.raises(WeightsError, match="cannot be built"):
        build_from_config({"name": "compact", "depth": 3}, build_parser)
    with pytest.raises(ValueError, match="two classes"):
        CompactParser(classes=["face"])


def test_mirrored_classes_change_sides() -> None:
    pairs = {CLASSES[a]: CLASSES[b] for a, b in enumerate(MIRRORED) if a != b}
    assert pairs == {
        "left_brow": "right_brow",
        "right_brow": "left_brow",
        "left_eye": "right_eye",
        "right_eye": "left_eye",
    }
