"""``f2p capture``: a dataset of random characters and the engine's pictures of them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from ._bridge import host_keys, listen_options, tell_refusal
from ._common import emit_json, game_option, json_option, load_kind, progress, say, warn

if TYPE_CHECKING:
    from ..capture import Job

RESTARTS = 10


@click.command()
@game_option
@click.option(
    "-n", "--count", required=True, type=click.IntRange(min=1), help="How many characters."
)
@click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where to write; a folder that was begun is gone on with.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
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
    help="How many to start, or to wait for with --listen; more may join.",
)
@click.option("--shard-size", type=click.IntRange(min=1), help="Records in a tar file.")
@click.option(
    "--deadline",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long an engine may take for one picture.",
)
@listen_options()
@json_option
def command(
    game: str,
    count: int,
    out: Path,
    seed: int,
    size: int,
    engines: int,
    shard_size: int | None,
    deadline: float,
    listen: str | None,
    keys: Path | None,
    plaintext: bool,
    as_json: bool,
) -> None:
    """Draw random characters by the game's engine, to train networks on.

    Writes WebDataset shards (000000.tar, ...). It may be stopped at any time, also by a power cut:
    the same command goes on where it stopped.
    """
    from ..bridge import open_engine
    from ..capture import Job, capture_motion

    if listen is None and (keys is not None or plaintext):
        raise UsageError("--keys and --plaintext are for --listen")
    kind = load_kind(game)
    drawn, lost, seconds = 0, 0, 0.0
    with Job(kind.layout, count, out, seed=seed, size=size, shard_size=shard_size) as job:
        if job.missing:
            with progress(f"capturing {kind.name}", job.total, quiet=as_json) as update:
                update(job.done, job.total, "waiting for the engine")
                with open_engine(
                    kind,
                    engines=engines,
                    listen=listen,
                    keys=host_keys(keys),
                    plaintext=plaintext,
                    restarts=RESTARTS,
                    on_refusal=tell_refusal,
                ) as host:
                    update(job.done, job.total, "asking how the sliders move the face")
                    capture_motion(kind.layout, host, out, deadline=deadline)
                    started = time.perf_counter()
                    drawn = job.run(host, progress=update, deadline=deadline)
                    seconds = time.perf_counter() - started
                    lost = host.counts.get("lost", 0)
    if lost:
        warn(f"engines were lost {lost} times; others drew what they had begun")
    _tell(job, drawn, lost, seconds, as_json)


def _tell(job: Job, drawn: int, lost: int, seconds: float, as_json: bool) -> None:
    rate = drawn / seconds if seconds else 0.0
    if as_json:
        document: dict[str, Any] = {
            "out": str(job.folder),
            "kind": job.layout.name,
            "layout_hash": job.layout.hash,
            "records": job.done,
            "drawn": drawn,
            "seconds": round(seconds, 3),
            "pictures_per_second": round(rate, 2),
            "engines_lost": lost,
        }
        emit_json(document)
    elif drawn:
        say(f"{job.folder}: {job.done} records, {drawn} drawn now, {rate:.1f} a second")
    else:
        say(f"{job.folder}: all {job.done} records are there")
