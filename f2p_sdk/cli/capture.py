"""``f2p capture``: draw a data set of random characters."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from ..kinds import check_picture_size
from . import _options as options
from ._bridge import Listening, listen_options
from ._common import load_kind, progress, show, warn

if TYPE_CHECKING:
    from ..capture import Job
    from ..kinds import Kind

RESTARTS = 10
MESH_COUNT = 500  # smallest data set with a mesh: smaller ones do not train an imitator


@click.command()
@options.game
@options.number("-n", "--count", required=True, help="Number of characters.")
@options.out("DIR", "Folder to write to; an unfinished data set is continued.", folder=True)
@options.number(
    "--neighbours",
    low=0,
    default=0,
    help="Draw the first N characters again with one parameter changed: such pairs show the effect "
    "of each parameter. 40 per number of the vector are enough.",
)
@options.seed
@options.number("--size", high=4096, default=512, metavar="PIXELS", help="Side of the pictures.")
@options.number(
    "--engines",
    high=256,
    default=1,
    help="Number of engines to start, or to wait for with --listen; more may connect.",
)
@click.option(
    "--vary",
    metavar="NAMES",
    default="",
    help="Random parts of the scene: pose, light, expression, background, joined by commas.",
)
@click.option(
    "--passes",
    metavar="NAMES",
    default="",
    help="Further passes to keep: labels, landmarks, depth, joined by commas.",
)
@options.number("--shard-size", help="Records in a tar file.")
@options.seconds("--deadline", 60.0, "Time for one picture.")
@listen_options()
@options.as_json
def command(
    game: str,
    count: int,
    out: Path,
    neighbours: int,
    seed: int,
    size: int,
    engines: int,
    vary: str,
    passes: str,
    shard_size: int | None,
    deadline: float,
    listening: Listening,
    as_json: bool,
) -> None:
    """Draw random characters with the game's engine, as training data.

    Pictures of a data set that can train an imitator, 500 or more, must have at least 256 pixels a
    side and 24 pixels between the eyes.

    Writes WebDataset shards (000000.tar, ...). After an interruption, also a power failure, the
    same command continues.
    """
    from ..capture import NEIGHBOURS, Job
    from ..mesh.capture import capture_mesh

    if neighbours > count:
        raise UsageError(f"--neighbours {neighbours} are more than the {count} characters")
    kind = load_kind(game)
    _check_size(kind, size, count)
    drawn, lost, seconds = 0, 0, 0.0
    settings: dict[str, Any] = {"seed": seed, "size": size, "shard_size": shard_size}
    settings |= {"vary": _names(vary), "passes": _names(passes)}
    with ExitStack() as stack:
        jobs = [stack.enter_context(Job(kind.layout, count, out, **settings))]
        if neighbours:
            beside = Job(kind.layout, neighbours, out / NEIGHBOURS, neighbours=True, **settings)
            jobs.append(stack.enter_context(beside))
        total = sum(job.total for job in jobs)
        if any(job.missing for job in jobs):
            with progress(f"capturing {kind.name}", total, quiet=as_json) as update:
                update(sum(job.done for job in jobs), total, "waiting for the engine")
                with listening.open_engine(kind, engines=engines, restarts=RESTARTS) as host:
                    # Imitators, which use meshes, are trained on standard portraits.
                    if count >= MESH_COUNT and not settings["vary"]:
                        draw = partial(capture_mesh, kind.layout, host, out, deadline=deadline)
                        draw(progress=lambda at, of: update(at, of, "drawing meshes"))
                    started = time.perf_counter()

                    def count_up(done: int, of: int) -> None:
                        update(sum(job.done for job in jobs), total)

                    for job in jobs:
                        if job.missing:
                            drawn += job.run(host, progress=count_up, deadline=deadline)
                    seconds = time.perf_counter() - started
                    lost = host.counts.get("lost", 0)
    if lost:
        warn(f"engines were lost {lost} times; their requests went to other engines")
    _report(jobs, drawn, lost, seconds, as_json)


def _check_size(kind: Kind, size: int, count: int) -> None:
    """Refuse pictures that are too small for a training; warn where they are too few for one."""
    try:
        check_picture_size(size, None if kind.framing_path is None else kind.framing)
    except UsageError as error:
        if count >= MESH_COUNT:
            raise
        warn(f"{error.message}: {error.remedy}")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _report(jobs: Sequence[Job], drawn: int, lost: int, seconds: float, as_json: bool) -> None:
    job, records = jobs[0], sum(job.done for job in jobs)
    rate = drawn / seconds if seconds else 0.0
    document = {
        "out": str(job.folder),
        "kind": job.layout.name,
        "layout_hash": job.layout.hash,
        "records": job.done,
        "neighbours": records - job.done,
        "drawn": drawn,
        "seconds": round(seconds, 3),
        "pictures_per_second": round(rate, 2),
        "engines_lost": lost,
    }
    now = f"{records} records, {drawn} drawn now, {rate:.1f} per second"
    text = now if drawn else f"all {records} records exist already"
    show(as_json, document, f"{job.folder}: {text}")
