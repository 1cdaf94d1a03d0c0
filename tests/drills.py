"""The ledger in rough weather: a flood, kill -9, another broker's restart, quarantine and replay, all at once.

Run by `make drills`, which takes some minutes and is not part of `make test`. What was sent is counted by who sent it, of
each kind: the ledger must say the same, to the message. DRILL_SECONDS (60) is how long the flood lasts.
"""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import paho.mqtt.client as mqtt
import pysparkplug as sp

# The binary is read from the environment when interop is loaded; a flood is for the one that plants run.
ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("DANXIA_BIN", str(ROOT / "target/release/danxia"))

from interop import DANXIA, until  # noqa: E402
from remote import T0_MS, Collector, Numbers, mosquitto  # noqa: E402

SECONDS = int(os.environ.get("DRILL_SECONDS", "60"))
#: What a busy plant sends all day, values a second: the load of the store's soak. The flood is to be ten times that.
PLANT = 20_000
KINDS = ("received", "committed", "duplicates", "quarantined", "refused")

# One client may have all of it here: what protects a plant from that would be what is tested.
os.environ.update({f"DANXIA__MQTT__LIMITS__{name}": "0" for name in ("MESSAGES_PER_SECOND", "BYTES_PER_SECOND")})


def flood(collector, seconds, name, clients=8):
    return subprocess.Popen(
        [DANXIA.with_name("danxia-load"), "flood", "--address", f"127.0.0.1:{collector.mqtt}", "--seconds", str(seconds),
         "--clients", str(clients), "--damaged", "1000", "--repeated", "100", "--name", name],
        stdout=subprocess.PIPE, text=True)


def result(process):
    out, _ = process.communicate()
    assert process.returncode == 0, "danxia-load ended with an error"
    return json.loads(out)


def of(collector, name):
    """What the ledger says of the sources whose names begin so, summed."""
    sums = dict.fromkeys(KINDS, 0)
    for line in collector.get("/api/v1/ledger")["sources"]:
        if line["source"].startswith(name):
            for kind in KINDS:
                sums[kind] += line[kind]
    return sums


def post(collector, path):
    request = urllib.request.Request(f"http://127.0.0.1:{collector.http}{path}", b"{}",
                                     {"content-type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=60) as r:
        return json.loads(r.read() or b"null")


def replayed(collector):
    post(collector, "/api/v1/quarantine/replay")
    until("the replay to end", lambda: not collector.get("/api/v1/quarantine/replay")["running"], 120)


def signed(collector, dir):
    """The statement of a store at rest is sound, and says what it should."""
    text = subprocess.run([DANXIA, "export", "ledger", "--data", f"{collector.dir}/data"], check=True, capture_output=True,
                          text=True).stdout
    file = dir / "statement.json"
    file.write_text(text)
    whole = json.loads(text)
    subprocess.run([DANXIA, "verify", "statement", str(file), "--key", whole["key"]], check=True, capture_output=True)
    total = whole["statement"]["total"]
    assert total["received"] + total["released"] == sum(total[kind] for kind in KINDS[1:]), total
    return total


def exactly(collector, name, f):
    """Everything of a flood that ran to its end is in the ledger as what it was sent as."""
    found = of(collector, name)
    wanted = {"received": f["sent"], "committed": f["sent"] - f["damaged"] - f["repeated"],
              "duplicates": f["repeated"], "quarantined": f["damaged"], "refused": 0}
    assert found == wanted, f"sent {f}; the ledger says {found}"


def stored(collector, machine):
    """Every value of a machine."""
    out = subprocess.run([DANXIA, "export", "points", "--data", f"{collector.dir}/data", "--format", "csv", "--machine",
                          machine], check=True, capture_output=True, text=True).stdout
    return list(csv.DictReader(io.StringIO(out)))


class Node:
    """A Sparkplug node that sends before its birth: nobody knows what its aliases mean."""

    def __init__(self, collector, early):
        self.early, self.port = early, collector.mqtt
        self.connect()
        for n in range(early):
            metric = sp.Metric(timestamp=T0_MS + n, name="level", datatype=sp.DataType.INT64, value=n, alias=1)
            data = sp.NData(timestamp=T0_MS + n, seq=(n + 1) % 256, metrics=(metric,))
            self.say("NDATA", data.encode())
        self.close()

    def connect(self):
        self.client = mqtt.Client(client_id="node")
        self.client.connect("127.0.0.1", self.port)
        self.client.loop_start()

    def say(self, kind, payload):
        self.client.publish(f"spBv1.0/g/{kind}/node", payload, qos=1).wait_for_publish(timeout=30)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()

    def born(self):
        self.connect()
        now = int(time.time() * 1000)
        metrics = (sp.Metric(timestamp=now, name="bdSeq", datatype=sp.DataType.UINT64, value=0),
                   sp.Metric(timestamp=now, name="level", datatype=sp.DataType.INT64, value=-1, alias=1))
        self.say("NBIRTH", sp.NBirth(timestamp=now, seq=0, metrics=metrics).encode())
        self.close()

    def found(self, collector):
        """How often each of its early values is stored at its own time."""
        rows = [r for r in stored(collector, "g/node") if r["point"] == "level"]
        return [sum(int(r["time_ns"]) == (T0_MS + n) * 10**6 and float(r["value"]) == n for r in rows)
                for n in range(self.early)]


def drill(dir):
    broker = mosquitto(dir)
    collector = Collector(dir, "collector", f'url = "mqtt://127.0.0.1:{broker.port}"\nfilters = ["danxia/v1/#"]')

    # A flood, while another broker goes and comes, and a Sparkplug node that nobody was told of waits in quarantine.
    plc = Numbers(broker.port)
    plc.publish(500)
    running = flood(collector, SECONDS, "flood")
    node = Node(collector, early=200)
    plc.publish(500)
    broker.stop()
    plc.publish(500)
    broker.start()
    until("the session to be back", collector.connected, 60)
    plc.publish(500)
    f = result(running)
    assert f["acked"] == f["sent"] and not f["cut"]
    assert SECONDS < 60 or f["messages_per_s"] >= 10 * PLANT, f"no flood: {f}"
    exactly(collector, "flood-", f)
    wanted = plc.settle()
    until("what the other broker was given", lambda: of(collector, "remote/")["received"] >= len(wanted), 60)
    collector.ledger()
    print(f"flood: {f['sent']:,} messages in {f['seconds']:.1f} s, {f['messages_per_s']:,.0f}/s "
          f"({f['messages_per_s'] / PLANT:.1f} × a busy plant), the ledger says the same to the message")

    # Killed in the flood, three times: what was acknowledged is counted, nothing is counted that was not sent.
    for k in range(3):
        running = flood(collector, SECONDS, f"killed{k}")
        until("the flood to be under way", lambda: of(collector, f"killed{k}-")["received"] > 100_000, 60)
        collector.kill()
        f = result(running)
        stated = signed(collector, dir)
        started = time.monotonic()
        collector.start()
        took = time.monotonic() - started
        found = of(collector, f"killed{k}-")
        total = collector.ledger()
        assert {kind: total[kind] for kind in KINDS} == {kind: stated[kind] for kind in KINDS}, (total, stated)
        assert f["acked"] <= found["received"] <= f["sent"], f"{f}; the ledger says {found}"
        print(f"kill -9: {f['acked']:,} acknowledged, {found['received']:,} in the ledger, {f['sent']:,} sent; "
              f"open again after {took:.1f} s")

    # What waits is tried again while a flood goes on; what is no JSON stays, and every sum stays.
    before = collector.ledger()["quarantined"]
    running = flood(collector, SECONDS // 3, "replay")
    node.born()
    replayed(collector)
    f = result(running)
    exactly(collector, "replay-", f)
    after = collector.ledger()
    assert after["quarantined"] == before + f["damaged"] - node.early, f"{before} waited before, {after} after"
    assert node.found(collector) == [1] * node.early
    print(f"replay under the flood: of {before:,} messages {node.early} were understood now, each stored once at its time")

    found = [int(r["value"]) for r in stored(collector, "remote/plc") if r["point"] == "n"]
    assert sorted(found) == sorted(wanted), "every number of the other broker, once"
    total = collector.ledger()
    collector.stop()
    stated = signed(collector, dir)
    assert stated["received"] == total["received"] and stated["committed"] == total["committed"], (stated, total)
    print(f"signed and sound: {stated}")
    plc.close()
    broker.stop()


def main():
    # What a check that fails leaves running goes with it.
    os.setpgrp()
    try:
        drills()
    finally:
        # Ignored only now: what is ignored is ignored by every process started later.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)


def drills():
    with tempfile.TemporaryDirectory(prefix="danxia-drills-") as dir:
        drill(Path(dir))
    print("drills: passed")


if __name__ == "__main__":
    sys.exit(main())
