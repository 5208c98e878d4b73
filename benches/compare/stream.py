#!/usr/bin/env python3
"""What a stream of notifications costs over the real wire: socket, cache, journal and history.

A `peekd serve` with every statistic held open, a `peekd simulate` that pushes so many values a second
into it; processor seconds a million values of either, how many reached the disk, how many were lost
and how long the queue was. See README.md here.
"""

import argparse
import shutil
import time
from pathlib import Path

from servers import Peekd, Simulator, kept_store, wait_for


def main():
    options = arguments()
    work = Path(options.work).resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    kept = Path(options.store).resolve() if options.store else work / "filled"
    filled, _ = kept_store(options.binary, kept, options.statistics)
    shutil.copytree(filled, work / "store")
    for rate in options.rates:
        print(line(rate, *measured(options, work, rate)), flush=True)
    shutil.rmtree(work)


def measured(options, work, rate):
    simulator = Simulator(options.binary, work / "sim", options.statistics)
    try:
        peekd = Peekd(options.binary, work / "peekd", simulator.port, work / "store")
        try:
            wait_for("the statistics", lambda: peekd.open_now() >= options.statistics, 300)
            # Only now: a stream would make the opening last.
            simulator.order(f"rate {rate}")
            time.sleep(options.settle)
            before, began = figures(peekd, simulator), time.monotonic()
            queued = 0
            while time.monotonic() - began < options.seconds:
                time.sleep(1)
                queued = max(queued, peekd.metric("peekd_store_queue_changes"))
            after, took = figures(peekd, simulator), time.monotonic() - began
            return [b - a for a, b in zip(before, after)], queued, took
        finally:
            peekd.stop()
    finally:
        simulator.stop()


def figures(peekd, simulator):
    return (
        peekd.metric("peekd_store_flushed_changes_total"),
        peekd.metric("peekd_store_lost_changes_total"),
        peekd.cpu_seconds(),
        simulator.cpu_seconds(),
    )


def line(rate, grown, queued, took):
    flushed, lost, serve, simulate = grown
    million = max(flushed, 1) / 1e6
    return (
        f"{rate}/s asked, {flushed / took:.0f}/s on the disk for {took:.0f} s, {lost:.0f} lost, queue "
        f"{queued:.0f} at most; processor s a million: serve {serve / million:.3f}, "
        f"simulate {simulate / million:.3f}"
    )


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rates", type=int, nargs="*", default=[70_000, 500_000, 1_000_000])
    parser.add_argument("--binary", default="target/release/peekd")
    parser.add_argument("--statistics", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--settle", type=float, default=3)
    parser.add_argument("--work", default="target/stream")
    parser.add_argument("--store", help="a folder whose filled store is used, and made if need be")
    return parser.parse_args()


if __name__ == "__main__":
    main()
