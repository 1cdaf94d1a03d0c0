"""1,200 accelerometers that deliver a record every 10 s, through the broker to the verdict: what that costs.

The plant is that of `danxia-load plant`: 100 machines of a steel works with 12 accelerometers each, bearings, trains, limits
and slow values as in the line kit, records of 65,536 samples at 25.6 kHz (2.56 s) as 16-bit numbers, evenly spread; five
machines have a damaged bearing, ten run at a speed that varies within a record and are judged by the angle of the shaft.
Processor time is that of all threads of the server's process, and what it took while the plant spoke and nothing else.
"""

import json
import os
import re
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from datetime import datetime
from pathlib import Path

from kit import BIN, LIMITLESS, Server, free_port

HEADING = "## 1,200 accelerometers every 10 s"
MACHINES, SENSORS, PERIOD, FS = 100, 12, 10, 25_600
#: Seconds until it is measured, and for which.
FULL, QUICK = (40, 150), (15, 30)
#: A record is looked for this often, s; of so many accelerometers.
LOOK, LOOKED = 0.1, 8


class Watch:
    """Asks for the latest verdict of a few accelerometers, over and over, and notes how old each was when it was there."""

    def __init__(self, http, seconds):
        self.http, self.seconds, self.lags, self.over = http, seconds, [], False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        points = [f"load/machine-{m:03}/vibration_{s:02}" for m, s in zip(range(2, MACHINES, MACHINES // LOOKED), range(SENSORS))]
        ask = json.dumps({"ask": "last", "series": [{"point": p, "indicator": "acceleration_rms"} for p in points]})
        seen = {}
        while not self.over:
            answer = post(self.http, "/api/v1/series/query", ask)
            now = time.time()
            for p, s in zip(points, answer.get("last", [])):
                t = (s.get("last") or {}).get("t")
                if t and seen.get(p) != t:
                    # The first one that is seen may have been there for long.
                    if p in seen:
                        self.lags.append(now - datetime.fromisoformat(t.replace("Z", "+00:00")).timestamp() - self.seconds)
                    seen[p] = t
            time.sleep(LOOK)

    def stop(self):
        self.over = True
        self.thread.join()
        return self.lags


def post(http, path, body):
    ask = urllib.request.Request(f"http://127.0.0.1:{http}{path}", body.encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(ask, timeout=30) as r:
            return json.loads(r.read())
    except OSError:
        return {}


def get(http, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{http}{path}", timeout=30) as r:
        return json.loads(r.read())


def threads(pid):
    """Processor seconds by the kind of thread."""
    tick, found = os.sysconf("SC_CLK_TCK"), Counter()
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            name, rest = task.joinpath("stat").read_text().split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue
        fields = rest.split()
        found[re.sub(r"[-\d]+$", "", name)] += (int(fields[11]) + int(fields[12])) / tick
    return found


def written(pid):
    return int(next(l for l in Path(f"/proc/{pid}/io").read_text().splitlines() if l.startswith("write_bytes")).split()[1])


def analysed(http):
    """Verdicts in the store, and accelerometers of which there are any."""
    points = [f"load/machine-{m:03}/vibration_{s:02}" for m in range(MACHINES) for s in range(SENSORS)]
    total, heard = 0, 0
    for at in range(0, len(points), 60):
        series = [{"point": p, "indicator": "acceleration_rms"} for p in points[at:at + 60]]
        answer = post(http, "/api/v1/series/query", json.dumps({"ask": "statistics", "series": series}))
        counts = [s["count"] + s.get("bad", 0) for s in answer["statistics"]]
        total, heard = total + sum(counts), heard + sum(c > 0 for c in counts)
    return total, heard


def run(samples, varying, warm, seconds):
    """One plant from its first birth to the last verdict."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("DANXIA_BENCH_DIR")) as d:
        mqtt, http = free_port(), free_port()

        def ready():
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{http}/readyz", timeout=1).status == 200
            except OSError:
                return False
        server = Server([str(BIN / "danxia"), "run", "--data", d, "--mqtt", f"127.0.0.1:{mqtt}", "--http",
                         f"127.0.0.1:{http}", "--anonymous"], mqtt, ready, LIMITLESS)
        pid = server.process.pid
        # The records are computed first, then the clock runs.
        load = subprocess.Popen([str(BIN / "danxia-load"), "plant", "--address", f"127.0.0.1:{mqtt}", "--machines", str(MACHINES),
                                 "--sensors", str(SENSORS), "--period", str(PERIOD), "--samples", str(samples), "--fs", str(FS),
                                 "--varying", str(varying), "--seconds", str(warm + seconds + 10)], stdout=subprocess.PIPE, text=True)
        while sum(len(a["machines"]) for a in get(http, "/api/v1/overview")["areas"]) < MACHINES and load.poll() is None:
            time.sleep(0.1)
        time.sleep(warm)
        watch = Watch(http, samples / FS)
        begun, cpu, by, bytes_ = time.monotonic(), server.cpu_s(), threads(pid), written(pid)
        time.sleep(seconds)
        took = time.monotonic() - begun
        found = {"cores": (server.cpu_s() - cpu) / took, "written": (written(pid) - bytes_) / took}
        found["threads"] = {k: v / took for k, v in (threads(pid) - by).items()}
        found["rss_mib"], found["peak_mib"] = server.now_mib(), server.rss_mib()
        found["lags"] = sorted(watch.stop())
        found["sent"] = json.loads(load.communicate()[0])
        # What was published last has a few seconds to be judged.
        for _ in range(50):
            found["analysed"], found["heard"] = analysed(http)
            if found["analysed"] == found["sent"]["records"]:
                break
            time.sleep(0.2)
        alarms = get(http, "/api/v1/alarms")["alarms"]
        found["alarms"] = Counter((a["machine"]["machine"], a["condition"].split(".")[0]) for a in alarms)
        found["files"] = {f.name: f.stat().st_size for f in Path(d).iterdir() if f.is_file()}
        server.stop()
        return found


def quantile(values, part):
    return values[int((len(values) - 1) * part)] if values else float("nan")


def rows(label, f):
    sent = f["sent"]
    yield f"| {label}: processor time, cores | < 1 | {f['cores']:.2f} |"
    parts = ", ".join(f"{k} {v:.2f}" for k, v in sorted(f["threads"].items(), key=lambda kv: -kv[1]) if v >= 0.005)
    yield f"| … by threads, cores | | {parts} |"
    yield f"| … records published, acknowledged messages of sent, records judged | all | {sent['records']:,}, {sent['acked']:,} of {sent['sent']:,}, {f['analysed']:,} of {f['heard']:,} accelerometers |"
    yield (f"| … from the end of a record to its verdict over the API, s: median, slowest twentieth from, longest | within 10 | "
           f"{quantile(f['lags'], 0.5):.2f}, {quantile(f['lags'], 0.95):.2f}, {quantile(f['lags'], 1):.2f} ({len(f['lags'])} looks) |")
    yield f"| … PUBLISH → PUBACK, ms: p50, p99, longest | | {sent['p50_ms']:.1f}, {sent['p99_ms']:.1f}, {sent['max_ms']:.0f} |"
    yield f"| … memory, MiB: at the end, highest | | {f['rss_mib']:.0f}, {f['peak_mib']:.0f} |"
    yield f"| … published, MB/s; written to the disk, MB/s | | {sent['bytes'] / sent['seconds'] / 1e6:.1f}; {f['written'] / 1e6:.1f} |"
    stored = f["files"].get("wave.db", 0) / sent["records"] / 1e3
    yield f"| … a record: published, kB; stored, kB | | {sent['bytes'] / sent['records'] / 1e3:.0f}; {stored:.0f} |"
    yield f"| … machines with a bearing alarm: of the 5 damaged, of the 95 others | 5, 0 | {', '.join(map(str, damaged(f)))} |"


def damaged(f):
    named = {m for (m, c) in f["alarms"] if c == "bearing"}
    hit = {f"machine-{m:03}" for m in range(5)}
    return len(named & hit), len(named - hit)


def section(quick):
    warm, seconds = QUICK if quick else FULL
    cases = [("65,536 samples", 65_536, 10)]
    if not quick:
        cases += [("25,600 samples", 25_600, 10), ("65,536 samples, every speed varies", 65_536, MACHINES)]
    lines = [HEADING, "", " ".join(__doc__.strip().split("\n\n")[0].splitlines()), "",
             *__doc__.strip().split("\n\n")[1].splitlines(),
             f"Measured for {seconds} s after {warm} s (`bench/vibration.py`).", "",
             "| what | to reach | figure |", "|---|---|---|"]
    for label, samples, varying in cases:
        lines += rows(label, run(samples, varying, warm, seconds))
    return [*lines, ""]
