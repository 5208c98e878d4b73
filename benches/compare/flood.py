#!/usr/bin/env python3
"""Wrong passwords as fast as one client can send them, beside a client with the right one.

First somebody floods with wrong passwords, each another one, as fast as one process can; then with
right ones at the rate that was reached. Beside each flood `wrk` peeks with the right password; both
come from one address. Then what a proven peek costs beside an open one. Prints a table; `wrk` is
needed, and a release build.
"""

import argparse
import base64
import selectors
import socket
import subprocess
import sys
import time
from statistics import median

from load import write_forms, wrk
from rig import Rig, options_of
from servers import BASIC

OPEN = '[http.auth]\nopen = ["/genesys/1/statistic"]\n'
FLOODERS, CLIENTS = 8, 8


def flood(port, form, seconds, is_right, rate):
    """Floods on some connections, at most at `rate` if there is one; answers what came of it."""
    end, begun = time.monotonic() + seconds, time.monotonic()
    body = form.encode()
    head = (
        "POST /genesys/1/statistic HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\nAuthorization: "
    ).encode()
    watched = selectors.DefaultSelector()
    sent, statuses, busy = 0, {}, 0.0

    def ask(connection):
        nonlocal sent
        login = BASIC
        if not is_right:
            login = "Basic " + base64.b64encode(f"default:wrong{sent}".encode()).decode()
        connection.sendall(head + login.encode() + b"\r\n\r\n" + body)
        sent += 1

    waiting = []
    for _ in range(FLOODERS):
        connection = socket.create_connection(("127.0.0.1", port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        watched.register(connection, selectors.EVENT_READ)
        waiting.append(connection)
    while time.monotonic() < end:
        while waiting and (rate is None or sent < (time.monotonic() - begun) * rate):
            ask(waiting.pop())
        for key, _ in watched.select(timeout=0.001):
            answer = key.fileobj.recv(65536)
            if not answer:
                raise RuntimeError("the service closed a connection of the flood")
            status = answer[9:12].decode()
            statuses[status] = statuses.get(status, 0) + 1
            waiting.append(key.fileobj)
    return sum(statuses.values()) / (time.monotonic() - begun), statuses


def beside(server, forms, seconds, *flooding):
    """A flood in a process of its own, and a client beside it."""
    command = [sys.executable, "-B", __file__, "--flood", str(server.url), str(seconds + 1), *flooding]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    time.sleep(0.5)
    run = wrk(server, server.url, forms, seconds, CLIENTS)
    out, _ = process.communicate(timeout=60)
    rate, statuses = out.strip().split(" ", 1)
    return float(rate), statuses, run


def floods(server, forms, seconds, rounds):
    shares = []
    # Whoever was proven once is not locked out by the flood; who comes only now is, as the address and
    # the name are the flood's.
    server.open_now()
    for _ in range(rounds):
        rate, statuses, wrong = beside(server, forms, seconds, "wrong", "0")
        right_rate, _, right = beside(server, forms, seconds, "right", str(rate))
        shares.append(wrong.rate / right.rate)
        print(f"wrong: {rate:,.0f}/s {statuses}; beside: {wrong.rate:,.0f}/s, median {wrong.median_us / 1000:.2f} ms")
        print(f"right: {right_rate:,.0f}/s; beside: {right.rate:,.0f}/s, median {right.median_us / 1000:.2f} ms")
    print(f"beside wrong ones a client keeps {median(shares):.2f} of what it has beside right ones")


def costs(closed, opened, forms, seconds, rounds):
    ratios = []
    for _ in range(rounds):
        proven = wrk(closed, closed.url, forms, seconds)
        free = wrk(opened, opened.url, forms, seconds)
        ratios.append(proven.cpu_us / free.cpu_us)
        print(f"proven: {proven.cpu_us:.2f} us a request; open: {free.cpu_us:.2f} us")
    print(f"a proven peek costs {median(ratios):.3f} of an open one's processor time")


def main():
    options = arguments()
    if options.flood:
        url, seconds, kind, rate = options.flood
        port = int(url.split(":")[2].split("/")[0])
        form = "objectId=KSippola&objectType=Agent&tenant=Environment&metric=TotalLoginTime"
        rate, statuses = flood(port, form, float(seconds), kind == "right", float(rate) or None)
        print(rate, statuses)
        return
    with Rig(options.peekd, options.work) as rig:
        store, names = rig.store(1000, options.store)
        forms = write_forms(rig.folder / "forms", names)
        simulator = rig.simulator(1000, rate=0)
        closed = rig.peekd(simulator, store, name="closed")
        floods(closed, forms, options.seconds, options.rounds)
        opened = rig.peekd(simulator, rig.copied(store, "other"), OPEN, name="open")
        costs(closed, opened, forms, max(2, options.seconds // 2), options.rounds)


def arguments():
    parser = options_of("compare/flood", __doc__)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--flood", nargs=4, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
