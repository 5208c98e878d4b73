#!/usr/bin/env python3
"""peekd beside nginx, Redis and Varnish on this machine; see README.md here.

Everything runs on loopback, in alternation, and is ended at the end. Writes target/compare/result.json
and target/compare/rates.svg, and prints a table.
"""

import shutil
import sys
import time
from pathlib import Path
from statistics import median

import chart
from load import Run, cores, redis_benchmark, write_forms, wrk
from rig import Rig, options_of, write_result
from servers import Nginx, Redis, Varnish

PEEK, MANY, STREAM = "one statistic", "100 statistics", "one statistic, notifications streaming in"
MANY_COUNT = 100
# As nginx with its one worker, and Redis: on two cores the load then has the other one.
ALONE = "peekd, one HTTP thread"


def arguments():
    parser = options_of("compare", __doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of one run")
    parser.add_argument("--statistics", type=int, default=100_000)
    parser.add_argument("--notifications", type=int, default=70_000, help="a second, while streaming")
    return parser.parse_args()


class Contest:
    """Runs of several contenders in alternation."""

    def __init__(self):
        self.runs = {}

    def add(self, what, name, run):
        self.runs.setdefault((what, name), []).append(run)
        mark = "  VOID: the generator was the limit" if run.is_void else ""
        print(f"  {what}: {name}: {run.rate:,.0f}/s{mark}", file=sys.stderr)

    def middle(self, what, name):
        """The run with the median rate, of those that count."""
        runs = self.runs[what, name]
        valid = [run for run in runs if not run.is_void] or runs
        return sorted(valid, key=lambda run: run.rate)[len(valid) // 2]

    def spread(self, what, name):
        rates = [run.rate for run in self.runs[what, name]]
        return (max(rates) - min(rates)) / median(rates)

    def ratio(self, what, one, other, of=lambda run: run.rate):
        """The median of the ratios of runs that stood side by side."""
        pairs = zip(self.runs[what, one], self.runs[what, other])
        return median(of(mine) / of(theirs) for mine, theirs in pairs)


def compete(options, rig, contest):
    folder = rig.folder
    print("filling a store ...", file=sys.stderr)
    store, names = rig.store(options.statistics, options.store)
    one = write_forms(folder / "one.txt", names)
    many = write_forms(folder / "many.txt", names, count=512, statistics=MANY_COUNT)

    nginx = rig.start(Nginx(folder / "nginx"))
    varnish = rig.start(Varnish(folder / "varnish", nginx.port))
    redis = rig.start(Redis(folder / "redis", options.statistics))
    calm = rig.simulator(options.statistics, name="calm")
    peekd = rig.peekd(calm, rig.copied(store, "store-calm"))
    alone_store = rig.copied(store, "store-alone")
    alone = rig.peekd(calm, alone_store, http="threads = 1", name="alone")
    stream = rig.simulator(options.statistics, options.notifications, name="stream")
    streamed = rig.peekd(stream, store, name="streamed")
    time.sleep(5)
    stream.pause()
    calm.pause()

    expected = {PEEK: 100_000, MANY: 20_000}
    for turn in range(options.rounds):
        print(f"round {turn + 1} of {options.rounds}", file=sys.stderr)
        seconds = options.seconds
        contest.add(PEEK, "nginx", wrk(nginx, nginx.url, one, seconds))
        contest.add(PEEK, "peekd", wrk(peekd, peekd.url, one, seconds))
        contest.add(PEEK, ALONE, wrk(alone, alone.url, one, seconds))
        run = redis_benchmark(redis, options.statistics, seconds, 1, expected[PEEK])
        expected[PEEK] = run.rate
        contest.add(PEEK, "redis", run)
        contest.add(PEEK, "varnish", wrk(varnish, varnish.url, one, seconds))
        contest.add(MANY, "peekd", wrk(peekd, peekd.many_url, many, seconds))
        contest.add(MANY, ALONE, wrk(alone, alone.many_url, many, seconds))
        run = redis_benchmark(redis, options.statistics, seconds, MANY_COUNT, expected[MANY])
        expected[MANY] = run.rate
        contest.add(MANY, "redis", run)
        contest.add(STREAM, "peekd, calm", wrk(streamed, streamed.url, one, seconds))
        stream.resume()
        time.sleep(1)
        before, since = streamed.metric("peekd_store_flushed_changes_total"), time.monotonic()
        contest.add(STREAM, "peekd", wrk(streamed, streamed.url, one, seconds))
        changes = streamed.metric("peekd_store_flushed_changes_total") - before
        stored = changes / (time.monotonic() - since)
        print(f"  meanwhile {stored:,.0f} changes/s were stored", file=sys.stderr)
        stream.pause()
        contest.stored = stored
    memory = {server.name: server.resident_bytes() for server in (nginx, varnish, redis, stream, streamed)}
    return memory | {ALONE: alone.resident_bytes()}


def table(contest, memory):
    lines = [
        "| what | server | requests/s | spread | server CPU us | median us | 99 % us | memory MiB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for what, name in contest.runs:
        run: Run = contest.middle(what, name)
        resident = memory.get(name, memory.get(name.split(",")[0], 0)) / 2**20
        lines.append(
            f"| {what} | {name} | {run.rate:,.0f} | {contest.spread(what, name):.0%} "
            f"| {run.cpu_us:.1f} | {run.median_us:,.0f} | {run.p99_us:,.0f} | {resident:.0f} |"
        )
    return "\n".join(lines)


def ratios(contest):
    def cpu(run):
        return run.cpu_us

    return {
        "one statistic, rate against nginx": contest.ratio(PEEK, "peekd", "nginx"),
        "one statistic, CPU against nginx": contest.ratio(PEEK, "peekd", "nginx", cpu),
        "one statistic, one HTTP thread, rate against nginx": contest.ratio(PEEK, ALONE, "nginx"),
        "one statistic, one HTTP thread, CPU against nginx": contest.ratio(PEEK, ALONE, "nginx", cpu),
        "one statistic, rate against Redis GET": contest.ratio(PEEK, "peekd", "redis"),
        "one statistic, one HTTP thread, rate against Redis GET": contest.ratio(PEEK, ALONE, "redis"),
        "one statistic, rate against Varnish": contest.ratio(PEEK, "peekd", "varnish"),
        "100 statistics, million values/s": contest.middle(MANY, "peekd").rate * MANY_COUNT / 1e6,
        "100 statistics, rate against Redis MGET": contest.ratio(MANY, "peekd", "redis"),
        "100 statistics, one HTTP thread, rate against Redis MGET": contest.ratio(MANY, ALONE, "redis"),
        "streaming, rate against calm": contest.ratio(STREAM, "peekd", "peekd, calm"),
        "streaming, 99 % latency against calm": contest.ratio(
            STREAM, "peekd", "peekd, calm", lambda run: run.p99_us
        ),
    }


def main():
    options = arguments()
    missing = [
        tool
        for tool in ("wrk", "nginx", "varnishd", "redis-server", "redis-benchmark", "redis-cli")
        if shutil.which(tool) is None and not Path(f"/usr/sbin/{tool}").exists()
    ]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}; README.md here names Debian's packages")
    contest = Contest()
    with Rig(options.peekd, options.work) as rig:
        memory = compete(options, rig, contest)
    found = ratios(contest)
    print(table(contest, memory))
    print()
    for name, value in found.items():
        print(f"{name}: {value:.2f}")
    voids = sum(run.is_void for runs in contest.runs.values() for run in runs)
    print(f"runs that the generator limited: {voids}; cores: {cores()}")
    result = {
        "cores": cores(),
        "options": vars(options),
        "ratios": found,
        "stored_while_streaming": contest.stored,
        "memory_bytes": memory,
        "runs": [
            {"what": what, "server": name, **vars(run)}
            for (what, name), runs in contest.runs.items()
            for run in runs
        ],
    }
    write_result(options.work, result)
    rows = []
    for name in ("nginx", "peekd", ALONE, "redis", "varnish"):
        run = contest.middle(PEEK, name)
        rows.append((name, run.rate, f"{run.rate:,.0f}/s, {run.cpu_us:.1f} us CPU"))
    chart_path = Path(options.work) / "rates.svg"
    chart_path.write_text(chart.bars("Peeks of one statistic, 64 connections", rows))
    print(f"written: {options.work}/result.json, {chart_path}")


if __name__ == "__main__":
    main()
