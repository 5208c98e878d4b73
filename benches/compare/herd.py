#!/usr/bin/env python3
"""A thousand connections that all want live values of the same hundred statistics.

The simulated Stat Server answers after a set delay. The thousand ask at once, every second, or each again
as soon as it is answered: how long answers take beside the Stat Server's round trip, and how many peeks
the Stat Server gets, of which one a statistic and round trip would do. See README.md here.
"""

import argparse
import json
import shutil
import time
from pathlib import Path

from load import wrk, write_forms
from servers import Peekd, Simulator, kept_store, wait_for

STATISTICS = 100


def main():
    options = arguments()
    work = Path(options.work).resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    binary = str(Path(options.peekd).resolve())
    filled, names = kept_store(binary, work / "filled", STATISTICS)
    names = names[:STATISTICS]
    simulator = Simulator(binary, work / "simulator", STATISTICS)
    peekd = None
    results = []
    try:
        peekd = Peekd(binary, work / "peekd", simulator.port, filled)
        wait_for("every statistic", lambda: peekd.open_now() >= len(names))
        simulator.order(f"delay primary {options.delay}ms")
        time.sleep(1)
        one = write_forms(work / "one.txt", names)
        all_of_them = write_forms(work / "all.txt", names, count=16, statistics=len(names))
        at_once, on_and_on = options.period, None
        for what, url, forms, period in [
            ("one statistic each, at once", peekd.url, one, at_once),
            ("one statistic each, on and on", peekd.url, one, on_and_on),
            ("all of them each, at once", peekd.many_url, all_of_them, at_once),
        ]:
            load = what, url, forms, period
            results.append(measured(options, peekd, len(names), load))
            print(line(results[-1]), flush=True)
    finally:
        if peekd:
            peekd.stop()
        simulator.stop()
        shutil.rmtree(work)
    work.mkdir(parents=True)
    (work / "result.json").write_text(json.dumps(results, indent=1) + "\n")


def measured(options, peekd, statistics, load):
    what, url, forms, period = load
    trip = 2 * options.delay / 1000
    fetches, began = upstream_peeks(peekd), time.monotonic()
    extra = ["Cache-Control: max-age=0", *([str(period)] if period else [])]
    run = wrk(peekd, url, forms, options.seconds, options.clients, extra)
    took = time.monotonic() - began
    fetches = upstream_peeks(peekd) - fetches
    return {
        "what": what,
        "clients": options.clients,
        "round_trip_ms": trip * 1000,
        "requests_per_second": run.rate,
        "cpu_us": run.cpu_us,
        "generator_busy": run.generator_busy,
        "median_ms": run.median_us / 1000,
        "p99_ms": run.p99_us / 1000,
        "upstream_peeks": fetches,
        # As many round trips as there were herds, or as fitted into the time.
        "upstream_peeks_per_statistic_and_round_trip": fetches
        / statistics
        / (run.requests / options.clients if period else took / trip),
    }


def upstream_peeks(peekd):
    """Live answers, less those that another request's peek brought."""
    return peekd.metric("peekd_live_fetch_seconds_count") - peekd.metric("peekd_peeks_collapsed_total")


def line(result):
    return (
        f"{result['what']}, {result['clients']:,} connections, round trip {result['round_trip_ms']:.0f} ms: "
        f"{result['requests_per_second']:,.0f} requests/s, median {result['median_ms']:.0f} ms, 99 % "
        f"{result['p99_ms']:.0f} ms; {result['upstream_peeks_per_statistic_and_round_trip']:.2f} upstream "
        f"peeks a statistic and round trip (generator busy {result['generator_busy']:.0%})"
    )


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peekd", default="target/release/peekd")
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--delay", type=int, default=25, help="ms, each way")
    parser.add_argument("--period", type=int, default=1000, help="ms between herds that come at once")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--work", default="target/herd")
    return parser.parse_args()


if __name__ == "__main__":
    main()
