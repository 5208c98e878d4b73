"""The servers that are compared, each a process (or a few) of its own on loopback.

A server has `processes` (whose processor time and memory are its cost), `url` where it speaks HTTP, and
`stop()`. Everything lives in the folder that is given and is ended with it.
"""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
# User "default" with password "password", as in the demo.
PASSWORD_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$VBbbp6/Zfxt3UPN4ju/dDA"
    "$sJKGpyPxMjx+Nxwa4P7c/6FtcTnUy1z9H1/Rdjqmh/g"
)
BASIC = "Basic " + base64.b64encode(b"default:password").decode()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, is_there, seconds=60, pause=0.05):
    """Waits until `is_there()`, which may also fail as long as the server is not up."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if is_there():
                return
        except (OSError, ValueError):
            pass
        time.sleep(pause)
    raise RuntimeError(f"{what} did not come up within {seconds} s")


def accepts(port):
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True


class Server:
    """A process of ours that is ended with `stop`."""

    def __init__(self, name, command, folder, **options):
        self.name = name
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"{name}.log"
        self.command, self.options = command, options
        self.launch()

    def launch(self):
        """Starts the process; again, if it has ended."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                stderr=log,
                **{"stdin": subprocess.DEVNULL, "stdout": log, **self.options},
            )

    def until(self, is_there, seconds=60):
        """Waits until it is up; ends it if it does not come up, as nobody else can then."""
        try:
            wait_for(self.name, is_there, seconds)
        except BaseException:
            self.stop()
            raise

    @property
    def processes(self):
        """This process and its children: a server's workers."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def cpu_seconds(self):
        """Processor time of all its threads so far."""
        total = 0
        for pid in self.processes:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def resident_bytes(self):
        return sum(
            int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
            for pid in self.processes
        )

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        """Ends it as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.resume()
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Nginx(Server):
    """nginx that answers every request alike with a stored body: no look-up, no form, no password."""

    def __init__(self, folder):
        port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "nginx.conf"
        config.write_text(
            f"""
            daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr error;
            events {{ worker_connections 1024; }}
            http {{
              access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;
              client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
              fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
              scgi_temp_path {folder}/scgi;
              server {{
                listen 127.0.0.1:{port};
                location / {{ default_type application/json; return 200 '{{"value":1025}}'; }}
              }}
            }}
            """
        )
        super().__init__("nginx", ["nginx", "-p", str(folder), "-c", str(config)], folder)
        self.url = f"http://127.0.0.1:{port}/genesys/1/statistic"
        self.port = port
        self.until(lambda: accepts(port))


class Varnish(Server):
    """Varnish that answers every POST with one object from its cache."""

    def __init__(self, folder, backend_port):
        port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "cache.vcl"
        config.write_text(
            f"""
            vcl 4.1;
            backend default {{ .host = "127.0.0.1"; .port = "{backend_port}"; }}
            sub vcl_recv {{ unset req.http.Authorization; return (hash); }}
            sub vcl_backend_response {{ set beresp.ttl = 1h; }}
            """
        )
        command = ["varnishd", "-F", "-n", str(folder / "work"), "-f", str(config)]
        command += ["-a", f"127.0.0.1:{port}", "-s", "malloc,64m", "-p", "thread_pools=1"]
        super().__init__("varnish", command, folder)
        self.url = f"http://127.0.0.1:{port}/genesys/1/statistic"
        self.until(lambda: accepts(port))


class Redis(Server):
    """Redis with as many keys as there are statistics, each with a value as short as theirs."""

    def __init__(self, folder, keys):
        self.port = free_port()
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--dir", str(folder)]
        super().__init__("redis", command, folder)
        self.until(lambda: accepts(self.port))
        lines = b"".join(b"SET key:%012d 1025\r\n" % key for key in range(keys))
        fill = ["redis-cli", "-p", str(self.port), "--pipe"]
        subprocess.run(fill, input=lines, check=True, stdout=subprocess.DEVNULL)


class Simulator(Server):
    """peekd's simulated Stat Servers; `rate` notifications a second, none for as values change."""

    def __init__(self, binary, folder, statistics, rate=None, speed=1, **options):
        self.port, backup = free_port(), free_port()
        command = [binary, "simulate", "--statistics", str(statistics), "--speed", str(speed)]
        command += ["--primary", f"127.0.0.1:{self.port}", "--backup", f"127.0.0.1:{backup}"]
        if rate is not None:
            command += ["--rate", str(rate)]
        super().__init__("simulate", command, folder, stdin=subprocess.PIPE, **options)
        self.until(lambda: accepts(self.port))

    def order(self, command):
        """Has a command of docs/simulator.md carried out, such as `rate 70000`."""
        self.process.stdin.write(f"{command}\n".encode())
        self.process.stdin.flush()


class Peekd(Server):
    """peekd with everything on: passwords, store, history, subscriptions. `http` stands in `[http]`."""

    def __init__(self, binary, folder, simulator_port, store, extra="", http=""):
        port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "peekd.toml"
        config.write_text(
            f"""
            [store]
            path = "{store}"
            [http]
            listen = "127.0.0.1:{port}"
            {http}
            [[http.auth.users]]
            name = "default"
            password_hash = "{PASSWORD_HASH}"
            [[stat_server]]
            name = "StatServer"
            primary = "127.0.0.1:{simulator_port}"
            {extra}
            """
        )
        self.base = f"http://127.0.0.1:{port}"
        self.url = f"{self.base}/genesys/1/statistic"
        self.many_url = f"{self.base}/genesys/1/statistics"
        super().__init__("peekd", [binary, "serve", "--config", str(config)], folder)
        self.until(lambda: self.get("/health/ready")["status"] == "ready")

    def get(self, path):
        request = urllib.request.Request(self.base + path, headers={"Authorization": BASIC})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def metrics(self, *names):
        """Figures, each summed over its labels unless it is named with one; 0 for one that is not told."""
        request = urllib.request.Request(self.base + "/metrics", headers={"Authorization": BASIC})
        sums = dict.fromkeys(names, 0.0)
        with urllib.request.urlopen(request, timeout=60) as answer:
            for line in answer.read().decode().splitlines():
                labelled, _, value = line.rpartition(" ")
                for name in {labelled, labelled.split("{", 1)[0]}:
                    if name in sums:
                        sums[name] += float(value)
        return [sums[name] for name in names]

    def metric(self, name):
        return self.metrics(name)[0]

    def open_now(self):
        return sum(server["statistics"]["open"] for server in self.get("/v1/servers")["servers"])


def filled_store(binary, folder, statistics):
    """A store of so many statistics with values, made by a demo. Answers its path and their names."""
    store = folder / "store"
    port = free_port()
    command = [binary, "demo", "--listen", f"127.0.0.1:{port}", "--store", str(store)]
    # As slow as life: a large centre at speed would take the processor from the filling.
    command += ["--speed", "1"]
    demo = Server("demo", [*command, "--statistics", str(statistics)], folder)
    peek = Peekd.__new__(Peekd)
    peek.base = f"http://127.0.0.1:{port}"
    try:
        wait_for("the demo", lambda: peek.get("/health/ready")["status"] == "ready", 300)
        wait_for("every statistic", lambda: peek.open_now() >= statistics, 900, 0.5)
        names, cursor = [], ""
        while cursor is not None:
            page = peek.get(f"/v1/statistics?limit=10000{cursor and '&cursor=' + cursor}")
            names += [one["statistic"] for one in page["statistics"] if one["value"] is not None]
            cursor = page.get("cursor")
    finally:
        demo.stop()
    return store, names


def kept_store(binary, folder, statistics):
    """Like [`filled_store`], but made only once: later runs find it in `folder`."""
    known = folder / "names.json"
    if not known.exists():
        shutil.rmtree(folder, ignore_errors=True)
        _, names = filled_store(binary, folder, statistics)
        known.write_text(json.dumps(names))
    return folder / "store", json.loads(known.read_text())
