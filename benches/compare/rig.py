"""What every measurement here stands on: its options, a folder, a filled store, and servers on it."""

import argparse
import json
import shutil
from contextlib import ExitStack
from pathlib import Path

from servers import Peekd, Simulator, filled_store, kept_store, wait_for


def options_of(name, words, several_stores=False):
    """The options that all have; `name` is that of the folder under target/."""
    parser = argparse.ArgumentParser(description=words)
    parser.add_argument("--peekd", "--binary", default="target/release/peekd")
    parser.add_argument("--work", "--folder", default=f"target/{name}", help="is emptied first")
    if several_stores:
        parser.add_argument("--stores", help="a folder whose filled stores are used, and made if need be")
    else:
        parser.add_argument("--store", help="a folder whose filled store is used, and made if need be")
    return parser


class Rig(ExitStack):
    """A folder and the servers in it; leaving it ends them, the youngest first, and removes the folder."""

    def __init__(self, peekd, folder):
        super().__init__()
        self.binary, self.folder = str(Path(peekd).resolve()), Path(folder).resolve()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.callback(shutil.rmtree, self.folder)

    def part(self, name):
        """A rig of its own within this one, to be entered and left before it."""
        return Rig(self.binary, self.folder / name)

    def start(self, server):
        """Has a server ended with the rig."""
        self.callback(server.stop)
        return server

    def store(self, statistics, kept=None):
        """A store of so many statistics, to be written to, and their names; a copy of the one in the folder
        `kept`, if given, where it is made only once."""
        if kept is None:
            return filled_store(self.binary, self.folder, statistics)
        filled, names = kept_store(self.binary, Path(kept).resolve(), statistics)
        return self.copied(filled), names

    def copied(self, store, name="store"):
        return Path(shutil.copytree(store, self.folder / name, ignore=shutil.ignore_patterns("*.lock")))

    def simulator(self, statistics, rate=None, speed=1, name="simulator"):
        return self.start(Simulator(self.binary, self.folder / name, statistics, rate, speed))

    def peekd(self, simulator, store, extra="", http="", name="peekd"):
        """A service that answers; its statistics are still being opened."""
        return self.start(Peekd(self.binary, self.folder / name, simulator.port, store, extra, http))


def all_open(peekd, names, seconds=300):
    """Waits until every statistic is open on the Stat Server."""
    wait_for("every statistic", lambda: peekd.open_now() >= len(names), seconds, 0.2)


def write_result(folder, result):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_text(json.dumps(result, indent=1) + "\n")


def at_each_rate(options, measured, line):
    """`measured(options, rig, store, names, rate)` of each rate, on a fresh copy of one filled store;
    `line` says what came of it."""
    results = []
    with Rig(options.peekd, options.work) as rig, rig.part("filled") as filling:
        filled, names = filling.store(options.statistics, options.store)
        for rate in options.rates:
            with rig.part(str(rate)) as part:
                results.append(measured(options, part, part.copied(filled), names, rate))
            print(line(results[-1]), flush=True)
    write_result(options.work, results)
