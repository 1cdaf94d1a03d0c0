"""Danxia tells people of alarms: a real mail server over STARTTLS, and stand-ins for a webhook and the robots of WeCom,
DingTalk and Feishu that check signatures and throttle as the real ones do.

Run by `make notify`. Alarms are raised by values that are published over MQTT. The platform is killed in the middle of an
escalation and between a message and its note: nothing may be lost, and nothing decided twice.
"""

import base64
import email
import email.policy
import hashlib
import hmac
import json
import os
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import paho.mqtt.client as mqtt
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

import interop
from checks import STARTED, run
from interop import DANXIA, free_port

SECRET = "a shared secret"
PATIENCE_S = 90
"""The first alarm of an instance waits for tables that an unoptimised build computes slowly."""


def until(what, probe):
    return interop.until(what, probe, PATIENCE_S)


class Mail:
    """aiosmtpd: STARTTLS is required, and a password."""

    def __init__(self, dir):
        run = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
               "-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", dir / "mail.key", "-out", dir / "mail.pem"]
        subprocess.run(run, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(dir / "mail.pem", dir / "mail.key")
        self.ca, self.port, self.taken = dir / "mail.pem", free_port(), []
        self.refuse = None
        self.controller = Controller(
            self, hostname="127.0.0.1", port=self.port, tls_context=context, require_starttls=True, auth_required=True,
            auth_require_tls=True, authenticator=self.login)
        self.controller.start()

    @staticmethod
    def login(_server, _session, _envelope, _mechanism, data):
        return AuthResult(success=(data.login, data.password) == (b"danxia", b"correct horse"))

    async def handle_DATA(self, _server, session, envelope):
        if self.refuse:
            return self.refuse
        assert session.ssl, "nothing is said in the clear"
        self.taken.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 taken"

    def stop(self):
        self.controller.stop()


class StandIn:
    """A server for one kind of hook. `slow` holds answers back, so that a kill falls between a message and its note."""

    def __init__(self, kind):
        self.kind, self.taken, self.times, self.faults, self.requests = kind, [], [], [], 0
        self.lock, self.hold = threading.Lock(), threading.Event()
        self.hold.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with outer.lock:
                    outer.requests += 1
                    fault = outer.faults.pop(0) if outer.faults else None
                    status, said = fault or outer.judge(self.path, self.headers, body)
                outer.hold.wait(30)
                text = json.dumps(said).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except BrokenPipeError:
                    pass

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def path(self):
        return {"webhook": "/hook", "wecom": "/cgi-bin/webhook/send?key=0123", "dingtalk": "/robot/send?access_token=0123",
                "feishu": "/open-apis/bot/v2/hook/0123"}[self.kind]

    def judge(self, path, headers, body):
        message = json.loads(body)
        status, said = getattr(self, self.kind)(path, headers, body, message)
        if status == 200 and said.get("errcode", said.get("code", 0)) == 0:
            self.taken.append((headers.get("Idempotency-Key"), message))
        return status, said

    def full(self, most):
        now = time.monotonic()
        self.times = [t for t in self.times if now - t < 60] + [now]
        return len(self.times) > most

    def webhook(self, _path, headers, body, _message):
        sent = headers["Danxia-Timestamp"]
        mac = hmac.new(SECRET.encode(), sent.encode() + b"." + body, hashlib.sha256).hexdigest()
        good = hmac.compare_digest(f"v1={mac}", headers["Danxia-Signature"]) and abs(time.time() - int(sent)) < 300
        return (200, {}) if good else (401, {"error": "signature"})

    def wecom(self, path, _headers, _body, message):
        if urllib.parse.urlparse(path).query != "key=0123":
            return 200, {"errcode": 93000, "errmsg": "invalid webhook url"}
        if self.full(20):
            return 200, {"errcode": 45009, "errmsg": "api freq out of limit"}
        assert message["msgtype"] in ("markdown", "template_card"), message
        return 200, {"errcode": 0, "errmsg": "ok"}

    def dingtalk(self, path, _headers, _body, message):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlparse(path).query))
        text = f"{query['timestamp']}\n{SECRET}".encode()
        sign = base64.b64encode(hmac.new(SECRET.encode(), text, hashlib.sha256).digest()).decode()
        if query["sign"] != sign or abs(time.time() * 1000 - int(query["timestamp"])) > 3_600_000:
            return 200, {"errcode": 310000, "errmsg": "sign not match"}
        if self.full(20):
            return 200, {"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}
        assert message["msgtype"] == "actionCard" and message["actionCard"]["singleURL"].startswith("https://"), message
        return 200, {"errcode": 0, "errmsg": "ok"}

    def feishu(self, _path, _headers, _body, message):
        key = f"{message['timestamp']}\n{SECRET}".encode()
        sign = base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()
        if message["sign"] != sign:
            return 200, {"code": 19021, "msg": "sign match fail or timestamp is not within one hour from current time"}
        if self.full(100):
            return 200, {"code": 11232, "msg": "create message service trigger rate limit"}
        return 200, {"code": 0, "msg": "success"}


class Platform:
    """`danxia run` with channels of every kind."""

    def __init__(self, dir, routes):
        self.dir, self.http, self.mqtt = dir, free_port(), free_port()
        self.mail = Mail(dir)
        self.hooks = {kind: StandIn(kind) for kind in ("webhook", "wecom", "dingtalk", "feishu")}
        settings = [f'adopt = true\ndata = "{dir}/data"\n[notify]\npublic_url = "https://danxia.example"\n'
                    f'allow = ["127.0.0.0/8"]\nca = "{self.mail.ca}"\ntimeout_s = 5\nfirst_pause_s = 1\nlongest_pause_s = 2\n'
                    f'[notify.channel.mail]\nkind = "email"\nhost = "127.0.0.1"\nport = {self.mail.port}\n'
                    f'from = "Danxia <danxia@plant.example>"\nuser = "danxia"\n'
                    f'password_file = "{self.secret("password", "correct horse")}"\n']
        for kind, hook in self.hooks.items():
            url = self.secret(f"{kind}-url", f"http://127.0.0.1:{hook.port}{hook.path()}")
            settings.append(f'[notify.channel.{kind}]\nkind = "{kind}"\nurl_file = "{url}"\nlanguage = "en"\n'
                            + ("" if kind == "wecom" else f'secret_file = "{self.secret("secret", SECRET)}"\n'))
        settings.append('[notify.person.lin]\ntitle = "林"\nemail = "lin@plant.example"\nchannels = ["mail"]\n'
                        '[notify.person.chief]\nemail = "chief@plant.example"\nlanguage = "en"\nchannels = ["mail"]\n')
        self.config = dir / "danxia.toml"
        self.config.write_text("".join(settings) + routes)
        self.log = open(dir / "log", "ab")
        self.start()
        self.client = mqtt.Client(client_id=f"plc-{self.mqtt}")
        self.client.reconnect_delay_set(min_delay=0.1, max_delay=0.5)
        self.client.connect("127.0.0.1", self.mqtt)
        self.client.loop_start()

    def secret(self, name, text):
        path = self.dir / name
        path.write_text(text + "\n")
        path.chmod(0o600)
        return path

    def start(self):
        self.process = subprocess.Popen(
            [DANXIA, "run", "--config", self.config, "--mqtt", f"127.0.0.1:{self.mqtt}",
             "--http", f"127.0.0.1:{self.http}", "--anonymous"], stdout=self.log, stderr=self.log)
        STARTED.append(self.process)
        until("it to be ready", lambda: self.get("/readyz"))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()
        self.process.terminate()
        assert self.process.wait(timeout=20) == 0
        self.mail.stop()

    def get(self, path):
        assert self.process.poll() is None, f"it ended: {Path(self.log.name).read_text()[-2000:]}"
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=10) as r:
            return json.loads(r.read())

    def post(self, path, body):
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=30) as r:
                return r.status, json.loads(r.read())
        except urllib.error.HTTPError as e:
            return e.code, json.loads(e.read())

    def publish(self, topic, message):
        self.client.publish(f"danxia/v1/{topic}", json.dumps(message), qos=1).wait_for_publish(20)

    def born(self, machine, **more):
        point = {"name": "temp", "unit": "°C", "period_s": 3600, "limits": {"h": 80, "hh": 95}}
        self.publish(f"{machine}/birth", {"points": [point], **more})

    def value(self, machine, v):
        self.publish(f"{machine}/telemetry", {"ts": int(time.time() * 1000), "values": {"temp": v}})

    def alarm(self, machine):
        """The alarm that stands at a machine."""
        def found():
            alarms = self.get("/api/v1/alarms")["alarms"]
            return next((a for a in alarms if f"{a['machine']['site']}/{a['machine']['machine']}" == machine), None)
        return until(f"an alarm at {machine}", found)

    def notifications(self):
        return self.get("/api/v1/notifications?limit=500")


def text(message):
    """The plain text and the HTML of a mail."""
    return message.get_body(("plain",)).get_content(), message.get_body(("html",)).get_content()


# ---- the checks ---------------------------------------------------------------------------------------------------

EVERYBODY = """
[notify.route.all]
sites = ["mill"]
levels = [{ to = ["person:lin", "channel:webhook", "channel:wecom", "channel:dingtalk", "channel:feishu"] },
          { after_s = 3, to = ["person:chief"] }]
"""


def an_alarm_reaches_everybody_and_an_acknowledgement_ends_the_escalation(dir):
    p = Platform(dir, EVERYBODY)
    p.born("mill/fan", title={"zh": "三号风机<b>\r\nBcc: x@y.example", "en": "Fan 3 [x](http://evil.example)"}, area="press")
    p.value("mill/fan", 92.5)
    alarm = p.alarm("mill/fan")
    until("the mail", lambda: p.mail.taken)
    to, mail = p.mail.taken[0]
    assert to == ["lin@plant.example"] and mail["To"] == "lin@plant.example" and mail["Bcc"] is None, mail
    assert mail["Subject"].startswith("[Danxia] ▲ 2 超过高限 · 三号风机<b>"), mail["Subject"]
    plain, html = text(mail)
    link = f"https://danxia.example/#/alarms/{alarm['id']}"
    for wanted in ("92.5 °C", "80 °C", "本班", link, "Asia/Shanghai"):
        assert wanted in plain and wanted in html, (wanted, plain)
    assert "三号风机<b>" not in html and "三号风机&lt;b&gt;" in html
    for kind, hook in p.hooks.items():
        until(f"the {kind}", lambda: hook.taken)
        said = json.dumps(hook.taken[0][1], ensure_ascii=False)
        assert "▲ 2 Above the high limit" in said and link in said, said
    assert "](http" not in p.hooks["dingtalk"].taken[0][1]["actionCard"]["text"], "which is Markdown"
    assert p.post(f"/api/v1/alarms/{alarm['id']}/acknowledge", {"by": "lin"})[0] == 200
    until("the end of the escalation", lambda: p.notifications()["escalating"] == 0)
    # Another alarm escalates: once its second level is told, the first one's would have been.
    p.born("mill/pump")
    p.value("mill/pump", 92)
    until("the second level", lambda: [t for t, _ in p.mail.taken if t == ["chief@plant.example"]])
    chief = [m for t, m in p.mail.taken if t == ["chief@plant.example"]]
    assert len(chief) == 1 and "mill/pump" in chief[0]["Subject"], [m["Subject"] for m in chief]
    assert "Nobody has acknowledged (level 2)" in text(chief[0])[0]
    seen = p.notifications()
    assert {c["name"]: c["state"] for c in seen["channels"]} == dict.fromkeys(["mail", *p.hooks], "working"), seen
    assert all(a["outcome"] == "accepted" for a in seen["log"]), seen["log"]
    p.stop()


def a_kill_in_the_middle_of_an_escalation_loses_nothing_and_doubles_nothing(dir):
    p = Platform(dir, """
[notify.route.all]
sites = ["mill"]
levels = [{ to = ["channel:webhook"] }, { after_s = 3, to = ["channel:dingtalk"] }, { after_s = 3, to = ["channel:feishu"] }]
""")
    hook, ding, feishu = (p.hooks[k] for k in ("webhook", "dingtalk", "feishu"))
    for n in (1, 2):
        p.born(f"mill/fan{n}")
        p.value(f"mill/fan{n}", 92)
    until("the first level", lambda: len(hook.taken) == 2)
    p.kill()
    p.start()
    until("the second level", lambda: len(ding.taken) == 2)
    p.kill()
    p.start()
    alarm = p.alarm("mill/fan1")
    assert p.post(f"/api/v1/alarms/{alarm['id']}/acknowledge", {"by": "lin"})[0] == 200
    until("the third level", lambda: feishu.taken)
    # Killed while the webhook has taken a message and not said so.
    hook.hold.clear()
    p.born("mill/fan3")
    p.value("mill/fan3", 92)
    until("the message to be taken", lambda: len(hook.taken) == 3)
    p.kill()
    hook.hold.set()
    p.start()
    until("it to come again", lambda: len(hook.taken) == 4)
    assert hook.taken[2][0] == hook.taken[3][0], "under the same key"
    p.value("mill/fan3", 10)
    p.born("mill/fan4")
    p.value("mill/fan4", 92)
    until("the next", lambda: len(hook.taken) == 5)
    raised = [a["machine"] for key, m in hook.taken for a in m["alarms"]]
    assert raised == ["mill/fan1", "mill/fan2", "mill/fan3", "mill/fan3", "mill/fan4"], raised
    assert len({key for key, _ in hook.taken}) == 4
    titles = [m["card"]["header"]["title"]["content"] for _, m in feishu.taken]
    assert len(titles) == 1 and "mill/fan2" in titles[0], titles
    p.stop()


def a_channel_that_takes_nothing_is_an_alarm_and_a_test_ends_it(dir):
    p = Platform(dir, """
[notify.route.all]
sites = ["mill"]
levels = [{ to = ["person:lin", "channel:webhook"] }]
[notify.route.platform]
sites = ["$danxia"]
levels = [{ to = ["channel:feishu"] }]
""")
    p.mail.refuse = "451 try again"
    p.born("mill/fan")
    p.value("mill/fan", 92)
    until("the webhook", lambda: p.hooks["webhook"].taken)
    alarm = p.alarm("$danxia/platform")
    assert alarm["condition"] == "system.notification_channel", alarm
    until("the platform's own alarm by the other way", lambda: p.hooks["feishu"].taken)
    assert "People are not reached" in json.dumps(p.hooks["feishu"].taken[0][1])
    p.mail.refuse = None
    until("the mail", lambda: p.mail.taken)
    until("the end of the alarm", lambda: p.get(f"/api/v1/alarms/{alarm['id']}")["state"] != "unacknowledged")
    status, said = p.post("/api/v1/notifications/test", {"person": "chief"})
    assert (status, said["results"][0]["accepted"]) == (200, True), said
    assert p.mail.taken[-1][0] == ["chief@plant.example"] and "Test message" in p.mail.taken[-1][1]["Subject"]
    p.hooks["webhook"].faults.append((401, {}))
    status, said = p.post("/api/v1/notifications/test", {"channel": "webhook"})
    assert (status, said["results"][0]["code"]) == (200, "forbidden"), said
    for bad in ({}, {"channel": "no"}, {"person": "no"}, {"channel": "mail"}, {"to": "x"}, []):
        status, said = p.post("/api/v1/notifications/test", bad)
        assert status == 400 and said["next"], (bad, said)
    with urllib.request.urlopen(f"http://127.0.0.1:{p.http}/metrics", timeout=10) as r:
        assert 'danxia_notification_dead{channel="webhook"} 1' in r.read().decode()
    shown = subprocess.run([DANXIA, "config", "show", "--config", p.config], capture_output=True, text=True).stdout
    assert "notify.channel.mail.host" in shown and SECRET not in shown and "0123" not in shown and "horse" not in shown
    p.stop()
    log = Path(p.log.name).read_text()
    assert SECRET not in log and "access_token" not in log and "horse" not in log


CHECKS = [an_alarm_reaches_everybody_and_an_acknowledgement_ends_the_escalation,
          a_kill_in_the_middle_of_an_escalation_loses_nothing_and_doubles_nothing,
          a_channel_that_takes_nothing_is_an_alarm_and_a_test_ends_it]


def main():
    os.environ["DANXIA__LOG"] = "info"
    run("notify", CHECKS)


if __name__ == "__main__":
    main()
