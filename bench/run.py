"""Every figure of Danxia beside its peers, in one run, into docs/benchmarks.md.

    make bench                           the whole
    make bench BENCH="--only beside"     some parts (see PARTS); only their rows and sections of the document are rewritten
    make bench BENCH="--quick"           fewer rounds, less data, printed only

Publishers run in a process of their own (danxia-load, the same for every broker). Peers run in the same minutes on the
same machine, in turn with Danxia, round by round, so that a machine that slows down slows both; the ratio is that of
the medians. Absolute figures wander on shared machines: the ratio is what counts.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import beside
import catching_up
import live
import vibration
from kit import BIN, LIMITLESS, ROOT, Server, cargo_example, free_port, fsync_ms, output


def danxia(directory):
    mqtt, http = free_port(), free_port()

    def ready():
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{http}/readyz", timeout=1).status == 200
        except OSError:
            return False
    return Server([str(BIN / "danxia"), "run", "--data", directory, "--mqtt", f"127.0.0.1:{mqtt}",
                   "--http", f"127.0.0.1:{http}", "--anonymous"], mqtt, ready, LIMITLESS)


def mosquitto(directory):
    port = free_port()
    conf = Path(directory) / "mosquitto.conf"
    # Limits lifted so that it is measured and not its defaults; in memory, as it comes.
    conf.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 0\n"
                    "max_queued_messages 0\nset_tcp_nodelay true\nlog_type none\n")
    return Server([shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", str(conf)], port)


def nats(directory):
    port = free_port()
    conf = Path(directory) / "nats.conf"
    conf.write_text(f'server_name: bench\nlisten: "127.0.0.1:{free_port()}"\nmax_connections: 100000\n'
                    f'jetstream {{ store_dir: "{directory}" }}\nmqtt {{ listen: "127.0.0.1:{port}" }}\n')
    return Server([shutil.which("nats-server") or "/usr/sbin/nats-server", "-c", str(conf)], port)


def load_command(server, mode, **options):
    args = [str(BIN / "danxia-load"), mode, "--address", f"127.0.0.1:{server.port}"]
    for k, v in options.items():
        args += [f"--{k}", str(v)]
    return args


def load(server, mode, **options):
    args = load_command(server, mode, **options)
    out = subprocess.run(args, capture_output=True, text=True)
    if out.returncode:
        sys.exit(f"bench: {' '.join(args)}: {out.stderr}")
    return json.loads(out.stdout)


BROKERS = {"danxia": danxia, "mosquitto": mosquitto, "nats": nats}


def rounds(n, measure, names=("danxia", "mosquitto")):
    """Danxia and its peers in turn, n times, each with a fresh store."""
    figures = {name: [] for name in names}
    for _ in range(n):
        for name, start in ((name, BROKERS[name]) for name in names):
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


def hold(server, clients, loaders=1):
    """Idle connections: what one costs, and what somebody who publishes meanwhile notices."""
    before = server.now_mib()
    held = [subprocess.Popen(load_command(server, "hold", clients=clients // loaders, name=f"crowd{i}"), text=True,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE) for i in range(loaders)]
    said = [json.loads(h.stdout.readline()) for h in held]
    grown = server.now_mib() - before
    for h in held:
        h.communicate("\n")
    n = sum(s["clients"] for s in said)
    return {"clients": n, "connect_s": max(s["connect_s"] for s in said), "kib_each": grown * 1024 / n,
            "bystander_ms": max(s["bystander_worst_ms"] for s in said), "grown_mib": grown}


def doors(n, scale):
    """The doors: fan-out, crowds, and clients that behave badly; the table of what a broker must bear."""
    table = []
    peers = ["danxia", "mosquitto"] + (["nats"] if shutil.which("nats-server") or Path("/usr/sbin/nats-server").exists() else [])

    def compare(what, target, figures, key, form):
        others = "; ".join(f"{name} {form(median(rows, key))}" for name, rows in figures.items() if name != "danxia")
        d, m = median(figures["danxia"], key), median(figures["mosquitto"], key)
        table.append((what, target, form(d), others, f"{d / m:.2f} × mosquitto" if m else ""))

    f = rounds(n, lambda s: load(s, "fanout", messages=int(500_000 * scale), size=200), peers)
    compare("QoS 0 fan-out 1:1, 200 B: messages/s that arrived (Danxia: each committed as well)", "≥ 250,000", f,
            "messages_per_s", lambda v: f"{v:,.0f}")
    lost = sum(r["messages"] - r["arrived"] for r in f["danxia"])
    table.append(("… messages that did not arrive, all rounds", "0", f"{lost}", "", ""))
    f = rounds(n, lambda s: load(s, "reconnect", clients=2000), peers)
    compare("2,000 clients connect at once: until the last CONNACK, s", "≤ 1", f, "connect_s", lambda v: f"{v:.2f}")
    compare("… and once more after all were cut, s", "≤ 1", f, "reconnect_s", lambda v: f"{v:.2f}")
    f = rounds(min(n, 3), lambda s: hold(s, int(9_000 * max(scale, 0.5))), peers)
    compare("an idle connection: memory of the server, KiB", "≤ 8", f, "kib_each", lambda v: f"{v:.1f}")
    # This machine lets a process have 20,000 files: what is left for the store is the rest.
    many = hold_many(19_500)
    table.append((f"{many['clients']:,} open connections: memory they add, MiB; a bystander's slowest PUBACK, ms", "20,000 held",
                  f"{many['grown_mib']:.0f}; {many['bystander_ms']:.1f}", "", ""))
    f = rounds(min(n, 3), lambda s: load(s, "never-reads", messages=int(1_000_000 * scale), size=200), ["danxia", "mosquitto"])
    compare("a subscriber that never reads: its publisher's messages/s, QoS 1", "goes on", f, "messages_per_s", lambda v: f"{v:,.0f}")
    compare("… the publisher's longest pause, ms", "≤ 2,000 (patience)", f, "longest_pause_ms", lambda v: f"{v:,.0f}")
    compare("… peak memory of the server, MiB", "bounded", f, "rss_mib", lambda v: f"{v:.0f}")
    f = rounds(min(n, 3), lambda s: load(s, "slow-loris", clients=500), ["danxia", "mosquitto"])
    compare("500 that send a CONNECT a byte at a time: how long a proper client waits at worst, ms", "≤ 100", f,
            "proper_connect_worst_ms", lambda v: f"{v:.1f}")
    borne = [r["borne_s"] for r in f["danxia"]]
    table.append(("… until the last of the 500 was closed, s", "≤ 5 + 1", f"{statistics.median(b or 99 for b in borne):.1f}", "", ""))
    return table


def hold_many(clients):
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("DANXIA_BENCH_DIR")) as d:
        server = danxia(d)
        found = hold(server, clients, loaders=2)
        server.stop()
        return found


def decoding():
    """Values decoded per second and core, as the collector's own example prints them."""
    return ["", "## Decoding", "",
            "One core, 100 values a message, observations in the point's unit ready for the commit",
            "(`cargo run --release -p collector --example decode_rate`). To reach: ≥ 1,000,000 values/s; a waveform of 65,536",
            "16-bit samples in ≤ 0.3 ms.", "",
            "```", *[l for l in cargo_example("collector", "decode_rate").splitlines() if l.strip()], "```", "",
            "## The door alone", "",
            "Without the commit, beside mosquitto (`cargo run --release -p broker --example loopback`). To reach: ≤ 4 s of processor",
            "time a million QoS 1 messages.", "",
            "```", *[l for l in cargo_example("broker", "loopback").splitlines() if l.strip()], "```"]


#: What is compiled for which part.
EXAMPLES = (("analytics", "chain_time", "chain"), ("collector", "decode_rate", "decoding"), ("broker", "loopback", "decoding"),
            ("historian", "bench", "store"), ("historian", "bench", "beside"), ("historian", "beside", "beside"),
            ("historian", "reopen", "beside"), ("analytics", "alarm_load", "live"))


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


#: Rows of the first table, and sections of their own.
TABLES = {"brokers": brokers, "doors": doors, "chain": lambda n, _: chain(n)}
SECTIONS = {"decoding": lambda _: decoding(), "store": lambda _: store(), "beside": lambda quick: beside.section(quick),
            "catching-up": lambda quick: catching_up.section(quick), "vibration": lambda quick: vibration.section(quick),
            "live": lambda quick: live.section(quick)}
PARTS = (*TABLES, *SECTIONS)
NOTES = "## What these figures mean, and where they are short"


def parse(text):
    """The lines before the first section (title, what was measured where, the table), and each section by its heading."""
    head, sections, into = [], {}, None
    for line in text.splitlines():
        if line.startswith("## "):
            into = sections[line] = []
        (head if into is None else into).append(line)
    return head, sections


def replace(old, rows, sections):
    """The document with these rows and sections in the place of those of the same name; what is new comes last."""
    head, known = parse(old)
    for row in rows:
        line, label = f"| {' | '.join(row)} |", f"| {row[0]} |"
        at = next((i for i, l in enumerate(head) if l.startswith(label)), None)
        if at is None:
            head.insert(max(i for i, l in enumerate(head) if l.startswith("|")) + 1, line)
        else:
            head[at] = line
    notes = known.pop(NOTES, [])
    known.update(sections)
    tidy = lambda lines: "\n".join(lines).strip("\n") + "\n"
    return "\n".join([tidy(head), *map(tidy, known.values()), *([tidy(notes)] if notes else [])])


def place():
    """Which machine this is, and which sources."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("DANXIA_BENCH_DIR")) as d:
        sync = fsync_ms(d)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT).stdout.strip()
    cpu = next((l.split(":")[1].strip() for l in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in l), "?")
    return (f"{os.cpu_count()} cores, {cpu}, {platform.system()} {platform.release().split('-')[0]}, commit {commit},",
            f"fdatasync of 4 KiB {sync:.2f} ms, load average at the end {{:.1f}}")


def measure(parts, quick):
    n, scale = (2, 0.25) if quick else (3, 1.0)
    # What has to be compiled is compiled before anything is measured, and fails before the time is spent.
    for package, name, part in EXAMPLES:
        if part in parts and not os.environ.get("DANXIA_BENCH_EXAMPLES"):
            output(["cargo", "build", "--quiet", "--release", "--locked", "-p", package, "--example", name])
    rows, sections = [], {}
    for part in parts:
        if part in TABLES:
            found = TABLES[part](n, scale)
            rows += found
            lines = [" | ".join(row) for row in found]
        else:
            lines = SECTIONS[part](quick)
            sections |= parse("\n".join(lines))[1]
        print("\n".join(lines), file=sys.stderr, flush=True)
    return rows, sections


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--quick", action="store_true", help="two rounds, shorter, less data; printed only")
    p.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=f"of {', '.join(PARTS)}")
    args = p.parse_args()
    # A quick look at the whole is one at what is measured beside others.
    parts = args.only or (tuple(TABLES) if args.quick else PARTS)
    where, how = place()
    rows, sections = measure(parts, args.quick)
    how = how.format(os.getloadavg()[0])
    document, notes = ROOT / "docs/benchmarks.md", ROOT / "docs/benchmarks-notes.md"
    if args.only:
        for lines in sections.values():
            lines[1:1] = ["", f"Measured by itself: {where}", f"{how}."]
        text = replace(document.read_text(), rows, sections)
    else:
        head = ["# Benchmarks", "",
                "Written by `make bench` (`bench/run.py`): medians, peers in the same run and in turn with Danxia, publishers in a",
                "process of their own. Absolute figures wander with the machine; the ratios are what to compare.", "",
                where, f"{how}, {2 if args.quick else 3} rounds.", "",
                "| what | to reach | Danxia | peer | ratio |", "|---|---|---|---|---|"]
        text = replace("\n".join(head), rows, sections | parse(notes.read_text())[1])
    print(text)
    if not args.quick:
        document.write_text(text)


if __name__ == "__main__":
    main()
