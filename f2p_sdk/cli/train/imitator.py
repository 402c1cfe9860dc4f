"""``f2p train imitator``: a captured dataset to the weights of an imitator."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import UsageError
from .._common import emit_json, load_kind, progress, say
from .._options import game_option
from ._plan import check_plan, out_option, plan_options

if TYPE_CHECKING:
    from ...mesh import Mesh
    from ...parameters import Layout
    from ...training import Pictures, Plan, Trained

NETWORKS = ("compact", "mesh", "published")
RECIPES = ("best", "mesh", "slides")


@click.command()
@game_option
@click.option(
    "--data",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="A folder that `f2p capture` filled.",
)
@out_option
@click.option("--network", type=click.Choice(NETWORKS), help="Default: the recipe's own.")
@click.option(
    "--recipe",
    type=click.Choice(RECIPES),
    help="Default: mesh where the engine has told its meshes, else best.",
)
@click.option(
    "--window",
    type=click.IntRange(min=8),
    metavar="PIXELS",
    help="Side of the parts of pictures that a step of the recipe mesh draws: the larger, the "
    "more a GPU has to do at once.",
)
@click.option(
    "--from",
    "start",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Go on from these weights, of the same layout, instead of new ones. Meshes that "
    "the data tell take the place of those in FILE: so it follows a game whose rig has changed.",
)
@plan_options
def command(
    game: str,
    data: Path,
    out: Path,
    network: str | None,
    recipe: str | None,
    window: int | None,
    start: Path | None,
    epochs: int | None,
    minutes: float | None,
    batch: int | None,
    rate: float | None,
    seed: int,
    device: str,
    restart: bool,
    as_json: bool,
) -> None:
    """Train the network that draws what the engine would.

    Stopped or killed, the same command goes on where it was: the state lies in FILE.training until
    the weights are written. The same data, options and machine give the same weights.
    """
    check_plan(out, epochs, minutes, restart)
    layout = load_kind(game).layout

    from ...capture import MANIFEST, NEIGHBOURS
    from ...training import Plan
    from ...training import recipe as find_recipe

    mesh = _mesh(layout, data) if network in (None, "mesh") else None
    chosen = find_recipe(recipe or ("best" if mesh is None else "mesh"))
    mesh = mesh if (network or chosen.network) == "mesh" else None
    if window is not None and not chosen.window:
        raise UsageError(f"--window is for the recipe mesh, not for {chosen.name}")
    chosen = replace(
        chosen,
        batch=batch or chosen.batch,
        rate=rate or chosen.rate,
        window=window or chosen.window,
    )
    plan = Plan(chosen, network or "", {}, epochs, minutes, seed, start)
    pictures = _open(layout, data, plan, as_json)
    beside = data / NEIGHBOURS
    neighbours = _open(layout, beside, plan, as_json) if (beside / MANIFEST).is_file() else None
    told = {"neighbours": neighbours, "mesh": mesh}
    trained = _train(layout, pictures, out, plan, told, device, as_json)
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
        _tell(document)


def _mesh(layout: Layout, data: Path) -> Mesh | None:
    """What the engine has told of its meshes, if `f2p capture` could ask it."""
    from ...mesh import FILE, Mesh

    path = data / FILE
    return Mesh.load(path, layout) if path.is_file() else None


def _open(layout: Layout, data: Path, plan: Plan, quiet: bool) -> Pictures:
    from ... import capture
    from ...networks import build
    from ...training import open_pictures

    slots = [s.stop - s.start for s in layout.slots]
    name = plan.network or plan.recipe.network
    # what the mesh network draws is as large as the pictures it is given
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
    told: dict[str, Any],
    device: str,
    quiet: bool,
) -> Trained:
    from ...training import Report, train_imitator

    with progress("training", quiet=quiet) as update:

        def prepare(done: int, total: int) -> None:
            update(done, total, "looking at what is told")

        def show(report: Report) -> None:
            figures = report.figures
            seen = f", {figures['psnr_db']:.2f} dB l1 {figures['l1']:.4f}" if figures else ""
            note = f"loss {report.loss:.4f}{seen}, {report.rate:.0f} pictures/s"
            update(report.step, report.steps, note)

        return train_imitator(
            layout,
            pictures,
            out,
            plan,
            device=device,
            **told,
            preparing=prepare,
            progress=show,
        )


def _tell(document: dict[str, Any]) -> None:
    figures = document["figures"]
    say(
        f"{document['path']}: {figures['psnr_db']:.2f} dB, l1 {figures['l1']:.4f} on held-out "
        f"pictures, {document['bytes'] / 2**20:.1f} MiB"
    )
    say(
        f"  {document['steps']} steps, {document['epochs']:.1f} epochs, "
        f"{document['seconds'] / 60:.1f} minutes"
    )
    say(f"  measure it in the engine: f2p evaluate imitator -g {document['game']}")
