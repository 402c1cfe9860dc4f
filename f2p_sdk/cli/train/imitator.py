"""``f2p train imitator``: train an imitator on a captured dataset."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import UsageError
from .._common import emit_json, game_option, load_kind, progress, say
from ._plan import check_plan, out_option, plan_options

if TYPE_CHECKING:
    from ...mesh import Mesh
    from ...parameters import Layout
    from ...training import Pictures, Plan, TrainingResult

NETWORKS = ("compact", "mesh", "published")
RECIPES = ("best", "mesh", "slides")


@click.command()
@game_option
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="A dataset of `f2p capture`.",
)
@out_option
@click.option("--network", type=click.Choice(NETWORKS), help="Default: the recipe's own.")
@click.option(
    "--recipe",
    type=click.Choice(RECIPES),
    help="Default: mesh if the dataset has meshes, else best.",
)
@click.option(
    "--window",
    type=click.IntRange(min=8),
    metavar="PIXELS",
    help="Side of the crops that a step of the recipe mesh draws; larger crops use more of a GPU.",
)
@click.option(
    "--from",
    "initial",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Continue from these weights, of the same layout. Meshes in the dataset replace those in "
    "FILE, e.g. after the game's rig has changed.",
)
@plan_options
def command(
    game: str,
    data: Path,
    out: Path,
    network: str | None,
    recipe: str | None,
    window: int | None,
    initial: Path | None,
    epochs: int | None,
    minutes: float | None,
    batch: int | None,
    rate: float | None,
    seed: int,
    device: str,
    restart: bool,
    as_json: bool,
) -> None:
    """Train an imitator, the network that predicts the engine's picture.

    The same command resumes a stopped training: its state is in FILE.training until the weights are
    written. The same data, options and machine give the same weights.
    """
    check_plan(out, epochs, minutes, restart)
    layout = load_kind(game).layout

    from ...capture import MANIFEST, NEIGHBOURS
    from ...training import Plan
    from ...training import recipe as find_recipe

    mesh = _mesh(layout, data) if network in (None, "mesh") else None
    chosen = find_recipe(recipe or ("best" if mesh is None else "mesh"))
    mesh = mesh if (network or chosen.network) == "mesh" else None
    if window is not None and not chosen.crop:
        raise UsageError(f"--window is for the recipe mesh, not for {chosen.name}")
    chosen = replace(
        chosen,
        batch=batch or chosen.batch,
        rate=rate or chosen.rate,
        crop=window or chosen.crop,
    )
    plan = Plan(chosen, network or "", {}, epochs, minutes, seed, initial)
    pictures = _open(layout, data, plan, as_json)
    beside = data / NEIGHBOURS
    neighbours = _open(layout, beside, plan, as_json) if (beside / MANIFEST).is_file() else None
    extra = {"neighbours": neighbours, "mesh": mesh}
    trained = _train(layout, pictures, out, plan, extra, device, as_json)
    document = {
        "game": layout.name,
        "layout_hash": layout.hash,
        "network": plan.network or chosen.network,
        "recipe": chosen.name,
        "seed": seed,
        **asdict(trained),
        "path": str(trained.path),
    }
    if as_json:
        emit_json(document)
    else:
        _print(document)


def _mesh(layout: Layout, data: Path) -> Mesh | None:
    """The meshes in a dataset; None without."""
    from ...mesh import FILE, Mesh

    path = data / FILE
    return Mesh.load(path, layout) if path.is_file() else None


def _open(layout: Layout, data: Path, plan: Plan, quiet: bool) -> Pictures:
    from ... import capture
    from ...networks import build
    from ...training import open_pictures

    slots = [s.stop - s.start for s in layout.slots]
    name = plan.network or plan.recipe.network
    # the mesh network adapts to the size of the pictures
    size = 256 if name == "mesh" else build(name, layout.size, slots=slots, **plan.options).size
    with progress("decoding pictures", quiet=quiet) as update:
        return open_pictures(
            data,
            layout,
            size,
            lambda: capture.read_records(data),
            progress=lambda done: update(done),
        )


def _train(
    layout: Layout,
    pictures: Pictures,
    out: Path,
    plan: Plan,
    extra: dict[str, Any],
    device: str,
    quiet: bool,
) -> TrainingResult:
    from ...training import Report, train_imitator

    with progress("training", quiet=quiet) as update:

        def prepare(done: int, total: int) -> None:
            update(done, total, "inspecting meshes")

        def show(report: Report) -> None:
            figures = report.figures
            quality = f", {figures['psnr_db']:.2f} dB l1 {figures['l1']:.4f}" if figures else ""
            note = f"loss {report.loss:.4f}{quality}, {report.rate:.0f} pictures/s"
            update(report.step, report.steps, note)

        return train_imitator(
            layout,
            pictures,
            out,
            plan,
            device=device,
            **extra,
            preparing=prepare,
            progress=show,
        )


def _print(document: dict[str, Any]) -> None:
    figures = document["figures"]
    say(
        f"{document['path']}: {figures['psnr_db']:.2f} dB, l1 {figures['l1']:.4f} on held-out "
        f"pictures, {document['bytes'] / 2**20:.1f} MiB"
    )
    say(
        f"  {document['steps']} steps, {document['epochs']:.1f} epochs, "
        f"{document['seconds'] / 60:.1f} minutes"
    )
    say(f"  compare it with the engine: f2p evaluate imitator -g {document['game']}")
