"""``f2p train landmarks``: learn the effect of parameters and expressions on landmarks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import DatasetError, PluginError
from .. import _options as options
from .._common import emit_json, load_kind, progress, say
from ._plan import check_records, licence_option, out_option, partial_option, refuse_existing

if TYPE_CHECKING:
    from ...landmarks import LandmarkRecord
    from ...parameters import Layout


@click.command()
@options.game
@options.path(
    "--data",
    folder=True,
    exists=True,
    required=True,
    multiple=True,
    help="A dataset of `f2p capture`, also with --vary expression; may be given several times.",
)
@out_option
@partial_option
@click.option("--restart", is_flag=True, help="Overwrite the file.")
@licence_option
@options.as_json
def command(
    game: str,
    data: tuple[Path, ...],
    out: Path,
    partial: bool,
    restart: bool,
    licence: str,
    as_json: bool,
) -> None:
    """Learn what parameters and expressions do to the landmarks of a face.

    Detects landmarks in an engine's pictures and fits a linear model to them. `f2p fit` compares
    landmarks with the photo where the kind has such a model and a landmarker is installed.
    """
    if not restart:
        refuse_existing(out)
    kind = load_kind(game)

    from ...landmarks import train_landmarks
    from ...plugins import landmarker, landmarkers

    found = landmarker()
    if found is None:
        raise PluginError(
            "landmarks need a landmarker, and none can be used",
            remedy="install one, e.g. f2p-facemesh, then run `f2p plugins`",
        )
    theirs = next(spec.licence for spec in landmarkers() if spec.name == found.name)
    with progress("detecting landmarks", quiet=as_json) as update:
        result = train_landmarks(
            kind.layout,
            kind.framing,
            found,
            _records(kind.layout, data, partial, update),
            out,
            source={"data": [folder.name for folder in data], **_assets(data)},
            licence=f"{licence}; landmarks by {found.name} ({theirs})",
        )
    if as_json:
        emit_json(
            {
                "path": str(result.path),
                "pictures": result.pictures,
                "missed": result.missed,
                **result.figures,
            }
        )
        return
    figures = result.figures
    say(f"{result.path}: {result.pictures} pictures, {result.missed} more without a face")
    say(f"  explains {figures['r2']:.0%} of the landmarks' variance on held-out pictures,")
    say(f"  error {figures['error']:.3f} eye distances")
    if "expression_r2" in figures:
        say(f"  explains {figures['expression_r2']:.0%} of the displacement by expressions")


def _assets(folders: tuple[Path, ...]) -> dict[str, str]:
    """``assets`` of the datasets, if one has any; warns if they differ."""
    from ...bridge import warn_assets
    from ...capture import read_manifest

    given = {folder: read_manifest(folder).assets for folder in folders}
    first = next((folder for folder in folders if given[folder]), None)
    if first is None:
        return {}
    for folder, assets in given.items():
        remedy = "capture both again with one version of the game"
        warn_assets(str(folder), assets, given[first], remedy, owner=str(first))
    return {"assets": given[first]}


def _records(
    layout: Layout,
    folders: tuple[Path, ...],
    partial: bool,
    update: Callable[[int, int], object],
) -> Iterator[LandmarkRecord]:
    """Vectors, actions and pictures of all datasets."""
    from ... import images
    from ...capture import random_scene, read_manifest, read_records
    from ...landmarks import LandmarkRecord

    manifests = [read_manifest(folder) for folder in folders]
    total, done = sum(manifest.count for manifest in manifests), 0
    for folder, manifest in zip(folders, manifests, strict=True):
        if manifest.layout != layout.hash or "pose" in manifest.varied_aspects:
            raise DatasetError(
                f"{folder}: landmarks need pictures of {layout.name} without --vary pose, "
                f"the data are of {manifest.game}/{manifest.kind} with {manifest.vary or 'none'}",
                remedy=f"f2p capture -g {layout.name} --vary expression -o DIR",
            )
    check_records(folders, partial)
    for folder, manifest in zip(folders, manifests, strict=True):
        for record in read_records(folder):
            scene = random_scene(record.number, manifest.seed, manifest.varied_aspects)
            picture = images.decode(record.png, name=f"{folder}, record {record.number}")
            vector = layout.encode(record.values)
            yield LandmarkRecord(vector, scene.get("expression", {}), picture)
            done += 1
            if done % 16 == 0:
                update(done, total)
