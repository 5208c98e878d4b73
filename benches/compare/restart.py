#!/usr/bin/env python3
"""How long the largest centre is without answers, and without subscriptions, when peekd is killed.

1,200,000 statistics held open, 18,000 values a second with ten seconds of 70,000 in each minute; then
SIGKILL in a burst, a start on the same store while the stream goes on, and at last an orderly stop. See
README.md here.
"""

import argparse
import http.client
import json
import shutil
import signal
import sys
import time
from pathlib import Path
from urllib.parse import urlencode

from servers import BASIC, Peekd, Simulator, kept_store, wait_for

STATISTICS, UPDATES, BURST = 1_200_000, 18_000, 70_000


def main():
    options = arguments()
    work = Path(options.work).resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    binary = str(Path(options.peekd).resolve())
    kept = Path(options.store).resolve() if options.store else work / "filled"
    print("a filled store ...", file=sys.stderr)
    filled, names = kept_store(binary, kept, options.statistics)
    shutil.copytree(filled, work / "store")
    # The centre itself nearly stands still, so that the rate is what is asked for.
    simulator = Simulator(binary, work / "simulator", len(names), speed=0.01)
    peekd = None
    rounds = []
    try:
        peekd = Peekd(binary, work / "peekd", simulator.port, work / "store")
        wait_for("every statistic", lambda: peekd.open_now() >= len(names), 120)
        for turn in range(options.rounds):
            simulator.order(f"rate {UPDATES}")
            time.sleep(options.seconds)
            simulator.order(f"rate {BURST}")
            time.sleep(3)
            rounds.append(restarted(peekd, simulator, names))
            print(line(rounds[-1]), flush=True)
        stop = stopped(peekd, simulator)
        print(stop_line(stop), flush=True)
    finally:
        if peekd:
            peekd.stop()
        simulator.stop()
        shutil.rmtree(work)
    work.mkdir(parents=True)
    result = {"statistics": len(names), "restarts": rounds, "stop": stop}
    (work / "result.json").write_text(json.dumps(result, indent=1) + "\n")


def restarted(peekd, simulator, names, patience=120):
    """Kills and starts it again under the load there is; answers what that took."""
    peekd.kill()
    simulated = simulator.cpu_seconds()
    began = time.monotonic()
    peekd.launch()
    wait_for("an answer", lambda: answers(peekd, names[0]), patience, pause=0.01)
    answered = time.monotonic() - began
    wait_for("every statistic", lambda: peekd.open_now() >= len(names), patience)
    return {
        "first_answer_seconds": answered,
        "all_open_seconds": time.monotonic() - began,
        "serve_cpu_seconds": peekd.cpu_seconds(),
        "simulate_cpu_seconds": simulator.cpu_seconds() - simulated,
    }


def answers(peekd, name):
    """Whether one statistic is answered, whatever its age."""
    metric, kind, identity, tenant = name.split(";")[:4]
    form = {"objectId": identity, "objectType": kind, "tenant": tenant}
    form |= {"tenantPassword": "", "metric": metric}
    headers = {"Authorization": BASIC, "Content-Type": "application/x-www-form-urlencoded"}
    connection = http.client.HTTPConnection(peekd.base.removeprefix("http://"), timeout=5)
    connection.request("POST", "/genesys/1/statistic", urlencode(form), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status == 200


def stopped(peekd, simulator):
    """Stops it in order; answers what that took, and what its log says of the statistics."""
    simulated = simulator.cpu_seconds()
    began = time.monotonic()
    peekd.process.send_signal(signal.SIGTERM)
    code = peekd.process.wait(60)
    took = time.monotonic() - began
    words = ("closed all", "did not confirm", "cut short", "left behind", "not taken")
    told = [one for one in peekd.log.read_text().splitlines() if any(word in one for word in words)]
    return {
        "seconds": took,
        "exit_code": code,
        "simulate_cpu_seconds": simulator.cpu_seconds() - simulated,
        "told": told,
    }


def line(result):
    return (
        f"killed: first answer after {result['first_answer_seconds']:.2f} s, all open after "
        f"{result['all_open_seconds']:.1f} s (processor s: serve {result['serve_cpu_seconds']:.1f}, "
        f"simulate {result['simulate_cpu_seconds']:.1f})"
    )


def stop_line(stop):
    told = " / ".join(one.split("Z ", 1)[-1] for one in stop["told"])
    return f"stopped in {stop['seconds']:.1f} s with exit code {stop['exit_code']}; log: {told}"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peekd", default="target/release/peekd")
    parser.add_argument("--statistics", type=int, default=STATISTICS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10, help="of load before each kill")
    parser.add_argument("--work", default="target/restart")
    parser.add_argument("--store", help="a folder whose filled store is used, and made if need be")
    return parser.parse_args()


if __name__ == "__main__":
    main()
