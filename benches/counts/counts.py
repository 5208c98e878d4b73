#!/usr/bin/env python3
"""Counts the instructions of the hot paths, and compares them with what kept.json has; see README.md here.

Fails if a path takes over 5 % more than is kept. Needs valgrind, and the program that --program names.
"""

import argparse
import json
import platform
import re
import subprocess
import sys
from pathlib import Path

GROWTH_MAX = 0.05
KEPT = Path(__file__).with_name("kept.json")
# All that happens in `counts::counted`, whatever the compiler appends to that name.
COUNTED = "*counts::counted*"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default="target/release/counts")
    parser.add_argument("--renew", action="store_true", help="keep what is counted now")
    parser.add_argument("--twice", action="store_true", help="count again, and show the difference")
    parser.add_argument("paths", nargs="*", help="only these")
    return parser.parse_args()


def count(program, path):
    """Instructions of one unit of the path, and what a unit is."""
    command = [
        "valgrind",
        "--tool=callgrind",
        f"--toggle-collect={COUNTED}",
        "--callgrind-out-file=/dev/null",
        str(program),
        path,
    ]
    # Nothing of the surroundings, so that the stack begins where it always does.
    done = subprocess.run(command, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    collected = re.search(r"Collected : (\d+)", done.stderr)
    units, unit = done.stdout.split()
    if collected is None or int(collected[1]) == 0:
        sys.exit(f"{path}: nothing was counted; is there a function {COUNTED} in {program}?")
    return int(collected[1]) / int(units), unit


def main():
    options = arguments()
    machine = platform.machine()
    kept = json.loads(KEPT.read_text())
    of_machine = kept.setdefault(machine, {})
    told = subprocess.run([options.program], capture_output=True, text=True, check=True).stdout
    paths = options.paths or told.split()
    grown = []
    rows = [f"{'path':<14}{'kept':>12}{'now':>12}{'ratio':>9}"]
    for path in paths:
        now, unit = count(options.program, path)
        known = of_machine.get(path)
        ratio = now / known["instructions"] if known else None
        if ratio is None or ratio > 1 + GROWTH_MAX:
            grown.append(path)
        shown = (f"{known['instructions']:,.1f}", f"{ratio:.4f}") if known else ("none", "")
        again = ""
        if options.twice:
            again = f"  again {count(options.program, path)[0] / now - 1:+.5%}"
        rows.append(f"{path:<14}{shown[0]:>12}{now:>12,.1f}{shown[1]:>9}  instructions a {unit}{again}")
        of_machine[path] = {"instructions": round(now, 1), "unit": unit}
    print("\n".join(rows))
    if options.renew:
        KEPT.write_text(json.dumps(kept, indent=2) + "\n")
        print(f"kept in {KEPT}")
    elif grown:
        sys.exit(
            f"over {GROWTH_MAX:.0%} more than kept, or not kept for {machine}: {', '.join(grown)}.\n"
            "If that is meant, say why in the commit, and keep the new counts: .ci/counts --renew"
        )


if __name__ == "__main__":
    main()
