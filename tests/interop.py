"""Clients that are not ours publish into a running Danxia, and what they said is found again.

Run by `make interop`. Each check is a function; the last line is the count. Nothing here sleeps for a fixed time: every
wait is for a condition, and says what it waited for when it gives up.
"""

import csv
import io
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import paho.mqtt.client as mqtt
import pysparkplug as sp

ROOT = Path(__file__).resolve().parent.parent
DANXIA = Path(os.environ.get("DANXIA_BIN", ROOT / "target/debug/danxia"))
WAIT_S = 20


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def until(what, probe, seconds=WAIT_S):
    """Waits until `probe()` gives something true and returns it."""
    end = time.monotonic() + seconds
    last = None
    while time.monotonic() < end:
        try:
            last = probe()
            if last:
                return last
        except (urllib.error.URLError, ConnectionError) as e:
            last = e
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s for {what}; last seen: {last}")


class Platform:
    """A running instance on ports of its own, with throw-away data."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="danxia-interop-")
        self.mqtt, self.http, self.tls, self.wss = free_port(), free_port(), free_port(), free_port()
        config = Path(self.dir) / "danxia.toml"
        config.write_text(f'[mqtt]\ntls_listen = "127.0.0.1:{self.tls}"\nwss_listen = "127.0.0.1:{self.wss}"\n')
        self.log = open(Path(self.dir) / "log", "wb")
        self.process = subprocess.Popen(
            [DANXIA, "run", "--data", f"{self.dir}/data", "--mqtt", f"127.0.0.1:{self.mqtt}",
             "--http", f"127.0.0.1:{self.http}", "--anonymous", "--config", config],
            stdout=self.log, stderr=self.log)
        until("/readyz", lambda: self.process.poll() is not None or self.get("/readyz", text=True))
        assert self.process.poll() is None, Path(self.log.name).read_text()

    def get(self, path, text=False):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=10) as r:
            body = r.read().decode()
            return body if text else json.loads(body)

    def ledger(self):
        total = self.get("/api/v1/ledger/total")
        assert total["received"] == (total["committed"] + total["duplicates"] + total["quarantined"]
                                     + total["refused"]), f"the ledger does not add up: {total}"
        return total

    def points(self, machine=None):
        """What `export points` prints, as rows, of the running instance."""
        command = [DANXIA, "export", "points", "--data", f"{self.dir}/data", "--format", "csv"]
        if machine:
            command += ["--machine", machine]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return list(csv.DictReader(io.StringIO(out)))

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=15)
        self.log.close()
        shutil.rmtree(self.dir)
        assert code == 0, f"the platform ended with {code}"


def paho(platform, name, protocol):
    client = mqtt.Client(client_id=name, protocol=protocol)
    client.connect("127.0.0.1", platform.mqtt)
    client.loop_start()
    return client


def values(platform, machine, point):
    return [float(r["value"]) for r in platform.points(machine) if r["point"] == point]


# ---- the checks ---------------------------------------------------------------------------------------------------

def paho_publishes_with_every_qos_and_both_versions(p):
    for name, protocol in (("v311", mqtt.MQTTv311), ("v5", mqtt.MQTTv5)):
        client = paho(p, f"paho-{name}", protocol)
        topic = f"danxia/v1/interop/{name}/telemetry"
        infos = [client.publish(topic, json.dumps({"ts": 1_735_689_600_000 + 10 * i + qos, "values": {"n": 10 * i + qos}}),
                                qos=qos) for i in range(50) for qos in (0, 1, 2)]
        for i in infos:
            i.wait_for_publish(timeout=WAIT_S)
        # QoS 0 is not acknowledged: only what was acknowledged must be there at once.
        wanted = {10 * i + q for i in range(50) for q in (1, 2)}
        assert wanted <= set(values(p, f"interop/{name}", "n"))
        until(f"the QoS 0 values of {name}", lambda: len(values(p, f"interop/{name}", "n")) == 150)
        client.disconnect()
        client.loop_stop()


def a_subscriber_sees_what_a_publisher_says(p):
    seen = []
    sub = paho(p, "scada", mqtt.MQTTv5)
    sub.on_message = lambda _c, _u, m: seen.append((m.topic, m.payload))
    granted = []
    sub.on_subscribe = lambda *a: granted.append(a)
    sub.subscribe("danxia/v1/韶钢/+/telemetry", qos=1)
    until("the subscription", lambda: granted)
    pub = paho(p, "plc", mqtt.MQTTv311)
    payload = json.dumps({"ts": 1_735_689_600_000, "values": {"温度": {"v": 122.0, "u": "°F"}}})
    pub.publish("danxia/v1/韶钢/三号风机/telemetry", payload, qos=1).wait_for_publish(timeout=WAIT_S)
    until("the fan-out", lambda: seen)
    assert seen == [("danxia/v1/韶钢/三号风机/telemetry", payload.encode())], seen
    assert len(values(p, "韶钢/三号风机", "温度")) == 1
    for c in (sub, pub):
        c.disconnect()
        c.loop_stop()


def paho_speaks_over_secure_websocket(p):
    """With the certificate of the built-in authority, which is fetched from the page as a person would."""
    ca = Path(p.dir) / "ca.crt"
    ca.write_text(p.get("/api/v1/ca.crt", text=True))

    def connect(name, protocol, trusted):
        client = mqtt.Client(client_id=name, protocol=protocol, transport="websockets")
        client.ws_set_options(path="/mqtt")
        client.tls_set(ca_certs=trusted)
        client.connect("localhost", p.wss)
        client.loop_start()
        return client

    for protocol in (mqtt.MQTTv311, mqtt.MQTTv5):
        heard = []
        listener = connect(f"wss-listener-{protocol}", protocol, ca)
        listener.on_message = lambda _c, _u, message: heard.append(message.payload)
        subscribed = []
        listener.on_subscribe = lambda *_: subscribed.append(True)
        listener.subscribe("danxia/v1/interop/wss/telemetry", qos=1)
        until("the subscription", lambda: subscribed)
        machine = connect(f"wss-machine-{protocol}", protocol, ca)
        # The second is larger than a read of the socket, a frame of the client, and a TLS record.
        for n, filler in enumerate(["", " " * 200_000]):
            n += protocol * 10
            payload = json.dumps({"ts": 1_735_689_600_000 + n, "values": {"n": n}}) + filler
            machine.publish("danxia/v1/interop/wss/telemetry", payload, qos=1).wait_for_publish(timeout=WAIT_S)
        until("both messages", lambda: len(heard) == 2)
        assert len(heard[1]) > 200_000, [len(h) for h in heard]
        for client in (listener, machine):
            client.disconnect()
            client.loop_stop()
    found = sorted(set(values(p, "interop/wss", "n")))
    assert found == [40, 41, 50, 51], found
    try:
        connect("wss-stranger", mqtt.MQTTv311, None)
        raise AssertionError("a client that does not know the authority trusted the certificate")
    except ssl.SSLCertVerificationError:
        pass


def a_sparkplug_edge_node_is_understood(p):
    now = sp.get_current_timestamp
    node_metric = sp.Metric(timestamp=now(), name="uptime", datatype=sp.DataType.INT64, value=7)
    speed = sp.Metric(timestamp=now(), name="Drive/Speed", datatype=sp.DataType.DOUBLE, value=1486.5)
    running = sp.Metric(timestamp=now(), name="running", datatype=sp.DataType.BOOLEAN, value=True)
    bits = (True, False, True, True, False, False, False, True, True)
    flags = sp.Metric(timestamp=now(), name="flags", datatype=sp.DataType.BOOLEAN_ARRAY, value=bits)
    codes = sp.Metric(timestamp=now(), name="codes", datatype=sp.DataType.INT16_ARRAY, value=(-5, 300))
    names = sp.Metric(timestamp=now(), name="names", datatype=sp.DataType.STRING_ARRAY, value=("一", "two"))
    node = sp.EdgeNode("SparkGroup", "edge1", (node_metric,))
    node.register(sp.Device("press1", (speed, running, flags, codes, names)))
    node.connect("127.0.0.1", port=p.mqtt)
    until("the device's birth", lambda: values(p, "SparkGroup/edge1.press1", "Drive/Speed") == [1486.5])
    node.update_device("press1", (sp.Metric(timestamp=now(), name="Drive/Speed", datatype=sp.DataType.DOUBLE, value=1490.0),))
    until("the device's data", lambda: 1490.0 in values(p, "SparkGroup/edge1.press1", "Drive/Speed"))
    assert values(p, "SparkGroup/edge1", "uptime") == [7]
    said = {r["point"]: r["value"] for r in p.points("SparkGroup/edge1.press1")}
    assert [said[f"flags/{i}"] for i in range(9)] == [str(b).lower() for b in bits], said
    assert [said[n] for n in ("codes/0", "codes/1", "names/0", "names/1")] == ["-5", "300", "一", "two"], said
    node.deregister("press1")

    def offline():
        rows = [r for r in p.points("SparkGroup/edge1.press1") if r["point"] == "Drive/Speed"]
        return rows and rows[-1]["quality"] == "bad(offline)"
    until("the device's death", offline)
    node.disconnect()


def the_readmes_publish_line_works_as_written(p):
    if not shutil.which("mosquitto_pub"):
        return "left out: mosquitto_pub is not installed (Debian: mosquitto-clients)"
    readme = (ROOT / "README.md").read_text()
    line = re.search(r"^(mosquitto_pub (?:[^\n]*\\\n)*[^\n]*)$", readme, re.M)
    assert line, "README shows no mosquitto_pub line"
    command = line.group(1).replace("\\\n", " ")
    topic = re.search(r"danxia/v1/([^/]+/[^/]+)/telemetry", command)
    assert topic, command
    # The README speaks to the default port; this instance has another.
    command = re.sub(r"(?<=-p )1883", str(p.mqtt), command) if "-p 1883" in command else f"{command} -p {p.mqtt}"
    subprocess.run(command, shell=True, check=True, timeout=WAIT_S)
    until("the README's value", lambda: p.points(topic.group(1)))


def what_cannot_be_understood_is_quarantined_and_explained(p):
    client = paho(p, "clumsy", mqtt.MQTTv311)
    before = p.ledger()
    bad = [("danxia/v1/interop/clumsy/telemetry", b"{\"values\": {"),
           ("danxia/v1/interop/clumsy/telemetry", b"\xff\xfe"),
           ("danxia/v1/interop/clumsy/telemetry", b'{"values":{"x":{"v":1,"u":"furlong"}}}'),
           ("danxia/v1/interop/clumsy/vib/waveform", b"not cbor"),
           ("some/other/topic", b"hello")]
    for topic, payload in bad:
        client.publish(topic, payload, qos=1).wait_for_publish(timeout=WAIT_S)
    client.publish("danxia/v1/interop/clumsy/telemetry", b'{"values":{"x":1}}', qos=1).wait_for_publish(timeout=WAIT_S)
    after = p.ledger()
    assert after["quarantined"] - before["quarantined"] == len(bad), (before, after)
    assert after["committed"] - before["committed"] == 1, (before, after)
    groups = p.get("/api/v1/quarantine/groups")
    text = json.dumps(groups, ensure_ascii=False)
    assert "furlong" in text, text
    client.disconnect()
    client.loop_stop()


def the_same_message_twice_is_counted_once(p):
    client = paho(p, "stutter", mqtt.MQTTv311)
    before = p.ledger()
    for _ in range(2):
        client.publish("danxia/v1/interop/stutter/telemetry", b'{"ts":1735689600123,"values":{"x":1}}', qos=1) \
              .wait_for_publish(timeout=WAIT_S)
    after = p.ledger()
    assert (after["committed"] - before["committed"], after["duplicates"] - before["duplicates"]) == (1, 1)
    client.disconnect()
    client.loop_stop()


CHECKS = [paho_publishes_with_every_qos_and_both_versions, a_subscriber_sees_what_a_publisher_says,
          paho_speaks_over_secure_websocket,
          a_sparkplug_edge_node_is_understood, the_readmes_publish_line_works_as_written,
          what_cannot_be_understood_is_quarantined_and_explained, the_same_message_twice_is_counted_once]


def main():
    platform = Platform()
    passed = failed = skipped = 0
    for check in CHECKS:
        try:
            left_out = check(platform)
            skipped += bool(left_out)
            passed += not left_out
            print(f"{'skip' if left_out else 'ok  '} {check.__name__} {left_out or ''}", flush=True)
        except Exception as e:  # every check runs, whatever befell the one before it
            failed += 1
            print(f"FAIL {check.__name__}: {type(e).__name__}: {e}", flush=True)
    log = Path(platform.log.name).read_text(errors="replace")
    try:
        platform.stop()
    except Exception as e:
        failed += 1
        print(f"FAIL stopping: {e}")
    if failed:
        print("---- the platform's log\n" + log[-4000:])
    print(f"interop: {passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
