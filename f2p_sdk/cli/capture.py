"""``f2p capture``: draw a data set of random characters."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from ._bridge import Listening, listen_options
from ._common import emit_json, load_kind, progress, say, warn
from ._options import game_option, json_option, out_option, seconds_option, seed_option

if TYPE_CHECKING:
    from ..capture import Job

RESTARTS = 10
MESH_COUNT = 500  # smallest data set with a mesh: smaller ones do not train an imitator


@click.command()
@game_option
@click.option(
    "-n", "--count", required=True, type=click.IntRange(min=1), help="Number of characters."
)
@out_option("DIR", "Folder to write to; an unfinished data set is continued.", folder=True)
@click.option(
    "--neighbours",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Draw the first N characters again with one parameter changed: such pairs show the effect "
    "of each parameter. 40 per number of the vector are enough.",
)
@seed_option
@click.option(
    "--size",
    type=click.IntRange(1, 4096),
    default=512,
    show_default=True,
    metavar="PIXELS",
    help="Side of the pictures.",
)
@click.option(
    "--engines",
    type=click.IntRange(min=1, max=256),
    default=1,
    show_default=True,
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
@click.option("--shard-size", type=click.IntRange(min=1), help="Records in a tar file.")
@seconds_option("--deadline", 60.0, "Time for one picture.")
@listen_options()
@json_option
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

    Writes WebDataset shards (000000.tar, ...). After an interruption, also a power failure, the
    same command continues.
    """
    from ..capture import NEIGHBOURS, Job
    from ..mesh.capture import capture_mesh

    if neighbours > count:
        raise UsageError(f"--neighbours {neighbours} are more than the {count} characters")
    kind = load_kind(game)
    drawn, lost, seconds = 0, 0, 0.0
    options: dict[str, Any] = {
        "seed": seed,
        "size": size,
        "shard_size": shard_size,
        "vary": _names(vary),
        "passes": _names(passes),
    }
    with ExitStack() as stack:
        jobs = [stack.enter_context(Job(kind.layout, count, out, **options))]
        if neighbours:
            folder = out / NEIGHBOURS
            job = Job(kind.layout, neighbours, folder, neighbours=True, **options)
            jobs.append(stack.enter_context(job))
        total = sum(job.total for job in jobs)
        if any(job.missing for job in jobs):
            with progress(f"capturing {kind.name}", total, quiet=as_json) as update:
                update(sum(job.done for job in jobs), total, "waiting for the engine")
                with listening.open_engine(kind, engines=engines, restarts=RESTARTS) as host:
                    if count >= MESH_COUNT:
                        capture_mesh(
                            kind.layout,
                            host,
                            out,
                            deadline=deadline,
                            progress=lambda at, of: update(at, of, "drawing meshes"),
                        )
                    started = time.perf_counter()

                    def show(done: int, of: int) -> None:
                        update(sum(job.done for job in jobs), total)

                    for job in jobs:
                        if job.missing:
                            drawn += job.run(host, progress=show, deadline=deadline)
                    seconds = time.perf_counter() - started
                    lost = host.counts.get("lost", 0)
    if lost:
        warn(f"engines were lost {lost} times; their requests went to other engines")
    _report(jobs, drawn, lost, seconds, as_json)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _report(jobs: Sequence[Job], drawn: int, lost: int, seconds: float, as_json: bool) -> None:
    job, records = jobs[0], sum(job.done for job in jobs)
    rate = drawn / seconds if seconds else 0.0
    if as_json:
        emit_json(
            {
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
        )
    elif drawn:
        say(f"{job.folder}: {records} records, {drawn} drawn now, {rate:.1f} per second")
    else:
        say(f"{job.folder}: all {records} records exist already")
