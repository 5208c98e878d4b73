"""The load: wrk and single connections for HTTP, redis-benchmark for Redis, and what a run cost the server."""

import csv
import http.client
import json
import os
import random
import re
import resource
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from servers import BASIC

CLIENTS = 64
FORMS = 4096
# A generator that is busy for more of the time than this may itself be what limits the rate.
GENERATOR_BUSY_MAX = 0.97
HERE = Path(__file__).parent


@dataclass
class Run:
    """One run against one server."""

    rate: float  # requests a second
    cpu_us: float  # the server's processor time a request, microseconds
    generator_busy: float  # share of the run in which the generator's one thread was busy
    median_us: float | None = None
    p99_us: float | None = None
    requests: int = 0

    @property
    def is_void(self):
        return self.generator_busy > GENERATOR_BUSY_MAX


def form_of(name):
    """The form that asks for the statistic of a name, as /v1/statistics lists it."""
    metric, kind, identity, tenant = name.split(";")[:4]
    form = {"objectId": identity, "objectType": kind, "tenant": tenant}
    return form | {"tenantPassword": "", "metric": metric}


class Client:
    """One connection that peeks, and keeps how long answers took."""

    def __init__(self, peekd, timeout, headers=None):
        self.connection = http.client.HTTPConnection(peekd.base.removeprefix("http://"), timeout=timeout)
        self.headers = {"Authorization": BASIC, "Content-Type": "application/x-www-form-urlencoded"}
        self.headers |= headers or {}
        self.took, self.failed = [], 0

    def one(self, name):
        self.post("/genesys/1/statistic", form_of(name))

    def many(self, names):
        self.post("/genesys/1/statistics", {f"s{at}": name for at, name in enumerate(names)})

    def post(self, path, form):
        form, began = urlencode(form), time.monotonic()
        self.connection.request("POST", path, form, self.headers)
        answer = self.connection.getresponse()
        answer.read()
        self.took.append(time.monotonic() - began)
        self.failed += answer.status != 200

    def within_ms(self, share):
        """How long such a share of the answers took at most."""
        took = sorted(self.took)
        return took[min(int(len(took) * share), len(took) - 1)] * 1000 if took else None


def write_forms(path, names, count=FORMS, statistics=1, seed=1):
    """Prebuilt forms of random statistics: of one each, or of so many each."""
    draw = random.Random(seed)
    with path.open("w") as out:
        for _ in range(count):
            if statistics == 1:
                form = form_of(draw.choice(names))
            else:
                form = {f"s{at}": draw.choice(names) for at in range(statistics)}
            # As the interface's document writes its examples: `;` and `@` stand for themselves.
            out.write(urlencode(form, safe=";@") + "\n")
    return path


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measured(server, seconds, command):
    """Runs a generator; answers its output, and what the run cost the server and itself in seconds."""
    server_before, own_before = server.cpu_seconds(), children_seconds()
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds * 4 + 60)
    own = children_seconds() - own_before
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout, server.cpu_seconds() - server_before, own


def wrk(server, url, forms, seconds, clients=CLIENTS, extra=()):
    """Posts `forms` in turn; `extra` are the further arguments of forms.lua."""
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "10s", "-s", HERE / "forms.lua"]
    out, cpu, own = measured(server, seconds, [*command, url, "--", forms, *extra])
    found = re.search(r"^RESULT (.*)$", out, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"wrk told no result:\n{out}")
    result = json.loads(found[1])
    if result["failed"] or not result["requests"]:
        raise RuntimeError(f"{server.name}: {result['failed']} of {result['requests']} failed")
    return Run(
        rate=result["requests"] / result["seconds"],
        cpu_us=cpu / result["requests"] * 1e6,
        generator_busy=own / result["seconds"],
        median_us=result["median_us"],
        p99_us=result["p99_us"],
        requests=result["requests"],
    )


def redis_benchmark(server, keys, seconds, statistics=1, expected=100_000):
    """GET of one random key, or MGET of so many. `expected` requests a second set the length."""
    count = max(1000, int(expected * seconds))
    key = "key:__rand_int__"
    words = ["GET", key] if statistics == 1 else ["MGET", *[key] * statistics]
    command = ["redis-benchmark", "-p", str(server.port), "-c", str(CLIENTS), "-n", str(count)]
    out, cpu, own = measured(server, seconds, [*command, "-r", str(keys), "--csv", *words])
    row = next(csv.DictReader(out.splitlines()))
    rate = float(row["rps"])
    return Run(
        rate=rate,
        cpu_us=cpu / count * 1e6,
        generator_busy=own / (count / rate),
        median_us=float(row["p50_latency_ms"]) * 1000,
        p99_us=float(row["p99_latency_ms"]) * 1000,
    )


def cores():
    return len(os.sched_getaffinity(0))
