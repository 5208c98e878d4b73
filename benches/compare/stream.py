#!/usr/bin/env python3
"""What a stream of notifications costs over the real wire: socket, cache, journal and history.

A `peekd serve` with every statistic held open, a `peekd simulate` that pushes so many values a second
into it; processor seconds a million values of either, how many reached the disk, how many were lost
and how long the queue was. See README.md here.
"""

import time

from rig import all_open, at_each_rate, options_of


def main():
    at_each_rate(arguments(), measured, line)


def measured(options, rig, store, names, rate):
    simulator = rig.simulator(len(names))
    peekd = rig.peekd(simulator, store)
    all_open(peekd, names)
    # Only now: a stream would make the opening last.
    simulator.order(f"rate {rate}")
    time.sleep(options.settle)
    before, began = figures(peekd, simulator), time.monotonic()
    queued = 0
    while time.monotonic() - began < options.seconds:
        time.sleep(1)
        queued = max(queued, peekd.metric("peekd_store_queue_changes"))
    after, took = figures(peekd, simulator), time.monotonic() - began
    flushed, lost, serve, simulate = (b - a for a, b in zip(before, after))
    return {
        "rate": rate,
        "seconds": took,
        "stored_per_second": flushed / took,
        "lost": lost,
        "queued_max": queued,
        "serve_seconds_a_million": serve / max(flushed, 1) * 1e6,
        "simulate_seconds_a_million": simulate / max(flushed, 1) * 1e6,
    }


def figures(peekd, simulator):
    return (
        peekd.metric("peekd_store_flushed_changes_total"),
        peekd.metric("peekd_store_lost_changes_total"),
        peekd.cpu_seconds(),
        simulator.cpu_seconds(),
    )


def line(result):
    return (
        f"{result['rate']}/s asked, {result['stored_per_second']:.0f}/s on the disk for "
        f"{result['seconds']:.0f} s, {result['lost']:.0f} lost, queue {result['queued_max']:.0f} at most; "
        f"processor s a million: serve {result['serve_seconds_a_million']:.3f}, "
        f"simulate {result['simulate_seconds_a_million']:.3f}"
    )


def arguments():
    parser = options_of("stream", __doc__)
    parser.add_argument("rates", type=int, nargs="*", default=[70_000, 500_000, 1_000_000])
    parser.add_argument("--statistics", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--settle", type=float, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
