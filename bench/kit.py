"""What every part of the benchmark needs: processes that are loaded, programs that are run, where things lie."""

import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(os.environ.get("DANXIA_BENCH_BIN", ROOT / "target/release"))

# One client, or one address, is the whole load here: what protects a plant from that would be what is measured.
LIMITLESS = {f"DANXIA__MQTT__LIMITS__{name}": value for name, value in {
    "MESSAGES_PER_SECOND": "0", "BYTES_PER_SECOND": "0", "CONNECTS_PER_SECOND": "0",
    "CONNECTS_PER_SECOND_PER_ADDRESS": "0", "CONNECTIONS_PER_ADDRESS": "1000000"}.items()}


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

    def __init__(self, command, port, ready=None, settings=()):
        self.port = port
        self.process = subprocess.Popen(command, env={**os.environ, **dict(settings)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait(command[0], ready or (lambda: answers(port)))

    def cpu_s(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(l for l in status.splitlines() if l.startswith("VmHWM")).split()[1]) / 1024

    def now_mib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(l for l in status.splitlines() if l.startswith("VmRSS")).split()[1]) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()


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


def output(command):
    """What a command prints; it must end well."""
    out = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if out.returncode:
        sys.exit(f"bench: {' '.join(map(str, command))}: {(out.stderr or out.stdout)[-2000:]}")
    return out.stdout


def cargo_example(package, name, *args):
    return output(["cargo", "run", "--quiet", "--release", "--locked", "-p", package, "--example", name, "--", *args])
