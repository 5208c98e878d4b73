#!/usr/bin/env python3
"""How opening and live peeks fare while notifications stream in as fast as they are taken.

For each rate: a `peekd simulate` that pushes so many values a second from the first open on, a `peekd
serve` whose store wants every statistic open; how long the opening lasts, and then how long single
peeks with `max-age=0` take. See README.md here.
"""

import argparse
import http.client
import json
import random
import shutil
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

from servers import BASIC, Peekd, Simulator, kept_store


def main():
    options = arguments()
    work = Path(options.work).resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    binary = str(Path(options.peekd).resolve())
    kept = Path(options.store).resolve() if options.store else work / "filled"
    filled, names = kept_store(binary, kept, options.statistics)
    results = []
    for rate in options.rates:
        store = work / "store"
        shutil.copytree(filled, store)
        results.append(measured(options, binary, work, store, names, rate))
        print(line(results[-1]), flush=True)
        shutil.rmtree(store)
    shutil.rmtree(work)
    work.mkdir(parents=True)
    (work / "result.json").write_text(json.dumps(results, indent=1) + "\n")


def measured(options, binary, work, store, names, rate):
    simulator = Simulator(binary, work / "simulator", len(names), rate)
    peekd = None
    try:
        began = time.monotonic()
        peekd = Peekd(binary, work / "peekd", simulator.port, store)
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
        took, failed = live_peeks(peekd, names, options.seconds)
        return {
            "rate": rate,
            "statistics": len(names),
            "open": opened,
            "ready_seconds": ready,
            "opening_seconds": opening,
            "opening_cpu_seconds": {"serve": cpu[0], "simulate": cpu[1]},
            "live_peeks": len(took),
            "live_peeks_failed": failed,
            "live_median_ms": took[len(took) // 2] * 1000 if took else None,
            "live_p99_ms": took[len(took) * 99 // 100] * 1000 if took else None,
            "live_slowest_ms": took[-1] * 1000 if took else None,
            "stored_changes": peekd.metric("peekd_store_flushed_changes_total"),
            "lost_changes": peekd.metric("peekd_store_lost_changes_total"),
        }
    finally:
        if peekd:
            peekd.stop()
        simulator.stop()


def live_peeks(peekd, names, seconds):
    """One peek with `max-age=0` after the other. Answers how long each took, and how many failed."""
    draw = random.Random(1)
    connection = http.client.HTTPConnection(peekd.base.removeprefix("http://"), timeout=60)
    headers = {
        "Authorization": BASIC,
        "Content-Type": "application/x-www-form-urlencoded",
        "Cache-Control": "max-age=0",
    }
    took, failed, end = [], 0, time.monotonic() + seconds
    while time.monotonic() < end:
        metric, kind, identity, tenant = draw.choice(names).split(";")[:4]
        form = {"objectId": identity, "objectType": kind, "tenant": tenant}
        form |= {"tenantPassword": "", "metric": metric}
        began = time.monotonic()
        connection.request("POST", "/genesys/1/statistic", urlencode(form), headers)
        answer = connection.getresponse()
        answer.read()
        took.append(time.monotonic() - began)
        failed += answer.status != 200
    return sorted(took), failed


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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rates", type=int, nargs="*", default=[0, 70_000, 500_000])
    parser.add_argument("--peekd", default="target/release/peekd")
    parser.add_argument("--statistics", type=int, default=100_000)
    parser.add_argument("--patience", type=float, default=300, help="seconds that opening may take")
    parser.add_argument("--seconds", type=float, default=15, help="of live peeks")
    parser.add_argument("--work", default="target/opening")
    parser.add_argument("--store", help="a folder whose filled store is used, and made if need be")
    return parser.parse_args()


if __name__ == "__main__":
    main()
