"""A disk that is really full, and one that can only be read: what a publisher and an operator see, and what is lost.

Run by `make drills`. It mounts a small file system in memory (tmpfs), for which it must be root, puts a large file beside
the store, and lets a publisher fill the rest. What happens then is written down as it is seen. It ends well only if every
acknowledged value is found in the end, the ledger adds up, the store verifies, and the service goes on by itself as soon
as there is room.

Not here: a disk that turns read-only under a running instance, and one whose fsync takes 200 ms. Neither can be had
without a block device of one's own; historian/tests/bad_disk.rs has both, below SQLite.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPConnection
from pathlib import Path

import paho.mqtt.client as mqtt

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("DANXIA_BIN", str(ROOT / "target/release/danxia"))

from interop import DANXIA, free_port, until  # noqa: E402

SIZE = int(os.environ.get("FULL_DISK_MIB", "192")) << 20
#: What the store finds when it starts.
ROOM = int(os.environ.get("FULL_DISK_ROOM_MIB", "48")) << 20
MACHINES, VALUES = 500, 20
RATE = int(os.environ.get("FULL_DISK_RATE", "100000"))
os.environ.update({f"DANXIA__MQTT__LIMITS__{name}": "0" for name in ("MESSAGES_PER_SECOND", "BYTES_PER_SECOND")})
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Instance:
    def __init__(self, data, log):
        self.data, self.log, self.mqtt, self.http = data, log, free_port(), free_port()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [DANXIA, "run", "--data", self.data, "--mqtt", f"127.0.0.1:{self.mqtt}", "--http", f"127.0.0.1:{self.http}",
                 "--anonymous"], stdout=log, stderr=log)

    def runs(self):
        return self.process.poll() is None

    def ask(self, path):
        """Status and body of an answer; 0 where there is none."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=10) as r:
                return r.status, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.read().decode()
        except OSError as e:
            return 0, str(e)

    def ready(self):
        return self.ask("/readyz")[0] == 200

    def committed(self):
        status, body = self.ask("/api/v1/ledger/total")
        return json.loads(body)["committed"] if status == 200 else 0

    def says(self, since):
        """Its warnings and errors from an offset of its log on, each kind once, without times."""
        kinds, count = {}, 0
        for line in self.log.read_text(errors="replace")[since:].splitlines():
            plain = {"level": "ERROR" if line.startswith("danxia: ") else "", "message": ANSI.sub("", line)}
            said = json.loads(line) if line.startswith("{") else plain
            if said.get("level") in ("WARN", "ERROR") and "files may be open" not in said["message"]:
                text = f"{said['level']} {said['message']}" + (f": {said['why']}" if said.get("why") else "")
                kinds.setdefault(re.sub(r"\d+", "#", text), text[:240])
                count += 1
        return list(kinds.values()), count

    def stop(self):
        self.process.terminate()
        return self.process.wait(30)


class Sums:
    """What the publishers sent, and what of it was acknowledged."""

    def __init__(self):
        self.sent = self.acked = 0

    def add(self, load):
        said = json.loads(load.communicate(timeout=120)[0])
        self.sent += said["sent"]
        self.acked += said["acked"]
        return said


def flood(instance, seconds):
    return subprocess.Popen(
        [DANXIA.with_name("danxia-load"), "soak", "--address", f"127.0.0.1:{instance.mqtt}", "--seconds", str(seconds),
         "--rate", str(RATE), "--machines", str(MACHINES), "--values", str(VALUES)], stdout=subprocess.PIPE, text=True)


def stalls(instance, seconds=3.0, at_most=240):
    """Waits until nothing has been committed for a while."""
    end, last, since = time.monotonic() + at_most, instance.committed(), time.monotonic()
    while time.monotonic() - since < seconds:
        if time.monotonic() > end:
            sys.exit("full_disk: the disk does not fill up")
        time.sleep(0.2)
        now = instance.committed()
        if now != last:
            last, since = now, time.monotonic()
    return last


def one_more(instance, n):
    """Whether a client that comes now is let in, and whether its message is acknowledged within two seconds."""
    client = mqtt.Client(client_id=f"late-{n}")
    try:
        client.connect("127.0.0.1", instance.mqtt)
    except OSError as e:
        return f"its connection is refused ({e})"
    client.loop_start()
    try:
        said = client.publish(f"danxia/v1/load/late-{n}/telemetry", b'{"values":{"x":1}}', qos=1)
        try:
            said.wait_for_publish(timeout=2)
        except RuntimeError as e:
            return f"it is not sent ({e})"
        return "it has its PUBACK" if said.is_published() else "it has no PUBACK after 2 s"
    finally:
        client.disconnect()
        client.loop_stop()


def found(instance):
    """How many values the API finds of the publishers, over all series."""
    connection = HTTPConnection("127.0.0.1", instance.http, timeout=60)
    now, total = int(time.time() * 1000), 0
    for machine in range(MACHINES):
        for point in range(VALUES):
            ask = {"point": f"load/soak-{machine:04}/point_{point:03}", "from": now - 3_600_000, "to": now + 1000, "buckets": 1}
            connection.request("GET", f"/api/v1/series/buckets?{urllib.parse.urlencode(ask)}")
            answer = connection.getresponse()
            body = answer.read()
            if answer.status == 200:
                total += sum(json.loads(body)["count"])
            else:
                assert answer.status == 404, body.decode()
    return total


def verify(instance):
    out = subprocess.run([DANXIA, "verify", "--data", instance.data], capture_output=True, text=True)
    assert out.returncode == 0, out.stdout + out.stderr
    return out.stdout.strip().splitlines()[-1]


def nothing_lost(instance, sums):
    total = json.loads(instance.ask("/api/v1/ledger/total")[1])
    assert total["received"] == sum(total[k] for k in ("committed", "duplicates", "quarantined", "refused")), total
    there = found(instance)
    assert sums.acked * VALUES <= there <= sums.sent * VALUES, f"{sums.acked * VALUES:,} acknowledged, {there:,} found, {sums.sent * VALUES:,} sent"
    return f"{sums.acked * VALUES:,} values acknowledged, {there:,} found, {sums.sent * VALUES:,} sent; the ledger adds up"


def see(what, text):
    print(f"  {what:<26} {text}", flush=True)


def observe(instance, since, n):
    status, body = instance.ask("/readyz")
    see("/readyz", f"{status} {' '.join(body.split())[:300]}")
    see("a client that comes now", one_more(instance, n))
    point = "load/soak-0000/point_000"
    for path in (f"last?point={point}", f"range?point={point}&limit=10", f"buckets?point={point}"):
        status, _ = instance.ask(f"/api/v1/series/{path}")
        see(f"a reader: {path.split('?')[0]}", str(status))
        assert status == 200, "what is stored is read while the disk is full"
    alarms = instance.ask("/api/v1/alarms")
    named = [a for a in json.loads(alarms[1]).get("alarms", []) if "disk" in json.dumps(a)] if alarms[0] == 200 else []
    see("alarms that name the disk", str(len(named)))
    lines, count = instance.says(since)
    see("its log", f"{count} warnings and errors" + ("" if lines else ", none"))
    for line in lines[:6]:
        see("", line)
    see("verify, meanwhile", verify(instance))


def fill(path, leave=0):
    """A file that takes all there is, but so many bytes."""
    stat = os.statvfs(path.parent)
    with open(path, "wb", buffering=0) as f:
        block = b"\xaa" * (1 << 20)
        for _ in range(max(0, stat.f_bavail * stat.f_frsize - leave) >> 20):
            try:
                f.write(block)
            except OSError:
                return  # somebody else was quicker


def full(instance, mount, sums):
    print(f"A full disk: {SIZE >> 20} MiB, {ROOM >> 20} of them free at the start.")
    filler = mount / "something-else"
    fill(filler, ROOM)
    since = instance.log.stat().st_size if instance.log.exists() else 0
    instance.start()
    until("/readyz", instance.ready, 60)
    load = flood(instance, 30)
    stalls(instance)
    assert instance.runs(), instance.says(since)
    observe(instance, since, 1)
    filler.unlink()
    freed = time.monotonic()
    before = instance.committed()
    if load.poll() is None:
        until("commits to go on by themselves", lambda: instance.committed() > before, 60)
        see("room is made", f"commits go on {time.monotonic() - freed:.1f} s later, without a restart")
    said = sums.add(load)
    see("the publisher", f"{said['sent']:,} messages, {said['acked']:,} acknowledged, longest wait {said['max_ms'] / 1000:.1f} s"
        + (", its connection was cut" if said["cut"] else ", its connection stood"))
    until("the late client's turn", lambda: one_more(instance, 2) == "it has its PUBACK", 60)
    until("/readyz", instance.ready, 60)
    see("in the end", nothing_lost(instance, sums))


def killed(instance, mount, sums):
    print("kill -9 on a full disk, and a start on it.")
    filler = mount / "something-else"
    load = flood(instance, 20)
    until("the publisher to be under way", lambda: instance.ask("/api/v1/ledger/total")[0] == 200, 20)
    fill(filler)
    stalls(instance)
    instance.process.kill()
    instance.process.wait()
    sums.add(load)
    since = instance.log.stat().st_size
    instance.start()
    until("a start, or its refusal", lambda: not instance.runs() or instance.ready() or instance.ask("/readyz")[0] == 503, 60)
    see("a start on the full disk", f"runs, /readyz {instance.ask('/readyz')[0]}" if instance.runs() else f"ends with {instance.process.returncode}")
    for line in instance.says(since)[0][:4]:
        see("", line)
    filler.unlink()
    if not instance.runs():
        instance.start()
    until("/readyz", instance.ready, 60)
    until("a client to have its PUBACK", lambda: one_more(instance, 3) == "it has its PUBACK", 60)
    see("in the end", nothing_lost(instance, sums))


def read_only(instance, mount, sums):
    print("A disk that can only be read, at a start.")
    assert instance.stop() == 0
    subprocess.run(["mount", "-o", "remount,ro", mount], check=True)
    since = instance.log.stat().st_size
    instance.start()
    code = instance.process.wait(60)
    see("a start", f"ends with {code}")
    assert code != 0
    for line in instance.says(since)[0]:
        see("", line)
    see("verify, meanwhile", verify(instance))
    export = subprocess.run([DANXIA, "export", "points", "--data", instance.data, "--format", "csv", "--machine", "load/soak-0000"],
                            capture_output=True, text=True)
    see("export, meanwhile", f"{len(export.stdout.splitlines()):,} lines")
    assert export.returncode == 0, export.stderr
    subprocess.run(["mount", "-o", "remount,rw", mount], check=True)
    instance.start()
    until("/readyz", instance.ready, 60)
    see("writable again", nothing_lost(instance, sums))
    assert instance.stop() == 0
    see("verify, at the end", verify(instance))


def main():
    if os.geteuid() != 0:
        print("full_disk: NOT RUN: a small file system can be mounted by root only; run it as root")
        return 0
    with tempfile.TemporaryDirectory(prefix="danxia-full-disk-") as directory:
        mount = Path(directory) / "disk"
        mount.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", mount], capture_output=True, text=True)
        if done.returncode:
            print(f"full_disk: NOT RUN: no file system could be mounted here: {done.stderr.strip()}")
            return 0
        instance, sums = Instance(mount / "data", Path(directory) / "log"), Sums()
        try:
            for drill in (full, killed, read_only):
                drill(instance, mount, sums)
        finally:
            if getattr(instance, "process", None) and instance.runs():
                instance.process.kill()
                instance.process.wait()
            subprocess.run(["umount", "--lazy", mount], check=True)
    print("full_disk: passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
