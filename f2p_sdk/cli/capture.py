"""``f2p capture``: draw a data set of random characters."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import F2PError, UsageError
from ..kinds import check_picture_size
from . import _options as options
from ._bridge import Listening, listen_options
from ._common import load_kind, progress, show, warn

if TYPE_CHECKING:
    from ..capture import Job
    from ..conformance.faces import SampledFaces
    from ..kinds import Kind

RESTARTS = 10
FACE_SIZE = 64  # pixels of the smallest pictures that are searched for faces
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
@click.option(
    "--max-failures",
    metavar="N|N%",
    default="1%",
    show_default=True,
    help="Allowed number of characters that the engine cannot draw, or share of --count, at least "
    "one. They are skipped and listed in failures.jsonl.",
)
@click.option(
    "--retry-failures", is_flag=True, help="Draw the characters in failures.jsonl once more."
)
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
    max_failures: str,
    retry_failures: bool,
    deadline: float,
    listening: Listening,
    as_json: bool,
) -> None:
    """Draw random characters with the game's engine, as training data.

    Pictures of a data set that can train an imitator, 500 or more, must have at least 256 pixels a
    side and 24 pixels between the eyes.

    Writes WebDataset shards (000000.tar, ...). After an interruption, also a power failure, the
    same command continues. A character that the engine cannot draw is skipped: it reports an error,
    ends or does not answer, also when it is asked again.
    """
    from ..bridge.dispatch import MAX_ATTEMPTS
    from ..capture import NEIGHBOURS, Job
    from ..mesh.capture import capture_mesh

    if neighbours > count:
        raise UsageError(f"--neighbours {neighbours} are more than the {count} characters")
    kind = load_kind(game)
    _check_size(kind, size, count)
    drawn, lost, seconds = 0, 0, 0.0
    settings: dict[str, Any] = {"seed": seed, "size": size, "shard_size": shard_size}
    settings |= {"vary": _names(vary), "passes": _names(passes)}
    settings |= {"max_failures": max_failures, "retry_failures": retry_failures}
    with ExitStack() as stack:
        jobs = [stack.enter_context(Job(kind.layout, count, out, **settings))]
        if neighbours:
            beside = Job(kind.layout, neighbours, out / NEIGHBOURS, neighbours=True, **settings)
            jobs.append(stack.enter_context(beside))
        total = sum(job.total for job in jobs)
        if any(job.missing for job in jobs):
            with progress(f"capturing {kind.name}", total, quiet=as_json) as update:
                update(sum(job.done for job in jobs), total, "waiting for the engine")
                # A character that ends engines ends several of them.
                restarts = RESTARTS + MAX_ATTEMPTS * sum(job.limit for job in jobs)
                with listening.open_engine(kind, engines=engines, restarts=restarts) as host:
                    # Imitators, which use meshes, are trained on standard portraits.
                    if count >= MESH_COUNT and not settings["vary"]:
                        draw = partial(capture_mesh, kind.layout, host, out, deadline=deadline)
                        draw(progress=lambda at, of: update(at, of, "drawing meshes"))
                    started = time.perf_counter()

                    def count_up(done: int, of: int) -> None:
                        failed = sum(len(job.failures) for job in jobs)
                        note = f"{failed} characters failed" if failed else ""
                        update(sum(job.done for job in jobs) + failed, total, note)

                    for job in jobs:
                        if job.missing:
                            drawn += job.run(host, progress=count_up, deadline=deadline)
                    seconds = time.perf_counter() - started
                    lost = host.counts.get("lost", 0)
    if lost:
        warn(f"engines were lost {lost} times; their requests went to other engines")
    faces = _faces(kind, out, as_json) if drawn and size >= FACE_SIZE else None
    _report(jobs, drawn, lost, seconds, faces, as_json)


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


def _faces(kind: Kind, folder: Path, quiet: bool) -> SampledFaces | None:
    """Faces in a sample of the pictures; None, with a warning, if no detector can be used."""
    from ..conformance.faces import CHARACTERS, few_faces_remedy, sampled_faces
    from ..plugins import detector

    try:
        finder = detector()
    except F2PError as error:
        warn(f"the pictures were not searched for faces: {error.message}; {error.remedy}")
        return None
    with progress("looking for faces", CHARACTERS, quiet=quiet) as update:
        faces = sampled_faces(folder, finder, update)
    if not faces.enough:
        warn(
            f"a face was found in only {faces.found} of {faces.sample} pictures; before you train, "
            + few_faces_remedy(kind)
        )
    return faces


def _report(
    jobs: Sequence[Job],
    drawn: int,
    lost: int,
    seconds: float,
    faces: SampledFaces | None,
    as_json: bool,
) -> None:
    job, records = jobs[0], sum(job.done for job in jobs)
    failed = sum(len(job.failures) for job in jobs)
    rate = drawn / seconds if seconds else 0.0
    document = {
        "out": str(job.folder),
        "kind": job.layout.name,
        "layout_hash": job.layout.hash,
        "records": job.done,
        "neighbours": records - job.done,
        "failed": failed,
        "drawn": drawn,
        "seconds": round(seconds, 3),
        "pictures_per_second": round(rate, 2),
        "engines_lost": lost,
        "faces": None if faces is None else asdict(faces),
    }
    from ..capture import FAILURES

    now = f"{records} records, {drawn} drawn now, {rate:.1f} per second"
    if faces is not None:
        now += f"; a face was found in {faces.found} of {faces.sample} pictures"
    text = now if drawn else f"all {records} records exist already"
    show(as_json, document, f"{job.folder}: {text}")
    for each in jobs:
        if each.failures:
            first = next(iter(each.failures.values()))
            warn(
                f"{len(each.failures)} characters failed, see {each.folder / FAILURES}; record "
                f"{first.index}: {first.reason}; draw them again with --retry-failures"
            )
