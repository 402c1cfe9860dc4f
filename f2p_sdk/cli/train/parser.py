"""``f2p train parser``: captured datasets with labels to the weights of a face parser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import UsageError
from .._common import emit_json, progress, say
from ._plan import check_plan, out_option, plan_options

if TYPE_CHECKING:
    from torch import Tensor

    from ...parsing.training import Faces, ParserPlan, Scan
    from ...training import Trained

NETWORKS = ("compact", "resnet50")
RECIPES = ("best", "slides")


@click.command()
@click.option(
    "--data",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="A folder that `f2p capture --passes labels,depth` filled; may be given several times.",
)
@out_option
@click.option("--network", type=click.Choice(NETWORKS), help="Default: the recipe's own.")
@click.option(
    "--backbone",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Begin a resnet50 with this one, torchvision's names, .safetensors.",
)
@click.option("--recipe", type=click.Choice(RECIPES), default="best", show_default=True)
@click.option(
    "--size",
    type=click.IntRange(32, 512),
    default=256,
    show_default=True,
    help="Side of the pictures to train on, a multiple of 32.",
)
@plan_options
def command(
    data: tuple[Path, ...],
    out: Path,
    network: str | None,
    backbone: Path | None,
    recipe: str,
    size: int,
    epochs: int | None,
    minutes: float | None,
    batch: int | None,
    rate: float | None,
    seed: int,
    device: str,
    restart: bool,
    as_json: bool,
) -> None:
    """Train the network that tells brows, eyes, nose, lips, skin and hair apart.

    It learns from the labels that an engine draws beside its pictures, so a game may ship it.
    Stopped or killed, the same command goes on where it was: the state lies in FILE.training until
    the weights are written.
    """
    if size % 32:
        raise UsageError(f"--size must be a multiple of 32, got {size}")
    check_plan(out, epochs, minutes, restart)

    from ...parsing.training import ParserPlan, open_faces, parser_recipe

    chosen = parser_recipe(recipe)
    chosen = replace(
        chosen,
        network=network or chosen.network,
        batch=batch or chosen.batch,
        rate=rate or chosen.rate,
    )
    if backbone is not None and chosen.network != "resnet50":
        raise UsageError("--backbone is for --network resnet50")
    plan = ParserPlan(chosen, epochs, minutes, seed)
    with progress("decoding pictures", quiet=as_json) as update:
        faces = open_faces(data, _scan, size, progress=lambda done: update(done))
    trained = _train(faces, out, plan, _tensors(backbone), device, as_json)
    document = {
        "network": chosen.network,
        "recipe": chosen.name,
        "seed": seed,
        **asdict(trained),
        "path": str(trained.path),
    }
    if as_json:
        emit_json(document)
    else:
        _tell(document)


def _scan(folder: Path) -> Iterator[Scan]:
    """Pictures of a dataset with the planes kept beside them."""
    from ...capture import read_planes, read_records

    for record, (number, planes) in zip(read_records(folder), read_planes(folder), strict=True):
        assert record.number == number, "both walk through the same whole records"
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
            remedy="save it so: safetensors.torch.save_file(model.state_dict(), 'FILE')",
        ) from None


def _train(
    faces: Faces,
    out: Path,
    plan: ParserPlan,
    backbone: dict[str, Tensor] | None,
    device: str,
    quiet: bool,
) -> Trained:
    from ...parsing.training import train_parser
    from ...training import Report

    with progress("training", quiet=quiet) as update:

        def show(report: Report) -> None:
            figures = report.figures
            seen = f", mean iou {figures['mean_iou']:.3f}" if figures else ""
            note = f"loss {report.loss:.4f}{seen}, {report.rate:.0f} pictures/s"
            update(report.step, report.steps, note)

        return train_parser(faces, out, plan, backbone=backbone, device=device, progress=show)


def _tell(document: dict[str, Any]) -> None:
    figures = document["figures"]
    say(
        f"{document['path']}: mean iou {figures['mean_iou']:.3f} on held-out pictures, "
        f"{document['bytes'] / 2**20:.1f} MiB"
    )
    say(
        f"  {document['steps']} steps, {document['epochs']:.1f} epochs, "
        f"{document['seconds'] / 60:.1f} minutes"
    )
    say("  measure it in the engine: f2p evaluate parser -g GAME")
