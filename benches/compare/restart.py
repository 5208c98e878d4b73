#!/usr/bin/env python3
"""How long the largest centre is without answers, and without subscriptions, when peekd is killed.

1,200,000 statistics held open, 18,000 values a second with ten seconds of 70,000 in each minute; then
SIGKILL in a burst, a start on the same store while the stream goes on, and at last an orderly stop. See
README.md here.
"""

import signal
import sys
import time

from load import Client
from rig import Rig, all_open, options_of, write_result
from servers import wait_for

STATISTICS, UPDATES, BURST = 1_200_000, 18_000, 70_000


def main():
    options = arguments()
    rounds = []
    with Rig(options.peekd, options.work) as rig:
        print("a filled store ...", file=sys.stderr)
        store, names = rig.store(options.statistics, options.store)
        # The centre itself nearly stands still, so that the rate is what is asked for.
        simulator = rig.simulator(len(names), speed=0.01)
        peekd = rig.peekd(simulator, store)
        all_open(peekd, names)
        for turn in range(options.rounds):
            simulator.order(f"rate {UPDATES}")
            time.sleep(options.seconds)
            simulator.order(f"rate {BURST}")
            time.sleep(3)
            rounds.append(restarted(peekd, simulator, names))
            print(line(rounds[-1]), flush=True)
        stop = stopped(peekd, simulator)
        print(stop_line(stop), flush=True)
    write_result(options.work, {"statistics": len(names), "restarts": rounds, "stop": stop})


def restarted(peekd, simulator, names, patience=120):
    """Kills and starts it again under the load there is; answers what that took."""
    peekd.kill()
    simulated = simulator.cpu_seconds()
    began = time.monotonic()
    peekd.launch()
    wait_for("an answer", lambda: answers(peekd, names[0]), patience, pause=0.01)
    answered = time.monotonic() - began
    all_open(peekd, names, patience)
    return {
        "first_answer_seconds": answered,
        "all_open_seconds": time.monotonic() - began,
        "serve_cpu_seconds": peekd.cpu_seconds(),
        "simulate_cpu_seconds": simulator.cpu_seconds() - simulated,
    }


def answers(peekd, name):
    """Whether one statistic is answered, whatever its age."""
    client = Client(peekd, 5)
    try:
        client.one(name)
    finally:
        client.connection.close()
    return client.failed == 0


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
    parser = options_of("restart", __doc__)
    parser.add_argument("--statistics", type=int, default=STATISTICS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10, help="of load before each kill")
    return parser.parse_args()


if __name__ == "__main__":
    main()
