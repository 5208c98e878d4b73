#!/usr/bin/env python3
"""A thousand connections that all want live values of the same hundred statistics.

The simulated Stat Server answers after a set delay. The thousand ask at once, every second, or each again
as soon as it is answered: how long answers take beside the Stat Server's round trip, and how many peeks
the Stat Server gets, of which one a statistic and round trip would do. See README.md here.
"""

import time

from load import wrk, write_forms
from rig import Rig, all_open, options_of, write_result

STATISTICS = 100


def main():
    options = arguments()
    results = []
    with Rig(options.peekd, options.work) as rig:
        store, names = rig.store(STATISTICS, options.store)
        names = names[:STATISTICS]
        simulator = rig.simulator(STATISTICS)
        peekd = rig.peekd(simulator, store)
        all_open(peekd, names)
        simulator.order(f"delay primary {options.delay}ms")
        time.sleep(1)
        one = write_forms(rig.folder / "one.txt", names)
        all_of_them = write_forms(rig.folder / "all.txt", names, count=16, statistics=len(names))
        at_once, on_and_on = options.period, None
        for what, url, forms, period in [
            ("one statistic each, at once", peekd.url, one, at_once),
            ("one statistic each, on and on", peekd.url, one, on_and_on),
            ("all of them each, at once", peekd.many_url, all_of_them, at_once),
            ("all of them each, on and on", peekd.many_url, all_of_them, on_and_on),
        ]:
            load = what, url, forms, period
            results.append(measured(options, peekd, len(names), load))
            print(line(results[-1]), flush=True)
    write_result(options.work, results)


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
    # What is still in flight would be counted in one figure and not yet in the other.
    time.sleep(0.5)
    return peekd.metric("peekd_live_fetch_seconds_count") - peekd.metric("peekd_peeks_collapsed_total")


def line(result):
    return (
        f"{result['what']}, {result['clients']:,} connections, round trip {result['round_trip_ms']:.0f} ms: "
        f"{result['requests_per_second']:,.0f} requests/s, median {result['median_ms']:.0f} ms, 99 % "
        f"{result['p99_ms']:.0f} ms; {result['upstream_peeks_per_statistic_and_round_trip']:.2f} upstream "
        f"peeks a statistic and round trip; {result['cpu_us']:.0f} us of the server a request (generator busy "
        f"{result['generator_busy']:.0%})"
    )


def arguments():
    parser = options_of("herd", __doc__)
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--delay", type=int, default=25, help="ms, each way")
    parser.add_argument("--period", type=int, default=1000, help="ms between herds that come at once")
    parser.add_argument("--seconds", type=int, default=10)
    return parser.parse_args()


if __name__ == "__main__":
    main()
