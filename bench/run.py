"""Every figure of Danxia beside its peers, in one run, into docs/benchmarks.md.

    make bench            the whole
    bench/run.py --quick  fewer rounds, printed only

Publishers run in a process of their own (danxia-load, the same for every broker). Peers run in the same minutes on the
same machine, in turn with Danxia, round by round, so that a machine that slows down slows both; the ratio is that of
the medians. Absolute figures wander on shared machines: the ratio is what counts.
"""

import argparse
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(os.environ.get("DANXIA_BENCH_BIN", ROOT / "target/release"))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
        return True
    except OSError:
        return False


def wait(what, probe, seconds=30):
    end = time.monotonic() + seconds
    while not probe():
        if time.monotonic() > end:
            sys.exit(f"bench: {what} did not come up within {seconds} s")
        time.sleep(0.05)


class Server:
    """A process that is loaded; its CPU time is read when it ends."""

    def __init__(self, command, port, ready=None):
        self.port = port
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait(command[0], ready or (lambda: answers(port)))

    def cpu_s(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(l for l in status.splitlines() if l.startswith("VmHWM")).split()[1]) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()


def danxia(directory):
    mqtt, http = free_port(), free_port()

    def ready():
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{http}/readyz", timeout=1).status == 200
        except OSError:
            return False
    return Server([str(BIN / "danxia"), "run", "--data", directory, "--mqtt", f"127.0.0.1:{mqtt}",
                   "--http", f"127.0.0.1:{http}", "--anonymous"], mqtt, ready)


def mosquitto(directory):
    port = free_port()
    conf = Path(directory) / "mosquitto.conf"
    # Limits lifted so that it is measured and not its defaults; in memory, as it comes.
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\n"
                    "max_queued_messages 0\nset_tcp_nodelay true\nlog_type none\n")
    return Server([shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(conf)], port)


def load(server, mode, **options):
    args = [str(BIN / "danxia-load"), mode, "--address", f"127.0.0.1:{server.port}"]
    for k, v in options.items():
        args += [f"--{k}", str(v)]
    out = subprocess.run(args, capture_output=True, text=True)
    if out.returncode:
        sys.exit(f"bench: {' '.join(args)}: {out.stderr}")
    return json.loads(out.stdout)


def fsync_ms(directory):
    """Median time of a 4 KiB write with fdatasync where the store lies: what every durable figure stands on."""
    path = Path(directory) / "fsync"
    times = []
    with open(path, "wb", buffering=0) as f:
        for _ in range(200):
            f.write(b"x" * 4096)
            t = time.perf_counter()
            os.fdatasync(f.fileno())
            times.append((time.perf_counter() - t) * 1000)
    path.unlink()
    return statistics.median(times)


def rounds(n, measure):
    """Danxia and mosquitto in turn, n times, each with a fresh store."""
    figures = {"danxia": [], "mosquitto": []}
    for _ in range(n):
        for name, start in (("danxia", danxia), ("mosquitto", mosquitto)):
            with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("DANXIA_BENCH_DIR")) as d:
                server = start(d)
                cpu = server.cpu_s()
                r = measure(server)
                r["cpu_s"] = server.cpu_s() - cpu
                r["rss_mib"] = server.rss_mib()
                server.stop()
                figures[name].append(r)
    return figures


def median(rows, key):
    return statistics.median(r[key] for r in rows)


def brokers(n, scale):
    table = []

    def compare(what, target, figures, key, form, better):
        d, m = median(figures["danxia"], key), median(figures["mosquitto"], key)
        ratio = d / m if m else float("nan")
        table.append((what, target, form(d), f"mosquitto {form(m)} (in memory, not durable)", f"{ratio:.2f} × ({better})"))

    f = rounds(n, lambda s: load(s, "throughput", clients=8, messages=int(400_000 * scale), size=200))
    compare("QoS 1, 8 publishers, 200 B: messages/s (Danxia: PUBACK after fsync)", "≥ 100,000", f, "messages_per_s",
            lambda v: f"{v:,.0f}", "higher is better")
    per_million = {k: [{"cpu": r["cpu_s"] / r["messages"] * 1e6} for r in v] for k, v in f.items()}
    compare("… server CPU seconds per million messages (Danxia: decoding and the commit included)", "—", per_million,
            "cpu", lambda v: f"{v:.1f}", "lower is better")
    f = rounds(n, lambda s: load(s, "latency", clients=8, rate=5000, seconds=max(3, int(10 * scale))))
    compare("PUBLISH → PUBACK p50 at 5,000 msg/s, ms", "≤ 2", f, "p50_ms", lambda v: f"{v:.2f}", "lower is better")
    compare("PUBLISH → PUBACK p99 at 5,000 msg/s, ms", "≤ 10", f, "p99_ms", lambda v: f"{v:.2f}", "lower is better")
    f = rounds(n, lambda s: load(s, "points", clients=8, messages=int(40_000 * scale), values=100, window=500))
    compare("100-value messages: points/s (Danxia: decoded and committed)", "≥ 600,000", f, "points_per_s",
            lambda v: f"{v:,.0f}", "higher is better")
    rss = median(f["danxia"], "rss_mib")
    table.append(("… peak memory of Danxia during it, MiB", "—", f"{rss:.0f}", "", ""))
    return table


def output(command):
    """What a command prints; it must end well."""
    out = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if out.returncode:
        sys.exit(f"bench: {' '.join(map(str, command))}: {(out.stderr or out.stdout)[-2000:]}")
    return out.stdout


def cargo_example(package, name, *args):
    return output(["cargo", "run", "--quiet", "--release", "--locked", "-p", package, "--example", name, "--", *args])


def chain(n):
    """The full analysis of a waveform, in turn with the same outputs by SciPy, which are compared each time."""
    runs = []
    with tempfile.TemporaryDirectory() as d:
        record, said = Path(d) / "record.f64", Path(d) / "chain.json"
        for _ in range(n):
            said.write_text(cargo_example("analytics", "chain_time", str(record)))
            runs.append(json.loads(output([sys.executable, "analytics/benches/scipy_reference.py", str(record), str(said)])))
    rows = []
    for samples, target in ((65_536, "≤ 5, ≥ 20 × SciPy"), (25_600, "≤ 2")):
        ours, theirs = median(runs, f"chain_ms_{samples}"), median(runs, f"scipy_ms_{samples}")
        rows.append((f"full analysis of one waveform of {samples:,} samples, ms", target, f"{ours:.2f}",
                     f"SciPy {theirs:.1f} (same outputs, checked)", f"{theirs / ours:.1f} × faster"))
    return rows


def store():
    """The embedded store in process: its own benchmark's lines, as they are."""
    lines = [l for l in cargo_example("historian", "bench").splitlines() if l.strip()]
    return ["", "## The store in process", "",
            "10,000 series, batches of 5,000 values, an fsync a commit (`cargo run --release -p historian --example bench`).",
            "To reach: ≥ 500,000 points/s; ≤ 1.5 bytes a point on realistic series; 1,000 buckets over a day in ≤ 10 ms.", "",
            "```", *lines, "```", ""]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--quick", action="store_true", help="two rounds, shorter, printed only")
    quick = p.parse_args().quick
    n, scale = (2, 0.25) if quick else (5, 1.0)
    with tempfile.TemporaryDirectory(dir=os.environ.get("DANXIA_BENCH_DIR")) as d:
        sync = fsync_ms(d)
    rows = brokers(n, scale) + chain(n)
    in_process = [] if quick else store()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT).stdout.strip()
    cpu = next((l.split(":")[1].strip() for l in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in l), "?")
    load_average = os.getloadavg()[0]
    text = "\n".join([
        "# Benchmarks", "",
        "Written by `make bench` (`bench/run.py`): medians, peers in the same run and in turn with Danxia, publishers in a",
        "process of their own. Absolute figures wander with the machine; the ratios are what to compare.", "",
        f"{os.cpu_count()} cores, {cpu}, {platform.system()} {platform.release().split('-')[0]}, commit {commit},",
        f"fdatasync of 4 KiB {sync:.2f} ms, load average at the end {load_average:.1f}, {n} rounds.", "",
        "| what | to reach | Danxia | peer | ratio |", "|---|---|---|---|---|",
        *(f"| {' | '.join(r)} |" for r in rows), *in_process, ""])
    print(text)
    notes = ROOT / "docs/benchmarks-notes.md"
    if not quick:
        (ROOT / "docs").mkdir(exist_ok=True)
        (ROOT / "docs/benchmarks.md").write_text(text + (notes.read_text() if notes.exists() else ""))


if __name__ == "__main__":
    main()
