#!/usr/bin/env python3
"""A certificate by ACME: certbot asks a local ACME server (Debian's pebble), convoy serves what it wrote, and a
renewal reaches new connections while open streams stay open: straight from certbot's folder, and by the hook.
"""

import contextlib
import hashlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import urllib.request

import harness
from harness import check, eventually, free_port, test

harness.parts.run_under("client")

STATE = {}
HOST = "mcp.convoy.example"
HOOK = harness.OPS / "examples/certbot-deploy-hook"
# Its server keeps sessions, so a client can have a stream open.
SPEC = harness.DOCUMENTDB.replace("VERSION", "0.1.54").replace("EXTRA", "ports: {{first: 24200, last: 24231}}").replace(
    "  url: http://127.0.0.1:{port}",
    "  url: https://" + HOST + ":{port}\n  listen: 127.0.0.1:{port}\n"
    "  tls: {{certificate: FOLDER/fullchain.pem, key: FOLDER/privkey.pem}}")


class Acme:
    """An ACME server that believes that every name is this machine, and a certbot that trusts it."""

    def __init__(self, world):
        for tool in ("pebble", "pebble-challtestsrv", "certbot"):
            check(shutil.which(tool), f"{tool} is missing: ops/parts installs it")
        self.home = world.work / "acme"
        self.home.mkdir(exist_ok=True)
        self.http, self.api, self.management, dns, control = (free_port() for _ in range(5))
        self.own = self.home / "own.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days",
                        "2", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", self.home / "own.key", "-out",
                        self.own], check=True, stderr=subprocess.DEVNULL)
        plan = {"listenAddress": f"127.0.0.1:{self.api}", "managementListenAddress": f"127.0.0.1:{self.management}",
                "certificate": str(self.own), "privateKey": str(self.home / "own.key"), "httpPort": self.http,
                "tlsPort": free_port(), "ocspResponderURL": "", "externalAccountBindingRequired": False}
        (self.home / "pebble.json").write_text(json.dumps({"pebble": plan}))
        self.start(world, "names", "pebble-challtestsrv", "-dns01", f"127.0.0.1:{dns}", "-management",
                   f"127.0.0.1:{control}", "-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", "")
        self.start(world, "pebble", "pebble", "-config", str(self.home / "pebble.json"), "-dnsserver",
                   f"127.0.0.1:{dns}")
        self.trust = ssl.create_default_context(cafile=self.own)
        root, _ = eventually(20, "the ACME server answers", self.root)
        (self.home / "root.pem").write_bytes(root)
        self.live = self.home / "certbot/live" / HOST

    def start(self, world, name, *command):
        log = (self.home / f"{name}.log").open("wb")
        environment = {"PATH": os.environ["PATH"], "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        world.stack.callback(process.wait)
        world.stack.callback(process.terminate)

    def root(self):
        with contextlib.suppress(OSError):
            url = f"https://127.0.0.1:{self.management}/roots/0"
            with urllib.request.urlopen(url, timeout=2, context=self.trust) as answer:
                return answer.read()

    def certbot(self, *words):
        command = ["certbot", *map(str, words), "--non-interactive"]
        for option, folder in (("config", "certbot"), ("work", "work"), ("logs", "logs")):
            command += [f"--{option}-dir", str(self.home / folder)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120,
                              env={**os.environ, "REQUESTS_CA_BUNDLE": str(self.own)})
        check(done.returncode == 0, f"certbot: {(done.stdout + done.stderr)[-800:]}")

    def issue(self):
        self.certbot("certonly", "--standalone", "--agree-tos", "--register-unsafely-without-email", "--server",
                     f"https://127.0.0.1:{self.api}/dir", "--http-01-address", "127.0.0.1", "--http-01-port",
                     self.http, "-d", HOST)

    def renew(self, *words):
        self.certbot("renew", "--force-renewal", "--no-random-sleep-on-renew", *words)


def acme(world):
    if "acme" not in STATE:
        STATE["acme"] = Acme(world)
        STATE["acme"].issue()
    return STATE["acme"]


def fleet(world, folder):
    """The fleet with its certificate from the folder; the same fleet all along."""
    if "fleet" not in STATE:
        port = free_port()
        uri = (world.work / "database/uri").read_text().strip()
        STATE["spec"] = SPEC.format(port=port, uri=uri)
        STATE["fleet"] = harness.Fleet(world, world.work / "certificates.yaml", f"https://{HOST}:{port}")
        world.stack.callback(STATE["fleet"].end)
    ours = STATE["fleet"]
    ours.spec.write_text(STATE["spec"].replace("FOLDER", str(folder)))
    ours.up()
    return ours


def connect(ours, world):
    context = ssl.create_default_context(cafile=acme(world).home / "root.pem")
    plain = socket.create_connection(("127.0.0.1", int(ours.url.rsplit(":", 1)[1])), timeout=10)
    return context.wrap_socket(plain, server_hostname=HOST)


def shown(ours, world):
    """Digest of the certificate that a new connection meets, verified to the ACME server's root."""
    with connect(ours, world) as channel:
        return hashlib.sha256(channel.getpeercert(binary_form=True)).hexdigest()


def ask(ours, channel, method, token, session=None, body=None):
    """Sends a request; answers the status line and headers of its answer, and what follows them."""
    data = json.dumps(body).encode() if body else b""
    lines = [f"{method} /analytics/mcp HTTP/1.1", f"Host: {ours.url.split('//')[1]}", f"Authorization: Bearer {token}",
             "Accept: application/json, text/event-stream", "Content-Type: application/json",
             f"Content-Length: {len(data)}"] + ([f"Mcp-Session-Id: {session}"] if session else [])
    channel.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
    head = b""
    while b"\r\n\r\n" not in head:
        more = channel.recv(65536)
        check(more, f"the connection ended after {head!r}")
        head += more
    return head.decode().split("\r\n\r\n", 1)[0]


def open_stream(ours, world, token):
    """A legacy session and the stream that it listens on."""
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}
    with connect(ours, world) as channel:
        head = ask(ours, channel, "POST", token, body=hello)
    check(" 200 " in head.splitlines()[0], head)
    session = next(line.split(": ", 1)[1] for line in head.splitlines() if line.lower().startswith("mcp-session-id:"))
    channel = connect(ours, world)
    head = ask(ours, channel, "GET", token, session=session)
    check(" 200 " in head.splitlines()[0] and "text/event-stream" in head, head)
    return channel, session


def still_open(channel):
    channel.settimeout(1.5)
    try:
        return channel.recv(65536) != b""
    except TimeoutError:
        return True


def renewed(ours, world, renew):
    """Renews under an open stream: new connections meet the new certificate, and the stream goes on."""
    token = ours.convoy("token", "--pool", "analytics", "--ttl", "1h").stdout.strip()
    before = shown(ours, world)
    channel, session = open_stream(ours, world, token)
    with channel:
        renew()
        eventually(30, "a new connection meets the new certificate", lambda: shown(ours, world) != before, every=0.2)
        check(still_open(channel), "the stream that was open before the renewal was closed")
        ping = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
        with connect(ours, world) as other:
            head = ask(ours, other, "POST", token, session=session, body=ping)
        check(" 200 " in head.splitlines()[0], f"the session is lost: {head}")
        check(still_open(channel), "the stream was closed soon after")


@test("certbot gets a certificate of the local ACME server, and the fleet serves with it from certbot's folder")
def first(world):
    folder = acme(world).live
    check((folder / "privkey.pem").resolve().stat().st_mode & 0o777 == 0o600, "certbot's key is not 0600")
    ours = fleet(world, folder)
    check(shown(ours, world) == digest(folder / "fullchain.pem"), "another certificate is served")


@test("a renewal on disk alone reaches new connections within seconds, and an open stream stays open")
def by_file(world):
    ours = fleet(world, acme(world).live)
    renewed(ours, world, acme(world).renew)
    check(shown(ours, world) == digest(acme(world).live / "fullchain.pem"), "another certificate is served")


@test("a renewal by the deploy hook, into a folder of the fleet's own, does the same")
def by_hook(world):
    folder = world.work / "tls"
    folder.mkdir(mode=0o700, exist_ok=True)
    hook = ("--deploy-hook", f"{HOOK} {folder}")
    acme(world).renew(*hook)
    key = folder / "privkey.pem"
    check(key.stat().st_mode & 0o777 == 0o600, f"the key's mode is {key.stat().st_mode & 0o777:o}")
    ours = fleet(world, folder)
    renewed(ours, world, lambda: acme(world).renew(*hook))
    check(shown(ours, world) == digest(folder / "fullchain.pem"), "another certificate is served")


@test("half a renewal is not served, and the log says why")
def half(world):
    folder = world.work / "tls"
    ours = fleet(world, folder)
    before = shown(ours, world)
    subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                    folder / "privkey.pem"], check=True, stderr=subprocess.DEVNULL)
    told = lambda: "the key is not that of the certificate" in ours.convoy("logs", "supervisor", "-n", "50").stdout
    eventually(30, "the log tells that the key does not fit", told, every=0.5)
    check(shown(ours, world) == before, "another certificate is served")
    check(ours.status()["edge"]["state"] == "up", "the edge is not up")


def digest(path):
    first = path.read_text().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(first)).hexdigest()


if __name__ == "__main__":
    harness.run(__doc__)
