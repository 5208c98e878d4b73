#!/usr/bin/env python3
"""What a peek costs the server with 1,000, with 100,000 and with 1,200,000 statistics known.

One service for each, all at once, their Stat Servers standing still; wrk peeks random statistics of one
after the other, in rounds. Server CPU microseconds a request, medians and their ratio. See README.md
here.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from statistics import median

from load import wrk, write_forms
from servers import Peekd, Simulator, kept_store, wait_for

# Enough that the statistics of the largest do not stay in the processor's caches.
FORMS = 200_000


def main():
    options = arguments()
    work = Path(options.work).resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    binary = str(Path(options.peekd).resolve())
    servers, contenders = [], []
    runs = {size: [] for size in options.sizes}
    try:
        for size in options.sizes:
            kept = Path(options.stores or work / "filled").resolve() / str(size)
            print(f"a store of {size:,} statistics ...", file=sys.stderr)
            filled, names = kept_store(binary, kept, size)
            folder = work / str(size)
            shutil.copytree(filled, folder / "store")
            simulator = Simulator(binary, folder / "simulator", len(names))
            servers.append(simulator)
            peekd = Peekd(binary, folder / "peekd", simulator.port, folder / "store")
            servers.append(peekd)
            wait_for("every statistic", lambda: peekd.open_now() >= len(names), 300)
            simulator.pause()
            forms = write_forms(folder / "forms.txt", names, count=options.forms)
            contenders.append((size, peekd, forms))
        for turn in range(options.rounds + 1):
            for size, peekd, forms in contenders:
                run = wrk(peekd, peekd.url, forms, options.seconds)
                if turn > 0:  # The first finds cold caches.
                    runs[size].append(run)
                    print(f"  {size:,}: {run.cpu_us:.2f} us, {run.rate:,.0f}/s", file=sys.stderr)
    finally:
        for server in reversed(servers):
            server.stop()
        shutil.rmtree(work)
    work.mkdir(parents=True)
    results = [
        {
            "statistics": size,
            "cpu_us": median(run.cpu_us for run in runs[size]),
            "rate": median(run.rate for run in runs[size]),
            "ratio": median(a.cpu_us / b.cpu_us for a, b in zip(runs[size], runs[options.sizes[0]])),
        }
        for size in options.sizes
    ]
    (work / "result.json").write_text(json.dumps(results, indent=1) + "\n")
    print("| statistics | server CPU us a peek | of the smallest | peeks/s |\n| --- | --- | --- | --- |")
    for one in results:
        print(f"| {one['statistics']:,} | {one['cpu_us']:.2f} | {one['ratio']:.2f} | {one['rate']:,.0f} |")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="*", default=[1_000, 100_000, 1_200_000])
    parser.add_argument("--peekd", default="target/release/peekd")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of one run")
    parser.add_argument("--forms", type=int, default=FORMS)
    parser.add_argument("--work", default="target/sizes")
    parser.add_argument("--stores", help="a folder whose filled stores are used, and made if need be")
    return parser.parse_args()


if __name__ == "__main__":
    main()
