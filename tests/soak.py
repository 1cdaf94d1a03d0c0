"""A plant's load for an hour, with somebody reading: does memory grow, does anything wait longer, is every value there?

    make soak SOAK_SECONDS=3600      # SOAK_RATE=20000 values/s, SOAK_MACHINES=500 of 20 points, SOAK_OUT=target/soak

`danxia run` gets SOAK_RATE values a second over MQTT from `danxia-load soak`, while readers ask its HTTP API for latest
values, ranges and buckets. Its memory, processor time, files and open files are written down all along: into
`soak.csv`, and as a picture into `soak.svg`. At the end the ledger must add up, and every acknowledged value is counted
in the answers of the API.

Memory that grows ends it with an error. The first third is warm-up: chunks fill, caches fill, the log reaches its length.
To the anonymous memory (RssAnon) of the rest a line is fitted; its uncertainty allows for samples that follow one another
(n is counted as n (1 - r) / (1 + r), r being the correlation of neighbouring residuals). It grows if the slope, less twice
its uncertainty, is more than GROWTH of the mean in an hour. A run under half an hour is too short to say so: its slope is
printed and judged by nobody.
"""

import csv
import json
import math
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPConnection
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(os.environ.get("DANXIA_BIN", ROOT / "target/release/danxia"))
SECONDS = int(os.environ.get("SOAK_SECONDS", "3600"))
RATE = int(os.environ.get("SOAK_RATE", "20000"))
MACHINES = int(os.environ.get("SOAK_MACHINES", "500"))
OUT = Path(os.environ.get("SOAK_OUT", ROOT / "target/soak"))
VALUES = 20
EVERY_S = 5 if SECONDS >= 600 else 1
GROWTH = 0.02
JUDGED_S = 1_800
#: What is asked, how often a second.
READERS = {"last": 10, "range": 1, "buckets": 2}


def free_port():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Instance:
    def __init__(self, directory):
        self.data, self.mqtt, self.http = Path(directory) / "data", free_port(), free_port()
        self.log = open(OUT / "danxia.log", "wb")
        limits = {f"DANXIA__MQTT__LIMITS__{name}": "0" for name in ("MESSAGES_PER_SECOND", "BYTES_PER_SECOND")}
        self.process = subprocess.Popen(
            [BIN, "run", "--data", self.data, "--mqtt", f"127.0.0.1:{self.mqtt}", "--http", f"127.0.0.1:{self.http}",
             "--anonymous"], stdout=self.log, stderr=self.log, env={**os.environ, **limits})
        end = time.monotonic() + 60
        while True:
            try:
                if urllib.request.urlopen(f"http://127.0.0.1:{self.http}/readyz", timeout=2).status == 200:
                    return
            except OSError as e:
                if self.process.poll() is not None or time.monotonic() > end:
                    sys.exit(f"soak: danxia did not start: {e}; see {self.log.name}")
            time.sleep(0.05)

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=60) as r:
            return json.loads(r.read())

    def knows(self, path):
        try:
            return bool(self.get(path))
        except urllib.error.HTTPError:
            return False

    def sample(self):
        """What the system says of the process and its files."""
        proc = Path(f"/proc/{self.process.pid}")
        status = dict(l.split(":", 1) for l in (proc / "status").read_text().splitlines())
        stat = (proc / "stat").read_text().rsplit(")", 1)[1].split()
        kib = lambda name: int(status[name].split()[0])
        sizes = {name: sum(f.stat().st_size for f in self.data.glob(name)) for name in
                 ("ts.db", "ts.db-wal", "wave.db*", "state.db*")}
        return {"rss_mib": kib("VmRSS") / 1024, "anon_mib": kib("RssAnon") / 1024, "peak_mib": kib("VmHWM") / 1024,
                "cpu_s": (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK"), "threads": int(status["Threads"]),
                "fds": len(list((proc / "fd").iterdir())), "ts_mib": sizes["ts.db"] / 2**20,
                "wal_mib": sizes["ts.db-wal"] / 2**20, "wave_mib": sizes["wave.db*"] / 2**20,
                "state_mib": sizes["state.db*"] / 2**20}


def query(kind, since_ms):
    point = f"load/soak-{random.randrange(MACHINES):04}/point_{random.randrange(VALUES):03}"
    now = int(time.time() * 1000)
    ask = {"point": point}
    if kind == "range":
        ask |= {"from": now - 60_000, "to": now, "limit": 1000}
    if kind == "buckets":
        ask |= {"from": max(since_ms, now - 3_600_000), "to": now, "buckets": 600}
    return f"/api/v1/series/{kind}?{urllib.parse.urlencode(ask)}"


class Reader(threading.Thread):
    """Asks one kind of question, so often a second, and notes how long each answer took."""

    def __init__(self, instance, kind, per_second, since_ms):
        super().__init__(daemon=True)
        self.instance, self.kind, self.period, self.since_ms = instance, kind, 1 / per_second, since_ms
        self.ms, self.errors, self.done = [], 0, threading.Event()

    def run(self):
        connection = HTTPConnection("127.0.0.1", self.instance.http, timeout=60)
        while not self.done.wait(self.period):
            begun = time.perf_counter()
            try:
                connection.request("GET", query(self.kind, self.since_ms))
                answer = connection.getresponse()
                answer.read()
                self.errors += answer.status != 200
            except OSError:
                self.errors += 1
                connection.close()
            self.ms.append((time.perf_counter() - begun) * 1000)


def quantile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def line(samples):
    """Slope an hour and its uncertainty (one standard error) of (seconds, MiB)."""
    n = len(samples)
    mt, mv = sum(t for t, _ in samples) / n, sum(v for _, v in samples) / n
    stt = sum((t - mt) ** 2 for t, _ in samples)
    slope = sum((t - mt) * (v - mv) for t, v in samples) / stt
    rest = [v - mv - slope * (t - mt) for t, v in samples]
    square = sum(r * r for r in rest)
    r = sum(a * b for a, b in zip(rest, rest[1:])) / square if square else 0.0
    effective = max(3.0, n * (1 - r) / (1 + r))
    error = math.sqrt(square / n / (stt / n) / (effective - 2))
    return slope * 3600, error * 3600, mv


def picture(rows, warm_s, path):
    """Memory, processor and files over time as SVG: three strips, one above the other."""
    width, height, left = 900, 150, 60
    strips = (("memory, MiB: resident (dark), anonymous (light)", ("rss_mib", "anon_mib")),
              ("processor, % of one core", ("cpu_percent",)), ("files, MiB: ts.db (dark), its write-ahead log (light)", ("ts_mib", "wal_mib")))
    last = max(rows[-1]["t_s"], 1)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width + left + 20}" height="{len(strips) * (height + 50) + 10}" '
           'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>']
    for n, (title, keys) in enumerate(strips):
        top = n * (height + 50) + 25
        most = max(max(r[k] for r in rows) for k in keys) * 1.05 or 1
        x = lambda t: left + t / last * width
        y = lambda v: top + height - v / most * height
        out.append(f'<text x="{left}" y="{top - 8}">{title}</text>'
                   f'<rect x="{left}" y="{top}" width="{x(warm_s) - left:.0f}" height="{height}" fill="#f0f0f0"/>'
                   f'<path d="M{left} {top}V{top + height}H{left + width}" stroke="black" fill="none"/>')
        out += [f'<text x="{left - 6}" y="{y(v) + 4:.0f}" text-anchor="end">{v:.0f}</text>' for v in (0, most / 2, most)]
        for key, colour in zip(keys, ("#1f4e79", "#7fb2e5")):
            points = " ".join(f"{x(r['t_s']):.1f},{y(r[key]):.1f}" for r in rows)
            out.append(f'<polyline points="{points}" stroke="{colour}" stroke-width="1.5" fill="none"/>')
        out.append(f'<text x="{left + width}" y="{top + height + 15}" text-anchor="end">{last / 60:.0f} min</text>')
    path.write_text("\n".join([*out, "</svg>", ""]))


def counted(instance, since_ms, until_ms):
    """How many values the API finds in all series: the sum of its buckets' counts."""
    connection = HTTPConnection("127.0.0.1", instance.http, timeout=60)
    total = 0
    for machine in range(MACHINES):
        for point in range(VALUES):
            ask = {"point": f"load/soak-{machine:04}/point_{point:03}", "from": since_ms, "to": until_ms, "buckets": 1}
            connection.request("GET", f"/api/v1/series/buckets?{urllib.parse.urlencode(ask)}")
            answer = connection.getresponse()
            body = answer.read()
            if answer.status == 200:
                total += sum(json.loads(body)["count"])
            elif answer.status != 404:  # a point that never spoke has no series
                sys.exit(f"soak: {ask['point']}: {body.decode()}")
    return total


def watch(instance, load, begun):
    rows, busy = [], instance.sample()["cpu_s"]
    due = begun
    while load.poll() is None:
        due += EVERY_S
        time.sleep(max(0.0, due - time.monotonic()))
        if instance.process.poll() is not None:
            sys.exit(f"soak: danxia ended with {instance.process.returncode}; see {OUT}/danxia.log")
        row = {"t_s": round(time.monotonic() - begun, 1), **instance.sample()}
        before = rows[-1] if rows else {"t_s": 0, "cpu_s": busy}
        row["cpu_percent"] = 100 * (row["cpu_s"] - before["cpu_s"]) / max(row["t_s"] - before["t_s"], 0.1)
        rows.append(row)
    return rows


def stop(process):
    process.send_signal(signal.SIGTERM)
    return process.wait(60)


def run(directory):
    instance = Instance(directory)
    since_ms, begun = int(time.time() * 1000) - 1000, time.monotonic()
    load = subprocess.Popen(
        [BIN.with_name("danxia-load"), "soak", "--address", f"127.0.0.1:{instance.mqtt}", "--seconds", str(SECONDS),
         "--rate", str(RATE), "--machines", str(MACHINES), "--values", str(VALUES)], stdout=subprocess.PIPE, text=True)
    readers = [Reader(instance, kind, often, since_ms) for kind, often in READERS.items()]
    try:
        # What has not spoken yet is not known to the API.
        last = f"/api/v1/series/last?point=load/soak-{MACHINES - 1:04}/point_{VALUES - 1:03}"
        while not instance.knows(last):
            if time.monotonic() > begun + 60:
                sys.exit(f"soak: nothing came of {last}")
            time.sleep(0.1)
        for r in readers:
            r.start()
        rows = watch(instance, load, begun)
        said = json.loads(load.communicate()[0])
        for r in readers:
            r.done.set()
            r.join()
        return judge(instance, rows, said, readers, since_ms)
    finally:
        for process in (load, instance.process):
            if process.poll() is None:
                stop(process)


def judge(instance, rows, said, readers, since_ms):
    wrong = []
    ledger = instance.get("/api/v1/ledger/total")
    if ledger["received"] != sum(ledger[k] for k in ("committed", "duplicates", "quarantined", "refused")):
        wrong.append(f"the ledger does not add up: {ledger}")
    if said["cut"] or said["acked"] != said["sent"]:
        wrong.append(f"not everything was acknowledged: {said}")
    if ledger["committed"] < said["acked"]:
        wrong.append(f"{said['acked']} messages were acknowledged, {ledger['committed']} committed")
    found = counted(instance, since_ms, int(time.time() * 1000) + 1000)
    wanted = said["acked"] * VALUES
    if found != wanted:
        wrong.append(f"{wanted:,} values were acknowledged, {found:,} are found")
    warm_s = SECONDS / 3
    slope, error, mean = line([(r["t_s"], r["anon_mib"]) for r in rows if r["t_s"] >= warm_s])
    with open(OUT / "soak.csv", "w", newline="") as f:
        table = csv.DictWriter(f, rows[0].keys())
        table.writeheader()
        table.writerows({k: round(v, 2) for k, v in r.items()} for r in rows)
    picture(rows, warm_s, OUT / "soak.svg")
    cpu = (rows[-1]["cpu_s"] - rows[0]["cpu_s"]) / max(rows[-1]["t_s"] - rows[0]["t_s"], 1)
    print(f"load:    {said['points_per_s']:,.0f} values/s for {said['seconds']:.0f} s in messages of {VALUES}, {MACHINES * VALUES:,} series; "
          f"PUBACK p50 {said['p50_ms']:.1f}, p99 {said['p99_ms']:.1f}, longest {said['max_ms']:.0f} ms")
    print(f"count:   {wanted:,} values acknowledged, {found:,} found; ledger {ledger['received']:,} = {ledger['committed']:,} + "
          f"{ledger['duplicates']} + {ledger['quarantined']} + {ledger['refused']}")
    print(f"memory:  {rows[0]['rss_mib']:.0f} MiB at the start, {rows[-1]['rss_mib']:.0f} at the end, {rows[-1]['peak_mib']:.0f} at most")
    print(f"slope:   {slope:+.1f} ± {error:.1f} MiB/h of anonymous memory (mean {mean:.0f} MiB) after {warm_s:.0f} s of warm-up")
    print(f"system:  {100 * cpu:.0f} % of one core; {rows[0]['fds']} to {rows[-1]['fds']} open files, {rows[-1]['threads']} threads; ts.db "
          f"{rows[-1]['ts_mib']:.0f} MiB, its write-ahead log {max(r['wal_mib'] for r in rows):.0f} MiB at most")
    for r in readers:
        print(f"reading: {r.kind:<8} {len(r.ms):,} answers, p50 {quantile(r.ms, 0.5):.1f}, p99 {quantile(r.ms, 0.99):.1f}, longest "
              f"{max(r.ms, default=0):.0f} ms, {r.errors} errors")
        if r.errors:
            wrong.append(f"{r.errors} of {len(r.ms)} questions for {r.kind} were not answered")
    grows = slope - 2 * error > GROWTH * mean
    if SECONDS < JUDGED_S:
        print(f"         (under {JUDGED_S} s the slope is not judged)")
    elif grows:
        wrong.append(f"memory grows: {slope:.1f} ± {error:.1f} MiB/h, more than {GROWTH:.0%} of {mean:.0f} MiB")
    if rows[-1]["fds"] > rows[len(rows) // 3]["fds"] + 20:
        wrong.append(f"open files grow: {rows[len(rows) // 3]['fds']} after the warm-up, {rows[-1]['fds']} at the end")
    if (code := stop(instance.process)) != 0:
        wrong.append(f"danxia ended with {code}")
    checked = subprocess.run([BIN, "verify", "--data", instance.data], capture_output=True, text=True)
    print(f"verify:  {checked.stdout.strip().splitlines()[-1] if checked.stdout.strip() else checked.stderr.strip()}")
    if checked.returncode:
        wrong.append("the store does not verify")
    for w in wrong:
        print(f"soak: {w}", file=sys.stderr)
    return 1 if wrong else 0


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="danxia-soak-", dir=os.environ.get("SOAK_DIR")) as directory:
        code = run(directory)
    print(f"soak: {'passed' if code == 0 else 'failed'}; {OUT}/soak.csv, {OUT}/soak.svg")
    return code


if __name__ == "__main__":
    sys.exit(main())
