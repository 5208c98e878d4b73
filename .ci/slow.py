"""Slow clients beside a usual one; see .ci/slow. Usage: slow.py PEEKD FOLDER"""

import csv
import http.client
import resource
import selectors
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlencode

from servers import BASIC, Peekd, Simulator

TOOL_CONNECTIONS = 400
SLOW_SENDERS = 200
IDLE = 1500
# The service's own limits, and how much later a busy machine may be.
HEADER_TIMEOUT, REQUEST_TIMEOUT, SLACK = 4, 4, 6
MEMORY_BYTES_MAX = 96 * 1024 * 1024
LIMITS = f"""
[http.limits]
header_timeout = "{HEADER_TIMEOUT}s"
request_timeout = "{REQUEST_TIMEOUT}s"
"""


class Usual(threading.Thread):
    """Peeks one after the other on one connection until it is stopped."""

    def __init__(self, port, form):
        super().__init__(daemon=True)
        self.port, self.form = port, form
        self.seconds, self.failures = [], []
        self.stopped = threading.Event()

    def run(self):
        headers = {"Authorization": BASIC, "Content-Type": "application/x-www-form-urlencoded"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        while not self.stopped.is_set():
            begun = time.monotonic()
            try:
                connection.request("POST", "/genesys/1/statistic", self.form, headers)
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200:
                    self.failures.append(f"{answer.status} {body!r}")
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            self.seconds.append(time.monotonic() - begun)
            self.stopped.wait(0.005)
        connection.close()


def beside(port, form, what, work):
    """Does the work while a usual client asks; tells how that one fared."""
    client = Usual(port, form)
    client.start()
    try:
        result = work()
    finally:
        client.stopped.set()
        client.join()
    if client.failures or len(client.seconds) < 20:
        sys.exit(f"{what}: of {len(client.seconds)} peeks failed: {client.failures[:5]}")
    cuts = quantiles(client.seconds, n=100)
    print(
        f"{what}: {len(client.seconds)} peeks beside, all answered, "
        f"median {cuts[49] * 1e3:.2f} ms, p99 {cuts[98] * 1e3:.2f} ms",
        flush=True,
    )
    return result


def established(port):
    """Connections that the service still holds."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    fields = [line.split() for line in lines]
    local = f"0100007F:{port:04X}"
    return sum(1 for field in fields if field[1] == local and field[3] == "01")


def tool(server, folder, name, limit, options):
    """One run of slowhttptest: its connections have to be gone when the limit is over."""
    before = established(server.port)
    common = ["-c", str(TOOL_CONNECTIONS), "-r", str(TOOL_CONNECTIONS), "-l", str(limit + SLACK + 5)]
    common += ["-g", "-o", str(folder / name), "-p", "5", "-v", "1"]
    begun = time.monotonic()
    said = folder / f"{name}.out"
    with said.open("wb") as out:
        command = ["slowhttptest", *options, *common]
        process = subprocess.Popen(command, stdout=out, stderr=out)
    most, gone = 0, None
    try:
        # The tool ends by itself when all are closed, but for read mode, which does not notice.
        while time.monotonic() - begun < limit + SLACK + 5:
            now = established(server.port) - before
            most = max(most, now)
            if gone is None and most >= TOOL_CONNECTIONS // 2 and now <= 1:
                gone = time.monotonic() - begun
            if gone is not None and (name == "read" or process.poll() is not None):
                break
            time.sleep(0.1)
    finally:
        process.terminate()
        process.wait()
    # The usual client and the tool's own probe may be among them.
    if most < TOOL_CONNECTIONS // 2:
        sys.exit(f"{name}: the tool had {most} connections at most")
    if gone is None or gone > limit + SLACK:
        sys.exit(f"{name}: {established(server.port) - before} connections after {gone} s")
    rows = list(csv.DictReader((folder / f"{name}.csv").open()))
    last = {key.strip(): value for key, value in rows[-1].items() if key}
    if name != "read" and b"No open connections left" not in said.read_bytes():
        sys.exit(f"{name}: the tool still had connections: {last}")
    print(f"{name}: {most} connections, gone after {gone:.1f} s (limit {limit} s); {last}")


def trickle(server, form):
    """Senders of a byte a second, and idle ones; every one of them has to be dropped."""
    start = "POST /genesys/1/internal_statistic HTTP/1.1\r\nHost: localhost\r\n"
    starts = [start + "X-Slow: "] * (SLOW_SENDERS // 2)
    starts += [start + f"Content-Length: {len(form) + 100}\r\n\r\n"] * (SLOW_SENDERS // 2)
    starts += [""] * IDLE
    watched = selectors.DefaultSelector()
    slow = set()
    begun = time.monotonic()
    for text in starts:
        connection = socket.create_connection(("127.0.0.1", server.port))
        connection.sendall(text.encode())
        connection.setblocking(False)
        watched.register(connection, selectors.EVENT_READ)
        if text:
            slow.add(connection)
    opened = time.monotonic()
    held = server.resident_bytes()
    next_byte = opened
    limit = max(HEADER_TIMEOUT, REQUEST_TIMEOUT) + SLACK
    while watched.get_map() and time.monotonic() < opened + limit:
        if time.monotonic() >= next_byte:
            next_byte += 1
            for connection in slow:
                try:
                    connection.send(b"x")
                except OSError:
                    pass
        for key, _ in watched.select(timeout=0.1):
            try:
                ended = not key.fileobj.recv(65536)
            except OSError:
                ended = True
            if ended:
                watched.unregister(key.fileobj)
                slow.discard(key.fileobj)
                key.fileobj.close()
        held = max(held, server.resident_bytes())
    if watched.get_map():
        sys.exit(f"{len(watched.get_map())} slow or idle connections are left")
    took = time.monotonic() - opened
    print(f"slow senders and idle connections: opened in {opened - begun:.1f} s, gone {took:.1f} s later")
    return held


def main():
    program, folder = sys.argv[1], Path(sys.argv[2])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    simulator = Simulator(program, folder, 100)
    server = None
    try:
        server = Peekd(program, folder, simulator.port, folder / "store", LIMITS)
        server.port = int(server.base.rsplit(":", 1)[1])
        form = urlencode(
            {"objectId": "KSippola", "objectType": "Agent", "tenant": "Environment", "metric": "TotalLoginTime"}
        )
        statistic = f"{server.base}/genesys/1/internal_statistic"
        beside(server.port, form, "nobody else", lambda: time.sleep(3))
        at_rest = server.resident_bytes()
        runs = [
            ("header", HEADER_TIMEOUT, ["-H", "-i", "1", "-x", "24", "-u", statistic]),
            ("body", REQUEST_TIMEOUT, ["-B", "-i", "1", "-x", "24", "-s", "8192", "-u", statistic]),
            (
                "read",
                REQUEST_TIMEOUT + HEADER_TIMEOUT,
                ["-X", "-n", "5", "-z", "5", "-w", "10", "-y", "20", "-k", "3", "-u", server.base + "/"],
            ),
        ]
        for name, limit, options in runs:
            work = lambda: tool(server, folder, name, limit, options)
            beside(server.port, form, f"beside slowhttptest, {name} mode", work)
        work = lambda: trickle(server, form)
        most = beside(server.port, form, "beside slow senders and idle connections", work)
        growth = most - at_rest
        print(
            f"memory: {at_rest / 2**20:.0f} MiB at rest, {growth / 2**20:.1f} MiB more "
            f"with {SLOW_SENDERS + IDLE} connections"
        )
        if growth > MEMORY_BYTES_MAX:
            sys.exit("that is too much")
        for limit in ["header_timeout", "request_timeout"]:
            figure = f'peekd_refusals_total{{limit="{limit}"}}'
            counted = server.metric(figure)
            print(f"{figure} {counted:.0f}")
            if counted < TOOL_CONNECTIONS // 2:
                sys.exit("that is not what was sent")
    finally:
        if server is not None:
            server.stop()
        simulator.stop()


main()
