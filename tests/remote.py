"""Danxia beside somebody else's broker: mosquitto and nats-server for real, stopped, cut off and killed.

Run by `make remote`. What a publisher got its PUBACK for must be found in the store afterwards, once; the ledger must add
up. Mosquitto is stopped in order and started again: killed, it forgets what it acknowledged since its last autosave, and
that would measure mosquitto. nats-server, which writes before it answers, is killed. The collector is always killed.

Each check is a function that gets a directory of its own; one whose broker is not installed says so.
"""

import csv
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import paho.mqtt.client as mqtt
import pysparkplug as sp

from interop import DANXIA, WAIT_S, free_port, until

T0_MS = 1_735_689_600_000


# ---- brokers ------------------------------------------------------------------------------------------------------

class Server:
    """A process that listens on a port, and can be stopped and started again."""

    def __init__(self, command, port, log):
        self.command, self.port, self.log, self.process = command, port, open(log, "ab"), None
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log)
        until(f"{self.command[0]} to listen", self.listens)

    def listens(self):
        assert self.process.poll() is None, f"{self.command[0]} ended: {Path(self.log.name).read_text()[-2000:]}"
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(timeout=WAIT_S)


def mosquitto(dir, extra=""):
    port = free_port()
    # Everything below root: started by root, it would change to a user who may not write here.
    (dir / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nuser {os.environ.get('USER') or 'root'}\n"
        f"persistence true\npersistence_location {dir}/\nautosave_interval 1\nmax_queued_messages 0\n{extra}")
    return Server(["mosquitto", "-c", str(dir / "mosquitto.conf")], port, dir / "mosquitto.log")


def nats(dir):
    port = free_port()
    (dir / "nats.conf").write_text(
        f"listen: 127.0.0.1:{free_port()}\nserver_name: danxia_test\n"
        f"jetstream {{ store_dir: \"{dir}/jetstream\" }}\n"
        # What was not acknowledged is sent again after this time, not at once when the session is taken up.
        f"mqtt {{ listen: 127.0.0.1:{port}, ack_wait: \"2s\" }}\n")
    return Server(["nats-server", "-c", str(dir / "nats.conf")], port, dir / "nats.log")


class Proxy:
    """Between the collector and the broker, to be cut."""

    def __init__(self, to):
        self.to, self.pairs, self.lock = to, [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            try:
                server = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                client.close()
                continue
            with self.lock:
                self.pairs.append((client, server))
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    @staticmethod
    def pump(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for s in pair:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        return len(pairs)


# ---- the collector and those who publish --------------------------------------------------------------------------

class Collector:
    """`danxia run` with a session at another broker."""

    def __init__(self, dir, name, remote, more=""):
        self.dir, self.http, self.mqtt = dir / name, free_port(), free_port()
        self.dir.mkdir()
        (self.dir / "danxia.toml").write_text(
            f"adopt = true\ndata = \"{self.dir}/data\"\n{more}\n[remote.plant]\nclient_id = \"{name}\"\n{remote}\n")
        self.log = open(self.dir / "log", "ab")
        self.start()

    def start(self, wait=True):
        self.process = subprocess.Popen(
            [DANXIA, "run", "--config", f"{self.dir}/danxia.toml", "--mqtt", f"127.0.0.1:{self.mqtt}",
             "--http", f"127.0.0.1:{self.http}", "--anonymous"], stdout=self.log, stderr=self.log)
        if wait:
            until("the session to stand", self.connected)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def get(self, path):
        assert self.process.poll() is None, f"it ended: {Path(self.log.name).read_text()[-2000:]}"
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=10) as r:
            return json.loads(r.read())

    def session(self):
        """The session at the other broker as the Connections page shows it."""
        return next(c for c in self.get("/api/v1/connections")["clients"] if c["client_id"] == "remote/plant")

    def connected(self):
        return self.session()["connected"]

    def connections(self):
        """How many connections it has made there."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}/metrics", timeout=10) as r:
            line = next(l for l in r.read().decode().splitlines() if l.startswith("danxia_remote_connections_total{"))
        return int(float(line.split()[-1]))

    def ledger(self):
        total = self.get("/api/v1/ledger/total")
        parts = ("committed", "duplicates", "quarantined", "refused")
        assert total["received"] == sum(total[p] for p in parts), f"the ledger does not add up: {total}"
        return total

    def numbers(self):
        """Every number stored, as often as it is stored."""
        out = subprocess.run([DANXIA, "export", "points", "--data", f"{self.dir}/data", "--format", "csv"],
                             check=True, capture_output=True, text=True).stdout
        return [int(r["value"]) for r in csv.DictReader(io.StringIO(out)) if r["point"] == "n"]

    def has(self, wanted):
        """Waits until all of these are stored, and none twice; the ledger adds up, and nothing was misunderstood."""
        missing = lambda: wanted - set(self.numbers())
        until("all numbers", lambda: not missing())
        found = self.numbers()
        assert len(found) == len(set(found)), "a number is stored twice"
        assert self.ledger()["quarantined"] == 0, self.get("/api/v1/quarantine/groups")

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=15) == 0
        self.log.close()


class Numbers:
    """Publishes 0, 1, 2, … with QoS 1, each at its own instant, and knows which were acknowledged."""

    def __init__(self, port, protocol=mqtt.MQTTv311, tls=None):
        self.client = mqtt.Client(client_id=f"plc-{port}", protocol=protocol)
        if tls:
            self.client.tls_set(**tls)
        self.client.reconnect_delay_set(min_delay=0.1, max_delay=0.5)
        self.client.max_queued_messages_set(0)
        self.mids, self.acknowledged, self.next = {}, set(), 0
        self.lock = threading.Lock()
        self.client.on_publish = lambda _c, _u, mid, *_: self.acknowledged.add(mid)
        self.client.connect("localhost" if tls else "127.0.0.1", port)
        self.client.loop_start()

    def publish(self, count):
        for n in range(self.next, self.next + count):
            payload = json.dumps({"ts": T0_MS + n, "values": {"n": n}})
            info = self.client.publish("danxia/v1/remote/plc/telemetry", payload, qos=1)
            self.mids[n] = info.mid
        self.next += count

    def settle(self):
        """Waits until everything was acknowledged; the numbers."""
        until("every PUBACK", lambda: all(mid in self.acknowledged for mid in self.mids.values()), 30)
        return set(self.mids)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


# ---- the checks ---------------------------------------------------------------------------------------------------

def nothing_acknowledged_is_lost(dir, broker, protocol, stop):
    """The connection is cut, the broker goes and comes back, the collector is killed; the publisher goes on."""
    proxy = Proxy(broker.port)
    # nats-server knows no '.' in a topic, so it cannot carry Sparkplug.
    collector = Collector(dir, "collector", f'url = "mqtt://127.0.0.1:{proxy.port}"\nprotocol = "{protocol}"\n'
                                            'filters = ["danxia/v1/#"]')
    plc = Numbers(broker.port)
    for made in range(2, 6):
        plc.publish(250)
        assert proxy.cut() > 0, "the session goes through the proxy"
        until("the session to be back", lambda: collector.connections() == made and collector.connected())
    plc.publish(1000)
    made = collector.connections()
    broker.stop(stop)
    plc.publish(500)
    broker.start()
    plc.publish(500)
    until("the session to be back", lambda: collector.connections() > made and collector.connected())
    # More than once: what an early PUBACK would lose is what lies between it and the disk at that very moment.
    for _ in range(4):
        plc.publish(500)
        collector.kill()
        collector.start()
    collector.has(plc.settle())
    plc.close()
    collector.stop()
    broker.stop()


def mosquitto_v5(dir):
    nothing_acknowledged_is_lost(dir, mosquitto(dir), "5", signal.SIGTERM)


def mosquitto_v311(dir):
    nothing_acknowledged_is_lost(dir, mosquitto(dir), "3.1.1", signal.SIGTERM)


def nats_v311(dir):
    nothing_acknowledged_is_lost(dir, nats(dir), "3.1.1", signal.SIGKILL)


def a_broker_that_forgot_the_session_is_subscribed_to_anew(dir):
    broker = mosquitto(dir)
    collector = Collector(dir, "collector", f'url = "mqtt://127.0.0.1:{broker.port}"')
    broker.stop()
    for f in dir.glob("mosquitto.db*"):
        f.unlink()
    broker.start()
    until("the session to be back", collector.connected)
    plc = Numbers(broker.port)
    plc.publish(100)
    collector.has(plc.settle())
    plc.close()
    collector.stop()
    broker.stop()


def what_comes_twice_is_counted_as_a_duplicate(dir):
    broker = mosquitto(dir)
    collector = Collector(dir, "collector", f'url = "mqtt://127.0.0.1:{broker.port}"\nprotocol = "3.1.1"\n'
                                            'filters = ["danxia/v1/#"]')
    plc = Numbers(broker.port)
    for _ in range(2):
        plc.next = 0
        plc.publish(200)
        plc.settle()
    collector.has(plc.settle())
    until("all of them", lambda: collector.ledger()["received"] == 400)
    total = collector.ledger()
    assert (total["committed"], total["duplicates"]) == (200, 200), total
    plc.close()
    collector.stop()
    broker.stop()


def two_collectors_share_the_load(dir):
    broker = mosquitto(dir)
    settings = f'url = "mqtt://127.0.0.1:{broker.port}"\nshare = "collectors"'
    one, two = (Collector(dir, name, settings) for name in ("one", "two"))
    plc = Numbers(broker.port)
    plc.publish(1000)
    wanted = plc.settle()
    until("both together to have all", lambda: set(one.numbers()) | set(two.numbers()) >= wanted)
    a, b = one.numbers(), two.numbers()
    assert a and b, f"one got {len(a)}, the other {len(b)}"
    assert len(a) + len(b) == 1000, "each message went to exactly one"
    plc.publish(500)
    one.kill()
    plc.publish(500)
    one.start()
    wanted = plc.settle()
    until("both together to have all", lambda: set(one.numbers()) | set(two.numbers()) >= wanted)
    for c in (one, two):
        found = c.numbers()
        assert len(found) == len(set(found)), "a number is stored twice by one of them"
        c.ledger()
        c.stop()
    plc.close()
    broker.stop()


def authorities(dir):
    """A CA, a certificate for localhost and one for the collector."""
    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=dir)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
            "-out", "ca.crt", "-subj", "/CN=Test CA", "-days", "2")
    (dir / "names").write_text("subjectAltName=DNS:localhost\n")
    for name in ("localhost", "collector"):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
                "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.crt", "-days", "2", "-extfile", "names")


def tls_with_certificates_on_both_sides(dir):
    authorities(dir)
    broker = mosquitto(dir, f"cafile {dir}/ca.crt\ncertfile {dir}/localhost.crt\nkeyfile {dir}/localhost.key\n"
                            "require_certificate true\n")
    url = f'url = "mqtts://localhost:{broker.port}"\nca = "{dir}/ca.crt"\n'
    own = f'certificate = "{dir}/collector.crt"\nkey = "{dir}/collector.key"\n'
    collector = Collector(dir, "collector", url + own)
    plc = Numbers(broker.port, tls={"ca_certs": dir / "ca.crt", "certfile": dir / "collector.crt",
                                    "keyfile": dir / "collector.key"})
    plc.publish(200)
    collector.has(plc.settle())
    plc.close()
    collector.kill()
    # Without a certificate of its own it is not let in, and says so.
    toml = collector.dir / "danxia.toml"
    toml.write_text(toml.read_text().replace(own, ""))
    collector.start(wait=False)
    said = until("the refusal", lambda: collector.session()["last_error"])
    assert "TLS" in said and "check" in said, said
    collector.stop()
    broker.stop()


def a_wrong_password_is_explained_and_tried_again(dir):
    (dir / "passwords").write_text("")
    broker = mosquitto(dir, f"password_file {dir}/passwords\n")
    broker.stop()
    conf = dir / "mosquitto.conf"
    conf.write_text(conf.read_text().replace("allow_anonymous true", "allow_anonymous false"))
    broker.start()
    secret = dir / "secret"
    secret.write_text("wrong")
    secret.chmod(0o600)
    collector = Collector.__new__(Collector)
    collector.start, start = (lambda: None), Collector.start
    collector.__init__(dir, "collector", f'url = "mqtt://127.0.0.1:{broker.port}"\nuser = "u"\npassword_file = "{secret}"')
    start(collector, wait=False)
    said = until("the refusal", lambda: collector.session()["last_error"])
    assert "check `user`" in said or "the right to connect" in said, said
    collector.stop()
    broker.stop()


class Scada:
    """Subscribes to what Danxia says of the plant."""

    def __init__(self, port, filters):
        self.seen, granted = [], []
        self.client = mqtt.Client(client_id=f"scada-{port}-{time.monotonic_ns()}")
        self.client.reconnect_delay_set(min_delay=0.1, max_delay=0.5)
        self.client.on_connect = lambda c, *_: c.subscribe([(f, 1) for f in filters])
        self.client.on_subscribe = lambda *a: granted.append(a)
        self.client.on_message = lambda _c, _u, m: self.seen.append((m.topic, json.loads(m.payload), m.retain))
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        until("the subscription", lambda: granted)

    def alarms(self):
        return [p for t, p, _ in self.seen if t.endswith("/alarm")]

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


def indicators_and_alarms_are_published_back_and_not_taken_in_again(dir):
    for protocol in ("5", "3.1.1"):
        there = dir / protocol
        there.mkdir()
        broker = mosquitto(there)
        collector = Collector(there, "collector", f'url = "mqtt://127.0.0.1:{broker.port}"\nprotocol = "{protocol}"\n'
                                                  "publish_alarms = true\npublish_indicators = true")
        at_home, abroad = (Scada(port, ["danxia/v1/+/+/alarm", "danxia/v1/+/+/indicator"])
                           for port in (collector.mqtt, broker.port))
        birth = {"points": [{"name": "temp", "unit": "°C", "limits": {"h": 80}}]}
        plc = mqtt.Client(client_id="plc")
        plc.connect("127.0.0.1", collector.mqtt)
        plc.loop_start()

        def says(kind, payload):
            plc.publish(f"danxia/v1/s/fan/{kind}", json.dumps(payload), qos=1).wait_for_publish(timeout=WAIT_S)
        now = lambda: int(time.time() * 1000)
        says("birth", birth)
        says("telemetry", {"ts": now(), "values": {"temp": 95}})
        for scada in (at_home, abroad):
            until("the alarm", scada.alarms)
            alarm = scada.alarms()[0]
            assert (alarm["point"], alarm["condition"], alarm["to"], alarm["limit"]) == \
                ("temp", "high", "unacknowledged", 80), alarm
            assert alarm["message"]["zh"] and alarm["message"]["en"], alarm
        # Who comes later finds what stands.
        late = Scada(broker.port, ["danxia/v1/+/+/alarm/state"])
        until("the state", lambda: late.seen)
        topic, state, retained = late.seen[0]
        assert (topic, state["active"], retained) == ("danxia/v1/s/fan/alarm/state", 1, True), late.seen
        # While the broker is away the alarm goes, and the collector is killed on top of it.
        broker.stop()
        heard = len(abroad.alarms())
        says("telemetry", {"ts": now(), "values": {"temp": 20}})
        until("the return at home", lambda: any(a["trigger"] == "cleared" for a in at_home.alarms()))
        collector.kill()
        broker.start()
        collector.start()
        until("the return abroad", lambda: any(a["trigger"] == "cleared" for a in abroad.alarms()[heard:]))
        until("the state", lambda: late.seen[-1][1]["active"] == 0)
        # What came back to us was not taken for a machine's.
        total = collector.ledger()
        assert total["quarantined"] == 0, collector.get("/api/v1/quarantine/groups")
        assert protocol == "5" or total["duplicates"] > 0, total
        for c in (at_home, abroad, late):
            c.close()
        plc.disconnect()
        plc.loop_stop()
        collector.stop()
        broker.stop()


def a_sparkplug_host_is_announced_there_and_asks_for_a_rebirth(dir):
    broker = mosquitto(dir)
    seen = []
    watcher = mqtt.Client(client_id="watcher")
    watcher.on_connect = lambda c, *_: c.subscribe([("spBv1.0/STATE/danxia", 1), ("spBv1.0/+/NCMD/+", 1)])
    watcher.on_message = lambda _c, _u, m: seen.append((m.topic, m.payload))
    watcher.connect("127.0.0.1", broker.port)
    watcher.loop_start()
    states = lambda: [json.loads(p)["online"] for t, p in seen if "STATE" in t]
    uptime = lambda value: sp.Metric(timestamp=sp.get_current_timestamp(), name="uptime", datatype=sp.DataType.INT64,
                                     value=value)
    # Its birth (QoS 0) was said before the collector listened.
    node = sp.EdgeNode("Group", "edge", (uptime(1),))
    node.connect("127.0.0.1", port=broker.port)
    collector = Collector(dir, "collector", f'url = "mqtt://127.0.0.1:{broker.port}"')
    until("STATE online", lambda: states() == [True])

    def asked():
        node.update((uptime(2),))
        return any(t == "spBv1.0/Group/NCMD/edge" for t, _ in seen)
    until("the rebirth request", asked)
    collector.kill()
    until("the will", lambda: states()[-1] is False)
    collector.start()
    until("STATE online", lambda: states()[-1] is True)
    collector.stop()
    until("the farewell", lambda: states()[-1] is False)
    node.disconnect()
    watcher.disconnect()
    watcher.loop_stop()
    broker.stop()


CHECKS = [(mosquitto_v5, "mosquitto"), (mosquitto_v311, "mosquitto"), (nats_v311, "nats-server"),
          (a_broker_that_forgot_the_session_is_subscribed_to_anew, "mosquitto"),
          (what_comes_twice_is_counted_as_a_duplicate, "mosquitto"), (two_collectors_share_the_load, "mosquitto"),
          (tls_with_certificates_on_both_sides, "mosquitto"), (a_wrong_password_is_explained_and_tried_again, "mosquitto"),
          (indicators_and_alarms_are_published_back_and_not_taken_in_again, "mosquitto"),
          (a_sparkplug_host_is_announced_there_and_asks_for_a_rebirth, "mosquitto")]


def main():
    os.environ["PATH"] += ":/usr/sbin"
    os.environ["DANXIA__LOG"] = "info"
    passed = failed = skipped = 0
    chosen = [c for c in CHECKS if not sys.argv[1:] or c[0].__name__ in sys.argv[1:]]
    for check, needs in chosen:
        if not shutil.which(needs):
            skipped += 1
            print(f"skip {check.__name__}: {needs} is not installed (a Debian package)", flush=True)
            continue
        dir = Path(tempfile.mkdtemp(prefix="danxia-remote-"))
        began = time.monotonic()
        try:
            check(dir)
            passed += 1
            print(f"ok   {check.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
            shutil.rmtree(dir)
        except Exception as e:  # every check runs, whatever befell the one before it
            failed += 1
            print(f"FAIL {check.__name__}: {type(e).__name__}: {e}", flush=True)
            for log in sorted(dir.rglob("*log")):
                if log.is_file():
                    print(f"---- {log}\n{log.read_text(errors='replace')[-3000:]}", flush=True)
    print(f"remote: {passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
