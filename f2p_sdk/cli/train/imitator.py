"""``f2p train imitator``: train an imitator on a captured dataset."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ...errors import UsageError
from ...verdicts import imitator_verdict
from .. import _options as options
from .._common import load_kind, progress
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
    from ...parameters import Layout
    from ...training import Pictures, Plan

NETWORKS = ("compact", "mesh", "published")
RECIPES = ("best", "mesh", "slides")


@click.command()
@options.game
@options.path("--data", folder=True, exists=True, required=True, help="A dataset of `f2p capture`.")
@out_option
@options.choice("--network", NETWORKS, help="Default: the recipe's own.")
@options.choice("--recipe", RECIPES, help="Default: mesh if the dataset has meshes, else best.")
@options.number(
    "--window",
    low=8,
    metavar="PIXELS",
    help="Side of the crops that a step of the recipe mesh draws; larger crops use more of a GPU.",
)
@options.path(
    *("--from", "initial"),
    folder=False,
    exists=True,
    help="Continue from these weights, of the same layout. Meshes in the dataset replace those in "
    "FILE, e.g. after the game's rig has changed.",
)
@partial_option
@plan_options
def command(
    game: str,
    data: Path,
    out: Path,
    network: str | None,
    recipe: str | None,
    window: int | None,
    initial: Path | None,
    partial: bool,
    as_json: bool,
    **values: Any,
) -> None:
    """Train an imitator, the network that predicts the engine's picture.

    The same command resumes a stopped training: its state is in FILE.training until the weights are
    written. The same data, options and machine give the same weights. Ends with a verdict on the
    pictures: good, usable or poor.
    """
    check_plan(out, values)
    layout = load_kind(game).layout

    from ...capture import MANIFEST, NEIGHBOURS
    from ...mesh import FILE, Mesh
    from ...training import Plan, train_imitator
    from ...training import recipe as find_recipe

    path = data / FILE
    usable = network in (None, "mesh") and path.is_file()
    mesh = Mesh.load(path, layout) if usable else None
    chosen = find_recipe(recipe or ("best" if mesh is None else "mesh"))
    mesh = mesh if (network or chosen.network) == "mesh" else None
    if window is not None and not chosen.crop:
        raise UsageError(f"--window is for the recipe mesh, not for {chosen.name}")
    chosen = replace(chosen, crop=window or chosen.crop)
    plan = make_plan(Plan, chosen, values, network=network or "", initial_weights=initial)
    check_records([data], partial)
    pictures = _open(layout, data, plan, as_json)
    if initial is not None:
        _compare_assets(pictures, data, initial)
    beside = data / NEIGHBOURS
    neighbours = _open(layout, beside, plan, as_json) if (beside / MANIFEST).is_file() else None
    with progress("training", quiet=as_json) as update:
        result = train_imitator(
            layout,
            pictures,
            out,
            plan,
            device=values["device"],
            neighbours=neighbours,
            mesh=mesh,
            preparing=lambda done, total: update(done, total, "inspecting meshes"),
            progress=reporter(update, _describe),
        )
    head = {
        "game": layout.name,
        "layout_hash": layout.hash,
        "network": plan.network or chosen.network,
        "recipe": chosen.name,
        "seed": plan.seed,
    }
    command = f"f2p evaluate imitator -g {layout.name} --weights {out}"
    verdict = imitator_verdict(layout.name, result.figures["psnr_db"])
    show_result(result, head, _describe, command, as_json, verdict)


def _compare_assets(pictures: Pictures, data: Path, initial: Path) -> None:
    """Warn if the initial weights were trained on pictures of other assets."""
    from ...bridge import warn_assets
    from ...weights import load_card

    made_with = str(load_card(initial).get("assets", ""))
    assets = str(pictures.source.get("assets", ""))
    remedy = "compare the figures with those of a training without --from"
    warn_assets(str(initial), made_with, assets, remedy, owner=f"the data set {data}")


def _open(layout: Layout, data: Path, plan: Plan, quiet: bool) -> Pictures:
    from ... import capture
    from ...networks import build
    from ...training import open_pictures

    slots = [s.stop - s.start for s in layout.slots]
    name = plan.network or plan.recipe.network
    # the mesh network adapts to the size of the pictures
    size = 256 if name == "mesh" else build(name, layout.size, slots=slots, **plan.options).size
    with progress("decoding pictures", quiet=quiet) as update:
        records = functools.partial(capture.read_records, data)
        pictures = open_pictures(data, layout, size, records, progress=update)
    assets = capture.read_manifest(data).assets
    source = {**pictures.source, **({"assets": assets} if assets else {})}
    return replace(pictures, source=source)


def _describe(figures: Mapping[str, Any]) -> str:
    return f"{figures['psnr_db']:.2f} dB, l1 {figures['l1']:.4f}"
