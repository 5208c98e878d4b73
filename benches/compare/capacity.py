#!/usr/bin/env python3
"""What peekd costs at three sizes of contact centre, with everything on; see README.md here.

For each size: simulated Stat Servers push so many values a second into a service with passwords, store
and history, while a client peeks at a steady rate; processor time, memory, disk and latencies are
taken over the whole run. Then it is killed in full load and started again, and at last stopped. Prints a
table for docs/capacity.md and writes it, with every figure, to target/capacity.
"""

import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from load import Client
from restart import restarted, stopped
from rig import Rig, all_open, options_of, write_result

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
    """Peeks values at a steady rate over one connection, several to a request."""

    def __init__(self, peekd, names, values_a_second):
        super().__init__(daemon=True)
        self.client = Client(peekd, 10)
        self.names = names
        self.interval = VALUES_A_PEEK / values_a_second
        self.is_over = threading.Event()
        self.error = None

    def run(self):
        try:
            self.peek()
        except Exception as error:  # told by finish(): a thread's own end is silent
            self.error = error

    def finish(self):
        self.is_over.set()
        self.join(15)
        if self.error:
            raise self.error
        if self.client.failed:
            raise RuntimeError(f"{self.client.failed} of {len(self.client.took)} peeks failed")

    def peek(self):
        draw, due = random.Random(1), time.monotonic()
        while not self.is_over.is_set():
            self.client.many([draw.choice(self.names) for _ in range(VALUES_A_PEEK)])
            due = max(due + self.interval, time.monotonic() - 1)
            time.sleep(max(0, due - time.monotonic()))


def disk(folder):
    out = subprocess.run(["du", "-s", "-B1", str(folder)], capture_output=True, text=True, check=True)
    return int(out.stdout.split()[0])


class HistoryMeter:
    """What a change costs on the disk once history has it, which takes over five minutes at a time."""

    def __init__(self, peekd):
        self.peekd = peekd
        self.samples = []
        self.look()

    def look(self):
        figures = self.peekd.metrics(
            "peekd_store_flushed_changes_total",
            "peekd_store_history_size_bytes",
            "peekd_store_history_folded_timestamp_seconds",
        )
        self.samples.append((time.time(), *figures))

    def flushed_by(self, instant):
        known = [flushed for when, flushed, _, _ in self.samples if when <= instant]
        return known[-1] if known else 0

    def bytes_per_change(self):
        """`None` as long as history has taken over nothing of the load."""
        (_, _, size_before, folded_before), (_, _, size, folded) = self.samples[0], self.samples[-1]
        changes = self.flushed_by(folded) - self.flushed_by(folded_before)
        return (size - size_before) / changes if changes > 0 else None


def run_size(options, rig, name):
    size = SIZES[name]
    print(f"{name}: a store of {size.statistics:,} statistics ...", file=sys.stderr)
    store, names = rig.store(size.statistics, options.stores and Path(options.stores) / str(size.statistics))
    # The centre itself nearly stands still: what it would tell beside the rate is no part of the size.
    simulator = rig.simulator(len(names), speed=0.01)
    began = time.monotonic()
    peekd = rig.peekd(simulator, store)
    meter = HistoryMeter(peekd)
    ready = time.monotonic() - began
    all_open(peekd, names, options.patience)
    opened = time.monotonic() - began
    simulator.order(f"rate {size.updates}")
    time.sleep(options.settle)
    result = loaded(options, size, peekd, simulator, (store, names, meter))
    simulator.order(f"rate {size.burst or size.updates}")
    time.sleep(2)
    restart = restarted(peekd, simulator, names, options.patience)
    return {
        "size": name,
        "statistics": len(names),
        **result,
        "ready_seconds": ready,
        "opened_seconds": opened,
        "restart": restart,
        "stop": stopped(peekd, simulator),
    }


def loaded(options, size, peekd, simulator, stored):
    """Takes the figures of one size while the load lasts."""
    store, names, meter = stored
    peeker = Peeker(peekd, names, size.peeked)
    peeker.start()
    start, cpu, disk_before = time.monotonic(), peekd.cpu_seconds(), disk(store)
    flushed, lost = "peekd_store_flushed_changes_total", "peekd_store_lost_changes_total"
    changes, resident, was_bursting = peekd.metric(flushed), 0, False
    while (passed := time.monotonic() - start) < options.seconds:
        is_bursting = size.burst is not None and passed % 60 < 10
        if is_bursting != was_bursting:
            simulator.order(f"rate {size.burst if is_bursting else size.updates}")
        was_bursting = is_bursting
        resident = max(resident, peekd.resident_bytes())
        if time.time() - meter.samples[-1][0] > 3:
            meter.look()
        time.sleep(0.5)
    peeker.finish()
    client, passed = peeker.client, time.monotonic() - start
    meter.look()
    rate, change = (peekd.metric(flushed) - changes) / passed, meter.bytes_per_change()
    return {
        "seconds": passed,
        "changes_per_second": rate,
        "history_bytes_per_change": change,
        "history_bytes_per_day": None if change is None else change * rate * 86400,
        "values_peeked_per_second": len(client.took) * VALUES_A_PEEK / passed,
        "peeks_failed": client.failed,
        "peek_median_ms": client.within_ms(0.5),
        "peek_p99_ms": client.within_ms(0.99),
        "cores": (peekd.cpu_seconds() - cpu) / passed,
        "resident_bytes": resident,
        "store_bytes": disk(store),
        "grown_bytes": disk(store) - disk_before,
        "lost_changes": peekd.metric(lost),
        "flush_max_ms": peekd.metric("peekd_store_flush_max_seconds") * 1000,
    }


HEAD = """\
| size | statistics | changes/s | values peeked/s | cores | memory | disk a day | peek of 50: median / 99 % \
| start: first answer / all open | killed in load: first answer / all open | stopped in | lost |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"""


def row(result):
    again, a_day = result["restart"], result["history_bytes_per_day"]
    a_day = "not measured" if a_day is None else f"{a_day / 2**30:,.1f} GiB"
    return (
        f"| {result['size']} | {result['statistics']:,} | {result['changes_per_second']:,.0f} "
        f"| {result['values_peeked_per_second']:,.0f} | {result['cores']:.2f} "
        f"| {result['resident_bytes'] / 2**20:,.0f} MiB "
        f"| {a_day} "
        f"| {result['peek_median_ms']:.1f} / {result['peek_p99_ms']:.1f} ms "
        f"| {result['ready_seconds']:.1f} / {result['opened_seconds']:.1f} s "
        f"| {again['first_answer_seconds']:.1f} / {again['all_open_seconds']:.1f} s "
        f"| {result['stop']['seconds']:.1f} s | {result['lost_changes']:.0f} |"
    )


def main():
    options = arguments()
    results, lines = [], [HEAD]
    print(HEAD, flush=True)
    with Rig(options.peekd, options.work) as rig:
        for name in options.sizes.split(","):
            with rig.part(name) as part:
                results.append(run_size(options, part, name))
            lines.append(row(results[-1]))
            print(lines[-1], flush=True)
    write_result(options.work, results)
    (Path(options.work) / "table.md").write_text("\n".join(lines) + "\n")


def arguments():
    parser = options_of("capacity", __doc__, several_stores=True)
    parser.add_argument("--seconds", type=int, default=300, help="of each size")
    parser.add_argument("--settle", type=float, default=10, help="seconds of load before")
    parser.add_argument("--patience", type=float, default=300, help="seconds that opening all may take")
    parser.add_argument("--sizes", default="S,M,L")
    return parser.parse_args()


if __name__ == "__main__":
    main()
