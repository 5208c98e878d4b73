#!/usr/bin/env python3
"""What a peek costs the server with 1,000, with 100,000 and with 1,200,000 statistics known.

One service for each, all at once, their Stat Servers standing still; wrk peeks random statistics of one
after the other, in rounds. Server CPU microseconds a request, medians and their ratio. See README.md
here.
"""

import sys
from pathlib import Path
from statistics import median

from load import wrk, write_forms
from rig import Rig, all_open, options_of, write_result

# Enough that the statistics of the largest do not stay in the processor's caches.
FORMS = 200_000


def main():
    options = arguments()
    runs = {size: [] for size in options.sizes}
    with Rig(options.peekd, options.work) as rig:
        contenders = [contender(rig, options, size) for size in options.sizes]
        for turn in range(options.rounds + 1):
            for size, peekd, forms in contenders:
                run = wrk(peekd, peekd.url, forms, options.seconds)
                if turn > 0:  # The first finds cold caches.
                    runs[size].append(run)
                    print(f"  {size:,}: {run.cpu_us:.2f} us, {run.rate:,.0f}/s", file=sys.stderr)
    results = [
        {
            "statistics": size,
            "cpu_us": median(run.cpu_us for run in runs[size]),
            "rate": median(run.rate for run in runs[size]),
            "ratio": median(a.cpu_us / b.cpu_us for a, b in zip(runs[size], runs[options.sizes[0]])),
        }
        for size in options.sizes
    ]
    write_result(options.work, results)
    print("| statistics | server CPU us a peek | of the smallest | peeks/s |\n| --- | --- | --- | --- |")
    for one in results:
        print(f"| {one['statistics']:,} | {one['cpu_us']:.2f} | {one['ratio']:.2f} | {one['rate']:,.0f} |")


def contender(rig, options, size):
    """A service that knows so many statistics; answers the size, the service and forms to ask it with."""
    print(f"a store of {size:,} statistics ...", file=sys.stderr)
    part = rig.enter_context(rig.part(str(size)))
    store, names = part.store(size, options.stores and Path(options.stores) / str(size))
    simulator = part.simulator(len(names))
    peekd = part.peekd(simulator, store)
    all_open(peekd, names)
    simulator.pause()
    return size, peekd, write_forms(part.folder / "forms.txt", names, count=options.forms)


def arguments():
    parser = options_of("sizes", __doc__, several_stores=True)
    parser.add_argument("sizes", type=int, nargs="*", default=[1_000, 100_000, 1_200_000])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of one run")
    parser.add_argument("--forms", type=int, default=FORMS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
