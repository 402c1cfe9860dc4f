"""``f2p train parser``: train a face parser on captured datasets with labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import UsageError
from .. import _options as options
from .._common import progress
from ._plan import (
    check_plan,
    check_records,
    make_plan,
    out_option,
    partial_option,
    plan_options,
    reporter,
    show_result,
)

if TYPE_CHECKING:
    from torch import Tensor

    from ...parsing.training import LabelledRecord

NETWORKS = ("compact", "resnet50")
RECIPES = ("best", "slides")


@click.command()
@options.path(
    "--data",
    folder=True,
    exists=True,
    required=True,
    multiple=True,
    help="A dataset of `f2p capture --passes labels,depth`; may be given several times.",
)
@out_option
@options.choice("--network", NETWORKS, help="Default: the recipe's own.")
@options.path(
    "--backbone",
    folder=False,
    exists=True,
    help="Initial backbone of a resnet50, with torchvision's names, .safetensors.",
)
@options.path(
    *("--from", "initial"),
    folder=False,
    exists=True,
    help="Continue from these weights, e.g. after the game's hairstyles have changed.",
)
@options.choice("--recipe", RECIPES, default="best")
@options.number(
    "--size",
    low=32,
    high=512,
    default=256,
    metavar="PIXELS",
    help="Side of the training pictures, a multiple of 32.",
)
@partial_option
@plan_options
def command(
    data: tuple[Path, ...],
    out: Path,
    network: str | None,
    backbone: Path | None,
    initial: Path | None,
    recipe: str,
    size: int,
    partial: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Train a face parser, the network that labels brows, eyes, nose, lips, skin and hair.

    It learns only from an engine's pictures and labels, so a game may ship it. The same command
    resumes a stopped training: its state is in FILE.training until the weights are written.
    """
    if size % 32:
        raise UsageError(f"--size must be a multiple of 32, got {size}")
    check_plan(out, values)

    from ...parsing.training import ParserPlan, open_faces, parser_recipe, train_parser

    chosen = parser_recipe(recipe)
    chosen = replace(chosen, network=network or chosen.network)
    if backbone is not None and chosen.network != "resnet50":
        raise UsageError("--backbone is for --network resnet50")
    if backbone is not None and initial is not None:
        raise UsageError("--backbone and --from both give the first weights", remedy="give one")
    plan = make_plan(ParserPlan, chosen, values, initial_weights=initial)
    check_records(data, partial)
    with progress("decoding pictures", quiet=as_json) as update:
        faces = open_faces(data, _records, size, progress=update)
    tensors = _tensors(backbone)
    with progress("training", quiet=as_json) as update:
        show, device = reporter(update, _describe), values["device"]
        result = train_parser(faces, out, plan, backbone=tensors, device=device, progress=show)
    head = {"network": chosen.network, "recipe": chosen.name, "seed": plan.seed}
    show_result(result, head, _describe, "f2p evaluate parser -g GAME", as_json)


def _records(folder: Path) -> Iterator[LabelledRecord]:
    """Pictures of a dataset with their planes."""
    from ...capture import read_planes, read_records

    for record, (number, planes) in zip(read_records(folder), read_planes(folder), strict=True):
        assert record.number == number, "both iterate over the same complete records"
        yield number, record.png, planes


def _tensors(path: Path | None) -> dict[str, Tensor] | None:
    if path is None:
        return None
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(path.read_bytes())
    except (SafetensorError, OSError) as problem:
        raise UsageError(
            f"{path}: cannot be read as safetensors: {problem}",
            remedy="write it with safetensors.torch.save_file(model.state_dict(), 'FILE')",
        ) from None


def _describe(figures: Mapping[str, Any]) -> str:
    return f"mean iou {figures['mean_iou']:.3f}"
