#!/usr/bin/env python3
"""How opening and live peeks fare while notifications stream in as fast as they are taken.

For each rate: a `peekd simulate` that pushes so many values a second from the first open on, a `peekd
serve` whose store wants every statistic open; how long the opening lasts, and then how long single
peeks with `max-age=0` take. See README.md here.
"""

import random
import sys
import time

from load import Client
from rig import at_each_rate, options_of


def main():
    at_each_rate(arguments(), measured, line)


def measured(options, rig, store, names, rate):
    simulator = rig.simulator(len(names), rate)
    began = time.monotonic()
    peekd = rig.peekd(simulator, store)
    ready = time.monotonic() - began
    opened, told = 0, began
    while opened < len(names) and time.monotonic() - began < options.patience:
        time.sleep(0.2)
        opened = peekd.open_now()
        if time.monotonic() - told > 10:
            told = time.monotonic()
            print(f"  {opened:,} open after {told - began:.0f} s", file=sys.stderr)
    opening = time.monotonic() - began
    cpu = peekd.cpu_seconds(), simulator.cpu_seconds()
    client = live_peeks(peekd, names, options.seconds)
    return {
        "rate": rate,
        "statistics": len(names),
        "open": opened,
        "ready_seconds": ready,
        "opening_seconds": opening,
        "opening_cpu_seconds": {"serve": cpu[0], "simulate": cpu[1]},
        "live_peeks": len(client.took),
        "live_peeks_failed": client.failed,
        "live_median_ms": client.within_ms(0.5),
        "live_p99_ms": client.within_ms(0.99),
        "live_slowest_ms": client.within_ms(1),
        "stored_changes": peekd.metric("peekd_store_flushed_changes_total"),
        "lost_changes": peekd.metric("peekd_store_lost_changes_total"),
    }


def live_peeks(peekd, names, seconds):
    """One peek with `max-age=0` after the other."""
    draw, end = random.Random(1), time.monotonic() + seconds
    client = Client(peekd, 60, {"Cache-Control": "max-age=0"})
    while time.monotonic() < end:
        client.one(draw.choice(names))
    return client


def line(result):
    serve, simulate = result["opening_cpu_seconds"].values()
    words = (
        f"{result['rate']:,}/s: {result['open']:,} of {result['statistics']:,} open after "
        f"{result['opening_seconds']:.1f} s (processor s: serve {serve:.1f}, simulate {simulate:.1f})"
    )
    if result["live_peeks"]:
        words += (
            f"; {result['live_peeks']} live peeks, median {result['live_median_ms']:.1f} ms, "
            f"99 % {result['live_p99_ms']:.1f} ms, slowest {result['live_slowest_ms']:.1f} ms, "
            f"{result['live_peeks_failed']} failed"
        )
    return words


def arguments():
    parser = options_of("opening", __doc__)
    parser.add_argument("rates", type=int, nargs="*", default=[0, 70_000, 500_000])
    parser.add_argument("--statistics", type=int, default=100_000)
    parser.add_argument("--patience", type=float, default=300, help="seconds that opening may take")
    parser.add_argument("--seconds", type=float, default=15, help="of live peeks")
    return parser.parse_args()


if __name__ == "__main__":
    main()
