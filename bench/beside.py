"""The store beside VictoriaMetrics: the same values, in the same run, and every number that the store is to reach.

Danxia's store runs within `historian/examples/beside.rs`, VictoriaMetrics as the server it is (Debian's package), fed over
HTTP with the line protocol from this process. What each gives away and gains by that is said in the section itself.
"""

import http.client
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

from kit import ROOT, Server, cargo_example, free_port, output

HEADING = "## The store beside VictoriaMetrics"
START_MS, SERIES = 1_735_689_600_000, 10_000
KINDS = {"realistic": "realistic process values", "f64": "noisy vibration indicators, 64 bits",
         "milli": "noisy vibration indicators, three decimals"}
#: Values a series; seconds of 50,000 values/s; MiB of the store that is opened; kills; losses of power.
FULL, QUICK = (1_200, 20, 1_024, 100, 240), (60, 3, 100, 3, 10)


def ours(*args):
    if binary := os.environ.get("DANXIA_BENCH_EXAMPLES"):
        return output([f"{binary}/{args[0]}", *args[1:]])
    return cargo_example("historian", *args)


class Victoria:
    def __init__(self, directory):
        self.directory, port = Path(directory), free_port()
        binary = shutil.which("victoria-metrics") or sys.exit("bench: victoria-metrics is missing: apt-get install victoria-metrics")
        self.server = Server([binary, f"-storageDataPath={directory}", f"-httpListenAddr=127.0.0.1:{port}",
                              "-retentionPeriod=20y", "-loggerLevel=ERROR"], port)
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path, **ask):
        with urllib.request.urlopen(f"{self.url}{path}?{urllib.parse.urlencode(ask)}", timeout=300) as r:
            return r.read().decode()

    def metric(self, name):
        lines = (l for l in self.get("/metrics").splitlines() if l.startswith(name))
        return sum(float(l.split()[-1]) for l in lines)

    def write(self, path):
        """Posts a file of lines over two connections; seconds until the last answer."""
        lock, file = threading.Lock(), open(path, "rb")

        def next_body():
            with lock:
                return file.read(4 << 20) + file.readline()

        def post():
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=300)
            while body := next_body():
                connection.request("POST", "/api/v2/write?precision=ms", body)
                answer = connection.getresponse()
                if answer.read() or answer.status != 204:
                    raise RuntimeError(f"VictoriaMetrics answers {answer.status}")
        threads = [threading.Thread(target=post) for _ in range(2)]
        begun = time.perf_counter()
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        return time.perf_counter() - begun

    def settle(self):
        """Everything on disk, merged into as few parts as it makes of them."""
        self.get("/internal/force_flush")
        self.get("/internal/force_merge")
        quiet = 0
        while quiet < 5:
            time.sleep(0.2)
            quiet = quiet + 1 if self.metric("vm_active_merges") == 0 else 0
        return sum(f.stat().st_size for part in ("data", "indexdb") for f in (self.directory / part).rglob("*") if f.is_file())

    def exact(self, path, series):
        """How many of a series' values come back as they were sent, bit for bit."""
        prefix = f"v,s={series} "
        with open(path) as f:
            sent = [float(l.split("f=")[1].split()[0]) for l in f if l.startswith(prefix)]
        found = json.loads(self.get("/api/v1/export", **{"match[]": f'v_f{{s="{series}"}}'}))["values"]
        return sum(a == b for a, b in zip(sent, found)), len(sent)


def dumped(directory, *args):
    path = Path(directory) / "lines"
    with open(path, "wb") as f:
        if binary := os.environ.get("DANXIA_BENCH_EXAMPLES"):
            command = [f"{binary}/beside", "dump", *args]
        else:
            command = ["cargo", "run", "--quiet", "--release", "--locked", "-p", "historian", "--example", "beside", "--", "dump", *args]
        subprocess.run(command, stdout=f, check=True, cwd=ROOT)
    return path


def scratch():
    return tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("DANXIA_BENCH_DIR"))


def filled(kind, rounds):
    """Both with the same values: rate, processor time, bytes a point."""
    with scratch() as d:
        danxia = json.loads(ours("beside", "fill", f"{d}/danxia", kind, str(rounds)))
    with scratch() as d:
        path = dumped(d, kind, str(rounds))
        victoria = Victoria(f"{d}/victoria")
        try:
            cpu, begun = victoria.server.cpu_s(), time.perf_counter()
            victoria.write(path)
            # What it has answered for may be in memory only; written is what is in its files.
            victoria.get("/internal/force_flush")
            seconds, cpu = time.perf_counter() - begun, victoria.server.cpu_s() - cpu
            rows = victoria.metric('vm_rows_inserted_total{type="influx"')
            if rows != danxia["points"]:
                sys.exit(f"bench: VictoriaMetrics took {rows:,.0f} of {danxia['points']:,} values")
            exact = victoria.exact(path, 7)
            theirs = {"points": danxia["points"], "seconds": seconds, "cpu_s": cpu, "bytes": victoria.settle(), "exact": exact}
        finally:
            victoria.server.stop()
    return danxia, theirs


def asked(what, step_ms, span_ms):
    """One series, the whole of it in buckets of minimum, maximum and mean; milliseconds, the median of nine."""
    with scratch() as d:
        danxia = json.loads(ours("beside", "query", f"{d}/danxia", what))
    with scratch() as d:
        path = dumped(d, what)
        victoria = Victoria(f"{d}/victoria")
        try:
            victoria.write(path)
            victoria.settle()
            ask = {"query": f'rollup(v_f{{s="0"}}[{step_ms}ms])', "start": (START_MS + step_ms) / 1000,
                   "end": (START_MS + span_ms) / 1000, "step": f"{step_ms}ms", "nocache": 1}
            times = []
            for _ in range(9):
                begun = time.perf_counter()
                text = victoria.get("/api/v1/query_range", **ask)
                times.append((time.perf_counter() - begun) * 1000)
        finally:
            victoria.server.stop()
    found = json.loads(text)["data"]["result"]
    means = [float(v) for r in found if r["metric"].get("rollup") == "avg" for _, v in r["values"]]
    if abs(len(means) - danxia["buckets"]) > 2 or abs(sum(means) / len(means) / danxia["mean"] - 1) > 1e-3:
        sys.exit(f"bench: the answers differ: {len(means)} buckets, mean {sum(means) / len(means)}; {danxia}")
    return danxia["ms"], statistics.median(times)


def tested(test, variable, count):
    """The closing line of a test that counts."""
    done = subprocess.run(["cargo", "test", "--quiet", "--locked", "-p", "historian", "--test", test, "--", "--nocapture"],
                          capture_output=True, text=True, cwd=ROOT, env={**os.environ, variable: str(count), "DANXIA_UI_SKIP": "1"})
    if done.returncode:
        sys.exit(f"bench: {test}: {(done.stdout + done.stderr)[-2000:]}")
    found = re.search(rf"{count} (kills|losses).*", done.stdout)
    return re.split("[;,]( and)? the store verifies", found[0])[0] if found else sys.exit(f"bench: {test} does not say what it saw: {done.stdout}")


def figure(text, pattern):
    found = re.search(pattern, text)
    return float(found[1]) if found else sys.exit(f"bench: no {pattern} in {text}")


def section(quick):
    rounds, seconds, mib, kills, cuts = QUICK if quick else FULL
    fills = {kind: filled(kind, rounds) for kind in KINDS}
    day, year = asked("day", 86_400, 86_400_000), asked("year", 3_600_000, 365 * 86_400_000)
    with scratch() as d:
        commit = ours("bench", d, "commit")
        paced = json.loads(ours("beside", "paced", f"{d}/paced", "50000", str(seconds)))
        reopen = ours("reopen", d, str(mib))
    killed, cut = tested("kill", "HISTORIAN_KILLS", kills), tested("power", "HISTORIAN_POWER_CUTS", cuts)
    return [HEADING, "", *compared(fills, day, year), "", "### The numbers of the store", "",
            *numbers(fills, day, year, commit, paced, reopen, killed, cut, mib), ""]


def compared(fills, day, year):
    rows = []

    def row(what, a, b, form, better):
        rows.append(f"| {what} | {form.format(a)} | {form.format(b)} | {a / b:.2f} × ({better} is better) |")
    for kind, name in KINDS.items():
        a, b = fills[kind]
        row(f"{name}: points/s", a["points"] / a["seconds"], b["points"] / b["seconds"], "{:,.0f}", "higher")
        row("… processor seconds a million points", a["cpu_s"] / a["points"] * 1e6, b["cpu_s"] / b["points"] * 1e6, "{:.2f}", "lower")
        row("… bytes a point on disk, merged", a["bytes"] / a["points"], b["bytes"] / b["points"], "{:.2f}", "lower")
    row("a day at 1 Hz in 1,000 buckets, ms", *day, "{:.1f}", "lower")
    row("a year by the minute in 8,760 hours, ms", *year, "{:.1f}", "lower")
    exact = ", ".join("{:,} of {:,} ({})".format(*fills[kind][1]["exact"], name) for kind, name in KINDS.items())
    version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "victoria-metrics"], capture_output=True, text=True)
    points = fills["realistic"][0]["points"]
    return [
        f"{SERIES:,} series, {points:,} values of each kind, the same on both sides; VictoriaMetrics {version.stdout or '?'} of",
        "Debian in the same run (`bench/beside.py`). They do not do the same, and the ratios are to be read with that in mind:", "",
        "- **Durability.** Danxia's store answers for a batch of 5,000 values after its fsync. VictoriaMetrics answers when it has",
        "  them in memory, writes every second or so, and a kill takes what is not written yet. Its time here ends with a forced",
        "  flush, at the end of all.",
        "- **The way in.** Danxia's store is called within its process with values in memory; VictoriaMetrics reads line protocol",
        "  from two HTTP connections, with the sender beside it on the same cores, and its processor time holds the parsing.",
        "- **Exactness.** Danxia gives every value back bit for bit, at the nanosecond. VictoriaMetrics keeps decimal numbers of a",
        "  limited length, and milliseconds. Values of one series that came back as they were sent:",
        f"  {exact}.",
        "- **Size.** `ts.db` with everything in chunks, its log cut and the file vacuumed, against `data` and `indexdb` after a forced",
        "  merge. In service Danxia has up to 128 MiB of log beside it, whatever the number of points.",
        "- **Queries.** Danxia's are calls, VictoriaMetrics' are HTTP with JSON (`rollup`, its cache off), from the same data at rest.",
        "", "| what | Danxia | VictoriaMetrics | ratio |", "|---|---|---|---|", *rows]


def numbers(fills, day, year, commit, paced, reopen, killed, cut, mib):
    rows = []

    def row(what, target, value, text, met):
        rows.append(f"| {what} | {target} | {text.format(value)} | {'met' if met else '**not met**'} |")
    size = {kind: fills[kind][0]["bytes"] / fills[kind][0]["points"] for kind in KINDS}
    rate = figure(commit, r"commit\s+(\d+) points/s")
    row("committed from the in-process API while a reader queries, points/s", "≥ 500,000", rate, "{:,.0f}", rate >= 5e5)
    row("commit p99 at 50,000 points/s with a reader, ms", "≤ 30", paced["p99_ms"], f"{{:.1f}} (p50 {paced['p50_ms']:.1f})", paced["p99_ms"] <= 30)
    for kind, name in KINDS.items():
        row(f"{name}, bytes a point", "≤ 1.5", size[kind], "{:.2f}", size[kind] <= 1.5)
    last = figure(commit, r"last\s+([\d.]+) ms")
    row("latest values of 10,000 series from the cache, ms", "≤ 1", last, "{:.2f}", last <= 1)
    row("a day at 1 Hz in 1,000 buckets, ms", "≤ 10", day[0], "{:.1f}", day[0] <= 10)
    row("a year by the hour (of a value a minute), ms", "≤ 20", year[0], "{:.1f}", year[0] <= 20)
    cold, warm = figure(reopen, r"reopen cold: median ([\d.]+) s"), figure(reopen, r"reopen warm: median ([\d.]+) s")
    row(f"reopen of a store of {mib:,} MiB, s", "≤ 2", cold, f"{{:.2f}} with cold files, {warm:.2f} with warm ones", cold <= 2)
    row("kill -9 at random moments", "100, none lost", killed, "{}", True)
    row("losses of power", "none lost", cut, "{}", True)
    said = [l for l in reopen.splitlines() if l.startswith(("store:", "reopen"))]
    return ["| what | to reach | figure | |", "|---|---|---|---|", *rows, "", "```", *said, "```"]
