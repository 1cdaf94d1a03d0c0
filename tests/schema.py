"""Every path of the OpenAPI description is asked what fits it, what just does not, and what never could (schemathesis): no
answer is a fault of the server (5xx), and each is one that the description names, in the form that it names.

Run by `make schema`. A little plant is there, with an alarm, a record, work orders and a device, so that paths that name
something are not all answered with 404; SCHEMA_EXAMPLES says how many questions each path is asked. One after the other: of
two who shelve and unshelve the same alarm at once, one may wait for a state that the other has ended (503).
"""

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import paho.mqtt.client as mqtt

from interop import Platform, until

EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "15"))
SEED = os.environ.get("SCHEMA_SEED", "1")
CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
          "response_headers_conformance", "unsupported_method"]
# What has no end, and what would take away the right to ask further.
LEFT_OUT = ["/api/v1/live", "/api/v1/setup"]


def quoted(values):
    return json.dumps(values, ensure_ascii=False)


def settings(known):
    """Parameters of these names are half the time what there is, and else what schemathesis thinks of."""
    lines = [f"[dictionaries.{name}]\nvalues = {quoted(values)}\n" for name, values in known.items()]
    lines.append("[parameters]\n")
    for name in known:
        lines.append(f'{name} = {{ dictionary = "{name}", probability = 0.5 }}\n')
    return "".join(lines)


def say(platform, topic, payload):
    client = mqtt.Client(client_id="schema")
    client.connect("127.0.0.1", platform.mqtt)
    client.loop_start()
    client.publish(topic, payload, qos=1).wait_for_publish(20)
    client.loop_stop()
    client.disconnect()


def furnish(platform, ask):
    """A machine in alarm with work to do, one message that nobody understands, a device."""
    say(platform, "danxia/v1/hall/fan/telemetry", json.dumps({"values": {"temp": 20, "speed": 1480}}))
    until("the machine", lambda: ask("GET", "/api/v1/machines/hall/fan"))
    ask("POST", "/api/v1/alarm-definitions", {"define": [
        {"machine": "hall/fan", "point": "temp", "condition": "high", "limit": 80}]})
    say(platform, "danxia/v1/hall/fan/telemetry", json.dumps({"values": {"temp": 95}}))
    say(platform, "danxia/v1/hall/fan/telemetry", "{x")
    alarm = until("the alarm", lambda: ask("GET", "/api/v1/alarms")["alarms"])[0]["id"]
    ask("POST", "/api/v1/machines/hall/fan/work-orders", {"title": "look at it", "alarm": alarm})
    ask("POST", "/api/v1/machines/hall/fan/notes", {"text": "it hums"})
    ask("POST", "/api/v1/devices", {"name": "press", "role": "device", "site": "hall"})
    return {"site": ["hall"], "machine": ["fan", "hall/fan"], "point": ["hall/fan/temp"], "id": [alarm, "1"],
            "number": [1], "name": ["press"], "format": ["csv", "xlsx"]}


def main():
    platform = Platform()
    secret = Path(platform.dir, "data", "instance.secret").read_text().strip()
    base = f"http://127.0.0.1:{platform.http}"

    def ask(method, path, body=None):
        request = urllib.request.Request(
            base + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {secret}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    try:
        config = Path(platform.dir, "schemathesis.toml")
        config.write_text(settings(furnish(platform, ask)))
        command = [Path(sys.executable).parent / "st", "--config-file", config, "run", f"{base}/api/v1/openapi.json",
                   "--checks", ",".join(CHECKS), "--header", f"Authorization:Bearer {secret}", "--seed", SEED,
                   "--max-examples", str(EXAMPLES), "--phases", "examples,coverage,fuzzing", "--request-timeout", "30",
                   "--warnings", "off", "--no-color", "--workers", "1", "--continue-on-failure"]
        for path in LEFT_OUT:
            command += ["--exclude-path", path]
        status = subprocess.run(command).returncode
        # What was asked may not have hurt it either.
        assert platform.process.poll() is None, "the platform has ended"
        assert platform.get("/healthz", text=True) == "ok\n"
    finally:
        platform.process.kill()
    if status:
        print(Path(platform.log.name).read_text(errors="replace")[-3000:])
    print(f"schema: {'passed' if status == 0 else 'failed'}")
    sys.exit(status)


if __name__ == "__main__":
    main()
