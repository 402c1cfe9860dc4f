"""Pictures per second of several engine processes at once.

    python benchmarks/engine.py -g justice/female --engines 2

All processes draw the same random characters at once, without sending them (the bridge's MEASURE):
colour alone and colour with labels in turn. The rates are sums over the processes and medians over
the rounds; ``labels_ratio`` is the second divided by the first. ``f2p capture --engines N`` is
fastest with one process per core; several processes draw on one core each (``LP_NUM_THREADS=1``),
unless the environment sets this variable.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from f2p_sdk import game
from f2p_sdk.bridge import open_engine

CHARACTERS = 8  # of one MEASURE message


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-g", "--game", required=True, metavar="GAME[/KIND]")
    parser.add_argument("--size", type=int, default=512, metavar="PIXELS")
    parser.add_argument("--engines", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--pictures", type=int, default=160, metavar="N", help="in each round")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    args = parser.parse_args()
    if args.engines > 1:
        os.environ.setdefault("LP_NUM_THREADS", "1")  # Mesa's software rasteriser reads it
    kind = game(args.game)
    characters = [kind.layout.random(i, 0) for i in range(CHARACTERS)]
    repeat = max(1, args.pictures // CHARACTERS // args.engines)
    rates: dict[tuple[str, ...], list[float]] = {("color",): [], ("color", "labels"): []}
    with ExitStack() as stack, ThreadPoolExecutor(args.engines) as pool:
        hosts = [stack.enter_context(open_engine(kind)) for _ in range(args.engines)]
        name = str(hosts[0].engines[0])
        offered = {p: r for p, r in rates.items() if set(p) <= set(hosts[0].engines[0].passes)}
        for round_ in range(args.rounds + 1):
            for passes, measured in offered.items():
                jobs = [
                    pool.submit(h.measure, characters, repeat=repeat, size=args.size, passes=passes)
                    for h in hosts
                ]
                rate = sum(job.result() for job in jobs)
                if round_:  # the first is a warm-up
                    measured.append(rate)
    medians = {passes: statistics.median(found) for passes, found in offered.items()}
    colour, both = medians["color",], medians.get(("color", "labels"))
    report: dict[str, object] = {
        "engine": name,
        "size": args.size,
        "engines": args.engines,
        "pictures_per_round": repeat * CHARACTERS * args.engines,
        "rounds": args.rounds,
        "colour_per_second": round(colour, 2),
        "colour_rounds": [round(r, 2) for r in offered["color",]],
    }
    if both is not None:
        report["colour_and_labels_per_second"] = round(both, 2)
        report["labels_ratio"] = round(both / colour, 3)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
