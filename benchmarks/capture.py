"""Speed of an engine through the bridge, relative to its own speed.

    python benchmarks/capture.py -g justice --size 512

Pictures per second through the bridge, divided by the pictures per second that the same engine
process draws without sending them (the bridge's MEASURE). Both are measured in turn, on the same
characters, in one run; the ratio is the median over the rounds, so other load on the machine
affects both alike. Also the rate at which ``f2p capture`` writes, with PNG encoding, and, if the
engine offers labels, its speed with labels relative to colour alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence

from f2p_sdk import Character, Layout, game
from f2p_sdk.bridge import Host, open_engine
from f2p_sdk.capture import Job

CHARACTERS = 8  # of one MEASURE message


def through_bridge(host: Host, characters: Sequence[Character], count: int, size: int) -> float:
    """Pictures per second through the bridge, requested as in a capture."""
    requested = (characters[i % len(characters)] for i in range(count))
    started = time.perf_counter()
    drawn = sum(
        picture.color.shape == (size, size, 3)
        for _, picture in host.render_many(requested, size=size, ordered=True)
    )
    assert drawn == count
    return count / (time.perf_counter() - started)


def to_disk(host: Host, layout: Layout, count: int, size: int) -> float:
    """Records per second that a capture writes."""
    with tempfile.TemporaryDirectory() as folder, Job(layout, count, folder, size=size) as job:
        started = time.perf_counter()
        job.run(host)
        return count / (time.perf_counter() - started)


def _with_labels(inside: Sequence[float], labelled: Sequence[float]) -> dict[str, float]:
    if not labelled:
        return {}
    share = statistics.median(b / a for a, b in zip(inside, labelled, strict=True))
    return {
        "inside_engine_with_labels_per_second": round(statistics.median(labelled), 2),
        "labels_ratio": round(share, 3),
    }


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-g", "--game", required=True, metavar="GAME[/KIND]")
    parser.add_argument("--size", type=int, default=512, metavar="PIXELS")
    parser.add_argument("--pictures", type=int, default=80, metavar="N", help="in each round")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    args = parser.parse_args()
    kind = game(args.game)
    characters = [kind.layout.random(i, 0) for i in range(CHARACTERS)]
    repeat = max(1, args.pictures // CHARACTERS)
    inside, across, disk, labelled = [], [], [], list[float]()
    with open_engine(kind) as host:
        name = str(host.engines[0])
        for _ in range(args.rounds):
            inside.append(host.measure(characters, repeat=repeat, size=args.size))
            if "labels" in host.engines[0].passes:
                both = ("color", "labels")
                rate = host.measure(characters, repeat=repeat, size=args.size, passes=both)
                labelled.append(rate)
            across.append(through_bridge(host, characters, repeat * CHARACTERS, args.size))
            disk.append(to_disk(host, kind.layout, repeat * CHARACTERS, args.size))
    print(
        json.dumps(
            {
                "engine": name,
                "size": args.size,
                "pictures_per_round": repeat * CHARACTERS,
                "rounds": args.rounds,
                "inside_engine_per_second": round(statistics.median(inside), 2),
                **_with_labels(inside, labelled),
                "through_bridge_per_second": round(statistics.median(across), 2),
                "to_disk_per_second": round(statistics.median(disk), 2),
                "ratio": round(
                    statistics.median(b / a for a, b in zip(inside, across, strict=True)), 3
                ),
                "ratios": [round(b / a, 3) for a, b in zip(inside, across, strict=True)],
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
