"""Danxia beside a real server that takes InfluxDB's write API: VictoriaMetrics, killed and started again.

Run by `make influx`. Every value that a publisher got its PUBACK for must be found in the server afterwards, once and as it
was published, while the server and the platform are killed. VictoriaMetrics keeps milliseconds and answers 204 to lines that
it does not understand, so what is found is compared with what was published, not with what was answered. How fast it catches
up and what that costs the live path is measured and printed.
"""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

import paho.mqtt.client as mqtt
import yaml

from checks import STARTED, run
from interop import DANXIA, WAIT_S, free_port, until
from remote import Server

POINTS = 50
"""Values in one message."""
RATE = 40
"""Messages a second of the live load."""


class Victoria(Server):
    """A throw-away server."""

    def start(self):
        super().start()
        STARTED.append(self.process)

    def __init__(self, dir):
        port = free_port()
        super().__init__(["victoria-metrics", f"-httpListenAddr=127.0.0.1:{port}", f"-storageDataPath={dir}/vm",
                          "-retentionPeriod=100y"], port, dir / "vm.log")

    def ask(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as r:
            return r.read().decode()

    def export(self, match):
        """Every sample of the series that match: {point: {milliseconds: value}}; none may be there twice."""
        self.ask("/internal/force_flush")
        found = {}
        for line in self.ask("/api/v1/export?" + urllib.parse.urlencode({"match[]": match})).splitlines():
            row = json.loads(line)
            samples = found.setdefault(row["metric"]["point"], {})
            for t, v in zip(row["timestamps"], row["values"]):
                assert samples.get(t, v) == v, f"{row['metric']} has two values at {t}"
                samples[t] = v
        return found


class Platform:
    """`danxia run`, shipping."""

    def __init__(self, dir, victoria):
        self.dir, self.http, self.mqtt = dir, free_port(), free_port()
        token = dir / "token"
        token.write_text("any\n")
        token.chmod(0o600)
        self.config = dir / "danxia.toml"
        self.config.write_text(
            f'adopt = true\ndata = "{dir}/data"\n[influx]\nurl = "http://127.0.0.1:{victoria.port}"\norg = "plant"\n'
            f'bucket = "danxia"\ntoken_file = "{token}"\n')
        self.log = open(dir / "log", "ab")
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [DANXIA, "run", "--config", self.config, "--mqtt", f"127.0.0.1:{self.mqtt}",
             "--http", f"127.0.0.1:{self.http}", "--anonymous"], stdout=self.log, stderr=self.log)
        STARTED.append(self.process)
        until("it to be ready", lambda: self.get("/readyz"))

    def get(self, path):
        assert self.process.poll() is None, f"it ended: {Path(self.log.name).read_text()[-2000:]}"
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=10) as r:
            return json.loads(r.read())

    def influx(self):
        return self.get("/api/v1/influx")

    def up_to_date(self, seconds=60):
        def state():
            s = self.influx()
            return s["phase"] == "live" and s["lag_s"] < 3 and s["commits_behind"] < 200 and s
        return until("InfluxDB to be up to date", state, seconds)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=20) == 0
        self.log.close()


class Plc:
    """Publishes batches with QoS 1, each message at an instant of its own, and knows what was acknowledged and when."""

    def __init__(self, port):
        self.client = mqtt.Client(client_id=f"plc-{port}")
        self.client.reconnect_delay_set(min_delay=0.1, max_delay=0.5)
        self.client.max_queued_messages_set(0)
        self.client.max_inflight_messages_set(2000)
        self.sent, self.waiting, self.took = {}, {}, []
        self.next = int(time.time() * 1000) - 3_600_000
        self.client.on_publish = self.acknowledged
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def acknowledged(self, _client, _user, mid, *_):
        began = self.waiting.pop(mid, None)
        if began is not None:
            self.took.append(time.monotonic() - began)

    def publish(self, messages):
        for _ in range(messages):
            t, self.next = self.next, self.next + 1
            values = {f"p{i}": t % 1000 + i / 10 for i in range(POINTS)}
            for name, v in values.items():
                self.sent.setdefault(name, {})[t] = v
            began = time.monotonic()
            info = self.client.publish("danxia/v1/s/plc/telemetry", json.dumps({"ts": t, "values": values}), qos=1)
            self.waiting[info.mid] = began

    def settle(self):
        until("every PUBACK", lambda: not self.waiting, 60)

    def live(self, seconds):
        """Publishes RATE messages a second; the latencies of their PUBACKs."""
        self.settle()
        self.took.clear()
        end = time.monotonic() + seconds
        due = time.monotonic()
        while time.monotonic() < end:
            self.publish(1)
            due += 1 / RATE
            time.sleep(max(0.0, due - time.monotonic()))
        self.settle()
        return sorted(self.took)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


def quantile(sorted_values, q):
    return sorted_values[min(len(sorted_values) - 1, int(q * len(sorted_values)))]


def has_everything(victoria, plc):
    """Waits until every value is there; then nothing else is, and each is what was published."""
    wanted = sum(len(v) for v in plc.sent.values())
    match = '{__name__="value_value",machine="plc"}'
    until(f"{wanted} values", lambda: sum(len(v) for v in victoria.export(match).values()) >= wanted, 60)
    assert victoria.export(match) == plc.sent


# ---- the checks ---------------------------------------------------------------------------------------------------

def what_is_published_arrives_through_every_kill(dir):
    victoria = Victoria(dir)
    platform = Platform(dir, victoria)
    plc = Plc(platform.mqtt)
    subprocess.run(["mosquitto_pub", "-h", "127.0.0.1", "-p", str(platform.mqtt), "-q", "1", "-t",
                    "danxia/v1/s/fan 1/telemetry", "-m", json.dumps({"ts": plc.next, "values": {"odd, =name": 42}})], check=True)
    for kill in ("server", "platform", "both", "server"):
        plc.publish(100)
        if kill in ("server", "both"):
            victoria.stop(signal.SIGKILL)
        if kill in ("platform", "both"):
            platform.kill()
        plc.publish(100)
        if kill in ("platform", "both"):
            platform.start()
        plc.settle()
        if kill in ("server", "both"):
            until("the failure to be seen", lambda: platform.influx()["phase"] == "waiting")
            victoria.start()
    platform.up_to_date()
    # VictoriaMetrics writes to its disk now and then, and forgets what it took just before it was killed: that is shipped
    # again, as an operator would.
    platform.stop()
    platform.log = open(dir / "log", "ab")
    mark = dir / "mark.json"
    subprocess.run([DANXIA, "backfill", "--influx", "--config", platform.config, "--mark", mark], check=True)
    assert not mark.exists(), "nothing is left of a run that came to its end"
    has_everything(victoria, plc)
    odd = victoria.export('{machine="fan 1"}')
    assert [list(v.values()) for v in odd.values()] == [[42]] and list(odd) == ["odd, =name"], odd
    plc.close()
    victoria.stop()


def an_outage_is_made_up_for_beside_the_live_load(dir):
    victoria = Victoria(dir)
    platform = Platform(dir, victoria)
    plc = Plc(platform.mqtt)
    plc.publish(10)
    platform.up_to_date()
    before = plc.live(6)
    victoria.stop()
    until("the failure to be seen", lambda: plc.publish(1) or platform.influx()["phase"] == "waiting")
    plc.publish(4000)
    plc.settle()
    owed = 4000 * POINTS
    taken = platform.influx()["points"]
    victoria.start()
    began = time.monotonic()
    done = []

    def watch():
        until("what is owed to have been taken", lambda: platform.influx()["points"] >= taken + owed, 120)
        done.append(time.monotonic() - began)
    watching = threading.Thread(target=watch)
    watching.start()
    during = plc.live(6)
    watching.join()
    # With the time that the server takes to come up and the pause that was being kept.
    rate = owed / done[0]
    live = RATE * POINTS
    p99 = [quantile(x, 0.99) * 1e3 for x in (before, during)]
    print(f"   {owed} points made up for at {rate:,.0f} points/s, {rate / live:.1f} times the live rate of {live}; "
          f"PUBACK p50/p99 {quantile(before, 0.5) * 1e3:.1f}/{p99[0]:.1f} ms before and "
          f"{quantile(during, 0.5) * 1e3:.1f}/{p99[1]:.1f} ms meanwhile (unoptimised build)")
    platform.up_to_date()
    has_everything(victoria, plc)
    plc.close()
    platform.stop()
    victoria.stop()


def doctor_says_what_is_wrong(dir):
    victoria = Victoria(dir)
    platform = Platform(dir, victoria)

    def doctor():
        out = subprocess.run([DANXIA, "doctor", "--config", platform.config, "--mqtt", f"127.0.0.1:{platform.mqtt}",
                              "--http", f"127.0.0.1:{platform.http}"], capture_output=True, text=True)
        return {line[6:15].strip(): line for line in out.stdout.splitlines()}
    lines = doctor()
    assert lines["influx"].startswith("ok") and lines["write"].startswith("ok"), lines
    victoria.stop()
    said = doctor()["influx"]
    assert said.startswith("FAIL") and "check influx.url" in said, said
    shown = subprocess.run([DANXIA, "config", "show", "--config", platform.config], capture_output=True, text=True).stdout
    assert "influx.url" in shown and "any\n" not in shown, shown
    with urllib.request.urlopen(f"http://127.0.0.1:{platform.http}/metrics", timeout=10) as r:
        assert "danxia_influx_lag_seconds" in r.read().decode()
    platform.stop()


def deploy_parses(_dir):
    root = Path(__file__).resolve().parent.parent / "deploy/influxdb"
    compose = yaml.safe_load((root / "compose.yaml").read_text())
    for service in compose["services"].values():
        assert all(s in compose["secrets"] for s in service["secrets"])
        assert all(p.startswith("127.0.0.1:") for p in service["ports"]), "nothing listens beyond loopback"
        named = [v.split(":")[0] for v in service["volumes"] if not v.startswith(".")]
        assert all(v in compose["volumes"] for v in named)
        mounted = [v.split(":")[0] for v in service["volumes"] if v.startswith(".")]
        assert all((root / m).is_dir() for m in mounted), mounted
    source = yaml.safe_load((root / "grafana/datasources/danxia.yaml").read_text())["datasources"][0]
    used = {v[1:] for v in [*source["jsonData"].values(), *source["secureJsonData"].values()] if v.startswith("$")}
    given = {k.removesuffix("__FILE") for k in compose["services"]["grafana"]["environment"]}
    assert used <= given, f"{used - given} is not given to Grafana"
    yaml.safe_load((root / "grafana/dashboards/danxia.yaml").read_text())
    subprocess.run(["bash", "-n", root / "setup.sh"], check=True)


CHECKS = [deploy_parses, what_is_published_arrives_through_every_kill, an_outage_is_made_up_for_beside_the_live_load,
          doctor_says_what_is_wrong]


def main():
    os.environ["PATH"] += ":/usr/sbin"
    os.environ["DANXIA__LOG"] = "info"
    if not shutil.which("victoria-metrics"):
        print("victoria-metrics is not installed (Debian: victoria-metrics): only deploy/ is checked")
    there = shutil.which("victoria-metrics")
    run("influx", [c for c in CHECKS if there or c is deploy_parses])


if __name__ == "__main__":
    main()
