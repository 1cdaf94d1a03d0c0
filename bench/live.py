"""The page as it happens: from PUBLISH to the alarm as it is drawn, what alarms cost, and what many browsers cost.

- **Drawn:** `bench/pixel.mjs`, a real Chromium beside `danxia-load soak` with 20,000 values a second from 500 machines.
- **Definitions:** the fold alone (`analytics/examples/alarm_load.rs`, what a definition for each of 10,000 points adds to 50,000
  values a second), and the whole server's processor time at that load, with the definitions and without them, in turn.
- **Browsers:** 200 streams as the page opens them, 50 of them with the values of a machine, beside the load of "drawn" and
  one alarm step a second; the processor time and memory that the server needs above that without any.
"""

import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from kit import BIN, LIMITLESS, ROOT, Server, cargo_example, free_port

HEADING = "## The page as it happens"
MACHINES, VALUES = 500, 20
#: Alarms to be drawn; rounds of the fold and of the server; seconds of a server's round; seconds with and without browsers.
FULL, QUICK = (220, 3, 40, 30), (60, 1, 15, 10)
BROWSERS, ON_A_MACHINE = 200, 50


class Plant:
    """A server with a plant of 10,000 points that speaks `rate` values a second."""

    def __init__(self, directory, rate, seconds):
        self.mqtt, self.http = free_port(), free_port()
        self.server = Server([str(BIN / "danxia"), "run", "--data", directory, "--mqtt", f"127.0.0.1:{self.mqtt}",
                              "--http", f"127.0.0.1:{self.http}", "--anonymous"], self.mqtt, self.ready, LIMITLESS)
        self.load = subprocess.Popen([str(BIN / "danxia-load"), "soak", "--address", f"127.0.0.1:{self.mqtt}", "--machines", str(MACHINES),
                                      "--values", str(VALUES), "--rate", str(rate), "--seconds", str(seconds)],
                                     stdout=subprocess.PIPE, text=True)
        wanted = MACHINES * VALUES
        self.until(lambda: self.series() >= wanted)

    def ready(self):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.http}/readyz", timeout=1).status == 200
        except OSError:
            return False

    def until(self, probe):
        end = time.monotonic() + 60
        while not probe():
            if time.monotonic() > end:
                sys.exit("bench: the plant did not come up")
            time.sleep(0.2)

    def series(self):
        return len(self.get(f"/api/v1/machines/load/soak-{MACHINES - 1:04}").get("points", [])) * MACHINES

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=30) as r:
                return json.loads(r.read())
        except urllib.error.HTTPError:
            return {}

    def define(self, points):
        """A limit for each of `points` (machine, point) that is not reached."""
        body = {"define": [{"machine": m, "point": p, "condition": "high", "limit": 80} for m, p in points]}
        ask = urllib.request.Request(f"http://127.0.0.1:{self.http}/api/v1/alarm-definitions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
        with urllib.request.urlopen(ask, timeout=60) as r:
            r.read()

    def metric(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/metrics", timeout=30) as r:
            return float(next(l.split()[1] for l in r.read().decode().splitlines() if l.startswith(name + " ")))

    def cores(self, seconds):
        """Cores that the server takes for so long."""
        cpu, begun = self.server.cpu_s(), time.monotonic()
        time.sleep(seconds)
        return (self.server.cpu_s() - cpu) / (time.monotonic() - begun)

    def stop(self):
        self.load.terminate()
        self.load.wait()
        self.server.stop()


def scratch():
    return tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("DANXIA_BENCH_DIR"))


def drawn(alarms):
    with scratch() as d:
        plant = Plant(d, 20_000, 600)
        try:
            said = subprocess.run(["node", "bench/pixel.mjs", "--mqtt", str(plant.mqtt), "--http", str(plant.http), "--alarms", str(alarms)],
                                  capture_output=True, text=True, cwd=ROOT)
            if said.returncode:
                sys.exit(f"bench: pixel.mjs: {said.stderr[-2000:]}")
            return json.loads(said.stdout)
        finally:
            plant.stop()


def served(seconds, defined):
    """Cores of the server at 50,000 values a second, with a definition for each point or with none."""
    with scratch() as d:
        plant = Plant(d, 50_000, 600)
        try:
            if defined:
                plant.define((f"load/soak-{m:04}", f"point_{p:03}") for m in range(MACHINES) for p in range(VALUES))
            time.sleep(5)
            return plant.cores(seconds)
        finally:
            plant.stop()


class Browsers:
    """Streams that are read as fast as they come, in a thread of its own; asks are those of the page."""

    def __init__(self, http, n):
        self.over, self.bytes, self.selector = False, 0, selectors.DefaultSelector()
        self.sockets = []
        for i in range(n):
            s = socket.create_connection(("127.0.0.1", http))
            machine = f"topics=values,alarms,status&machine=load%2Fsoak-{i:04}"
            ask = machine if i < ON_A_MACHINE else "topics=alarms,status"
            s.sendall(f"GET /api/v1/live?{ask} HTTP/1.1\r\nHost: 127.0.0.1:{http}\r\n\r\n".encode())
            s.setblocking(False)
            self.selector.register(s, selectors.EVENT_READ)
            self.sockets.append(s)
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while not self.over:
            for key, _ in self.selector.select(0.2):
                got = len(key.fileobj.recv(1 << 18))
                self.bytes += got
                if got == 0:
                    sys.exit("bench: a stream ended")

    def stop(self):
        self.over = True
        self.thread.join()
        for s in self.sockets:
            s.close()


def crowd(seconds):
    with scratch() as d:
        plant = Plant(d, 20_000, 600)
        steps = threading.Event()
        try:
            step(plant, 20)
            plant.until(lambda: plant.get("/api/v1/machines/load/step").get("points"))
            plant.define([("load/step", "beyond")])
            threading.Thread(target=alternate, args=(plant, steps), daemon=True).start()
            time.sleep(5)
            alone, before = plant.cores(seconds), plant.server.now_mib()
            browsers = Browsers(plant.http, BROWSERS)
            plant.until(lambda: plant.metric("danxia_live_streams") == BROWSERS)
            time.sleep(3)
            read, begun = browsers.bytes, time.monotonic()
            together = plant.cores(seconds)
            rate = (browsers.bytes - read) / (time.monotonic() - begun)
            found = {"alone": alone, "together": together, "mib": plant.server.now_mib() - before, "bytes_per_s": rate,
                     "streams": plant.metric("danxia_live_streams"), "resnapshots": plant.metric("danxia_live_resnapshots_total")}
            browsers.stop()
            return found
        finally:
            steps.set()
            plant.stop()


def step(plant, value):
    subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(plant.mqtt), "-q", "1", "-t", "danxia/v1/load/step/telemetry",
                    "-m", json.dumps({"values": {"beyond": value}})], check=False)


def alternate(plant, over):
    """Raises an alarm and clears it, a step a second."""
    high = False
    while not over.wait(1):
        high = not high
        step(plant, 95 if high else 20)


def section(quick):
    alarms, rounds, served_s, crowd_s = QUICK if quick else FULL
    fold = json.loads(cargo_example("analytics", "alarm_load", str(rounds)))
    shown = drawn(alarms)
    pairs = [(served(served_s, False), served(served_s, True)) for _ in range(rounds)]
    without, with_them = (statistics.median(p[i] for p in pairs) for i in (0, 1))
    added = statistics.median(b - a for a, b in pairs)
    many = crowd(crowd_s)
    return [HEADING, "",
            "`bench/live.py` says what is measured and how.", "",
            "| what | to reach | figure |", "|---|---|---|",
            f"| PUBLISH → alarm drawn in Chromium, 20,000 values/s beside it, {shown['n']} alarms: p50, ms | — | {shown['p50_ms']} |",
            f"| … p99, ms; the slowest; not drawn | ≤ 500 | {shown['p99_ms']}; {shown['max_ms']}; {shown['missing']} |",
            f"| 10,000 definitions on 50,000 values/s: what they add to the fold, % of a core | < 20 | {fold['added_percent']:.1f} "
            f"({fold['bare_percent']:.1f} without them, {fold['steps']:,} steps of alarms) |",
            f"| … what they add to the whole server, % of a core | — | {100 * added:.1f} ({100 * without:.0f} without them, {100 * with_them:.0f} with them) |",
            f"| {BROWSERS} streams: processor time that they add, % of a core | ≤ 10 | {100 * (many['together'] - many['alone']):.1f} "
            f"({100 * many['alone']:.0f} without them) |",
            f"| … memory that they add, MiB | ≤ 100 | {many['mib']:.0f} |",
            f"| … what they are sent, MB/s; snapshots for those that fell behind | — | {many['bytes_per_s'] / 1e6:.1f}; {many['resnapshots']:.0f} |", ""]
