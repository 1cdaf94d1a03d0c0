"""What InfluxDB missed is made up for: how fast, and what the live path feels of it.

VictoriaMetrics takes InfluxDB's write API here, on the same cores and the same disk as Danxia and the publishers, so what is felt
is the most that there is to feel. In a plant that server is another machine: in a second look it has the processor time that
nobody else wants, and keeps its data in memory, so that its fsyncs are not those of this disk.
"""

import json
import os
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from kit import BIN, LIMITLESS, Server, free_port, output, wait

HEADING = "## Catching up with InfluxDB"
#: Messages a second of the live load, one value each.
RATE = 1_000
#: Values that are owed; seconds of a look at the live path; looks at it.
FULL, QUICK = (16_000_000, 8, 3), (2_000_000, 3, 1)
VALUES = 100


class Plant:
    def __init__(self, directory, elsewhere):
        self.vm = free_port()
        self.directory, self.elsewhere = Path(directory), elsewhere
        token = self.directory / "token"
        token.write_text("any\n")
        token.chmod(0o600)
        mqtt, self.http = free_port(), free_port()
        settings = {"ADOPT": "true", "INFLUX__URL": f"http://127.0.0.1:{self.vm}", "INFLUX__ORG": "plant",
                    "INFLUX__BUCKET": "danxia", "INFLUX__TOKEN_FILE": str(token)}
        self.server = Server([str(BIN / "danxia"), "run", "--data", f"{directory}/data", "--mqtt", f"127.0.0.1:{mqtt}",
                              "--http", f"127.0.0.1:{self.http}", "--anonymous"], mqtt, self.ready,
                             LIMITLESS | {f"DANXIA__{k}": v for k, v in settings.items()})

    def ready(self):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.http}/readyz", timeout=1).status == 200
        except OSError:
            return False

    def influx(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/api/v1/influx", timeout=30) as r:
            return json.loads(r.read())

    def load(self, mode, **options):
        args = [a for k, v in options.items() for a in (f"--{k}", str(v))]
        return json.loads(output([str(BIN / "danxia-load"), mode, "--address", f"127.0.0.1:{self.server.port}", *args]))

    def victoria(self, apart):
        binary = shutil.which("victoria-metrics") or sys.exit("bench: victoria-metrics is missing: apt-get install victoria-metrics")
        return Server([*(["chrt", "-i", "0"] if apart else []), binary, f"-storageDataPath={self.elsewhere if apart else self.directory}/vm", f"-httpListenAddr=127.0.0.1:{self.vm}",
                       "-retentionPeriod=20y", "-loggerLevel=ERROR"], self.vm)

    def up_to_date(self, seconds):
        def state():
            s = self.influx()
            return s["phase"] == "live" and s["lag_s"] < 3
        wait("InfluxDB's being up to date", state, seconds)

    def live(self, seconds, looks):
        """The live path looked at several times: medians of p50 and p99 in ms, and the span of p99."""
        found = [self.load("latency", rate=RATE, seconds=seconds) for _ in range(looks)]
        p99 = [f["p99_ms"] for f in found]
        return statistics.median(f["p50_ms"] for f in found), statistics.median(p99), (min(p99), max(p99))


def outage(apart, owed, seconds, looks):
    with (tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("DANXIA_BENCH_DIR")) as d,
          tempfile.TemporaryDirectory(prefix="bench-", dir="/dev/shm") as memory):
        plant = Plant(d, memory)
        server = plant.victoria(apart)
        plant.load("points", messages=100, values=VALUES)
        plant.up_to_date(60)
        server.stop()
        plant.load("points", messages=owed // VALUES, values=VALUES)
        # With the same store and the same load, but for the catching up.
        away = plant.live(seconds, looks)
        server = plant.victoria(apart)
        wait("the first of what is owed", lambda: plant.influx()["phase"] != "waiting", 120)
        taken, begun = plant.influx()["points"], time.monotonic()
        during = plant.live(seconds, looks)
        more, took = plant.influx()["points"] - taken, time.monotonic() - begun
        behind = plant.influx()["lag_s"] > 3
        plant.up_to_date(1_200)
        whole = owed / (time.monotonic() - begun)
        plant.server.stop()
        server.stop()
        return {"away": away, "during": during, "rate": more / took, "whole": whole, "behind": behind}


def section(quick):
    owed, seconds, looks = QUICK if quick else FULL
    rows = []
    for name, apart in (("the server on the same cores and disk", False), ("the server as if it were elsewhere", True)):
        f = outage(apart, owed, seconds, looks)
        if not f["behind"]:
            sys.exit("bench: everything was made up for before the live path had been looked at; owe more")
        (p50, p99, a), (p50_then, p99_then, b) = f["away"], f["during"]
        rows += [f"| {name}: values made up for a second, live ones within | ≥ 5 × live ({5 * RATE:,}) | {f['rate']:,.0f} | {f['rate'] / RATE:.0f} × |",
                 f"| … PUBACK p50 of the live load, ms | | {p50:.2f} while it is away, {p50_then:.2f} while it is made up for | {p50_then / p50:.2f} × |",
                 f"| … PUBACK p99 of the live load, ms | ≤ 1.5 × | {p99:.1f} ({a[0]:.1f} to {a[1]:.1f}) while it is away, "
                 f"{p99_then:.1f} ({b[0]:.1f} to {b[1]:.1f}) while it is made up for | {p99_then / p99:.2f} × |"]
    return [HEADING, "",
            f"{owed:,} values were published while the server was away; before and after it is started {RATE:,} messages a second are",
            f"published and acknowledged after their fsync ({looks} looks of {seconds} s each, medians; `bench/catching_up.py`).", "",
            "| what | to reach | figure | ratio |", "|---|---|---|---|", *rows]
