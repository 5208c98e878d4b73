#!/usr/bin/env python3
"""What peekd costs at three sizes of contact centre, with everything on; see README.md here.

For each size: simulated Stat Servers push so many values a second into a service with passwords, store
and history, while a client peeks at a steady rate; processor time, memory, disk and latencies are
taken over the whole run. Writes target/capacity/result.json and prints a table.
"""

import argparse
import http.client
import json
import random
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from servers import BASIC, Peekd, Simulator, filled_store, wait_for

VALUES_A_PEEK = 50


@dataclass
class Size:
    """Statistics open, values a second told by the Stat Server, values a second peeked."""

    statistics: int
    updates: int
    peeked: int
    burst: int | None = None  # values a second for ten seconds of each minute


SIZES = {
    "S": Size(10_000, 1_000, 500),
    "M": Size(300_000, 30_000, 5_000),
    "L": Size(1_200_000, 18_000, 5_000, burst=70_000),
}


class Peeker(threading.Thread):
    """Peeks values at a steady rate over one connection, several to a request, and keeps how long each took."""

    def __init__(self, peekd, names, values_a_second):
        super().__init__(daemon=True)
        self.address = peekd.base.removeprefix("http://")
        self.names = names
        self.interval = VALUES_A_PEEK / values_a_second
        self.took = []
        self.failed = 0
        self.is_over = threading.Event()

    def run(self):
        draw = random.Random(1)
        connection = http.client.HTTPConnection(self.address, timeout=10)
        headers = {"Authorization": BASIC, "Content-Type": "application/x-www-form-urlencoded"}
        due = time.monotonic()
        while not self.is_over.is_set():
            form = urlencode({f"s{at}": draw.choice(self.names) for at in range(VALUES_A_PEEK)})
            began = time.monotonic()
            connection.request("POST", "/genesys/1/statistics", form, headers)
            answer = connection.getresponse()
            answer.read()
            self.took.append(time.monotonic() - began)
            self.failed += answer.status != 200
            due = max(due + self.interval, time.monotonic() - 1)
            time.sleep(max(0, due - time.monotonic()))


def disk(folder):
    out = subprocess.run(["du", "-s", "-B1", str(folder)], capture_output=True, text=True, check=True)
    return int(out.stdout.split()[0])


def run_size(binary, folder, name, size, seconds):
    print(f"{name}: filling a store of {size.statistics:,} statistics", file=sys.stderr)
    store, names = filled_store(binary, folder / "fill", size.statistics)
    simulator = Simulator(binary, folder / "simulator", size.statistics, stdin=subprocess.PIPE)
    peekd = None
    try:
        began = time.monotonic()
        peekd = Peekd(binary, folder / "peekd", simulator.port, store)
        ready = time.monotonic() - began
        wait_for("every statistic", lambda: peekd.open_now() >= len(names), 120)
        opened = time.monotonic() - began

        def rate(values):
            simulator.process.stdin.write(f"rate {values}\n".encode())
            simulator.process.stdin.flush()

        rate(size.updates)
        time.sleep(10)
        peeker = Peeker(peekd, names, size.peeked)
        peeker.start()
        start, cpu, disk_before = time.monotonic(), peekd.cpu_seconds(), disk(store)
        changes = peekd.metric("peekd_store_flushed_changes_total")
        resident = 0
        while (passed := time.monotonic() - start) < seconds:
            if size.burst:
                rate(size.burst if passed % 60 < 10 else size.updates)
            resident = max(resident, peekd.resident_bytes())
            time.sleep(1)
        peeker.is_over.set()
        peeker.join(15)
        took = sorted(peeker.took)
        passed = time.monotonic() - start
        changes = peekd.metric("peekd_store_flushed_changes_total") - changes
        grown = disk(store) - disk_before
        return {
            "size": name,
            "statistics": len(names),
            "seconds": passed,
            "changes_per_second": changes / passed,
            "values_peeked_per_second": len(took) * VALUES_A_PEEK / passed,
            "peeks_failed": peeker.failed,
            "peek_median_ms": took[len(took) // 2] * 1000,
            "peek_p99_ms": took[len(took) * 99 // 100] * 1000,
            "cores": (peekd.cpu_seconds() - cpu) / passed,
            "resident_bytes": resident,
            "store_bytes": disk(store),
            "grown_bytes_per_day": grown / passed * 86400,
            "lost_changes": peekd.metric("peekd_store_lost_changes_total"),
            "flush_max_ms": peekd.metric("peekd_store_flush_max_seconds") * 1000,
            "ready_seconds": ready,
            "opened_seconds": opened,
        }
    finally:
        if peekd:
            peekd.stop()
        simulator.stop()
        shutil.rmtree(folder)


def row(result):
    return (
        f"| {result['size']} | {result['statistics']:,} | {result['changes_per_second']:,.0f} "
        f"| {result['values_peeked_per_second']:,.0f} | {result['cores']:.2f} "
        f"| {result['resident_bytes'] / 2**20:,.0f} MiB "
        f"| {result['grown_bytes_per_day'] / 2**30:,.1f} GiB "
        f"| {result['peek_median_ms']:.1f} / {result['peek_p99_ms']:.1f} ms "
        f"| {result['ready_seconds']:.1f} / {result['opened_seconds']:.1f} s "
        f"| {result['lost_changes']:.0f} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peekd", default="target/release/peekd")
    parser.add_argument("--seconds", type=int, default=300, help="of each size")
    parser.add_argument("--sizes", default="S,M,L")
    parser.add_argument("--folder", default="target/capacity")
    options = parser.parse_args()
    folder = Path(options.folder).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    results = []
    print("| size | statistics | changes/s | values peeked/s | cores | memory | disk a day | peek of 50, median / 99 % | first answer / all open | lost |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in options.sizes.split(","):
        binary = str(Path(options.peekd).resolve())
        result = run_size(binary, folder / name, name, SIZES[name], options.seconds)
        results.append(result)
        print(row(result), flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
