#!/usr/bin/env python3
"""convoy verify is all green on real fleets, and finds the fault planted in each of seventeen broken edges.

A broken edge is a copy of the fleet's rendered nginx.conf with one thing edited, run by an nginx of its own on
another port; verify reaches it by --connect and goes on using the fleet's URL, keys and pools.
"""

import base64
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import xml.etree.ElementTree

import harness
from harness import check, eventually, free_port, test

harness.parts.run_under("client")

STATE = {}
# An edge that promises more: client certificates, a denied tool, a rate, a list of clients.
GUARDED = harness.DOCUMENTDB.replace("VERSION", "0.1.54").replace("replicas: 3", "replicas: 1").replace(
    "  url: http:", "  tls: {{certificate: edge.pem, key: edge.key, clientCertificates: ca.pem}}\n  url: https:").replace(
    "edge:", """  limited:
    replicas: 1
    databases: {{shop: read}}
    scope: mcp:limited
    tools: {{deny: [find]}}
    clients: [127.0.0.0/8]
    limits: {{rate: 10/s, burst: 20}}
  reading:
    replicas: 1
    databases: {{shop: read}}
    scope: mcp:reading
    tools: {{allow: [count_documents]}}
    legacyTools: limited
edge:""")
PROMISES = [word for group in ("tools", "rate", "clients", "bound") for word in ("--only", group)]
# Its server keeps sessions, and answers both eras.
PORTS = "ports: {{first: 23200, last: 23231}}"
VALIDATE = harness.OPS / "schemas/validate.py"


def fleet(world):
    if "fleet" not in STATE:
        STATE["fleet"] = world.documentdb(extra=PORTS)
        STATE["fleet"].up()
        STATE["conf"] = rendered(world)
    return STATE["fleet"]


def guarded(world):
    """A fleet behind TLS, with every rule that a pool can have; the first one ends for it."""
    if "guarded" not in STATE:
        fleet(world).end()
        certificates(world.work)
        ours = world.fleet("guarded", GUARDED.replace("EXTRA", PORTS))
        ours.url = ours.url.replace("http:", "https:")
        ours.endpoint = f"{ours.url}/limited/mcp"
        ours.up()
        STATE.update(guarded=ours, fleet=ours, conf=rendered(world))
    return STATE["guarded"]


def certificates(folder):
    """A CA, the edge's certificate and a client's."""
    def made(name, subject, *words):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "30", "-subj", subject, "-keyout", folder / f"{name}.key", "-out",
                        folder / f"{name}.pem", *words], check=True, capture_output=True)
        (folder / f"{name}.key").chmod(0o600)
    issued = ("-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-addext", "basicConstraints=CA:FALSE")
    made("ca", "/CN=Test CA")
    made("edge", "/CN=127.0.0.1", *issued, "-addext", "subjectAltName=IP:127.0.0.1")
    made("client", "/CN=client", *issued)


def shown(world):
    """The words that trust the edge and show the client's certificate."""
    return ("--insecure-ca", world.work / "ca.pem", "--client-certificate", world.work / "client.pem",
            "--client-key", world.work / "client.key")


def rendered(world):
    """The directory of the configuration that the fleet's nginx runs with."""
    pid = harness.one_process(world.root, lambda line: "nginx: master" in line or ("nginx" in line and "-c" in line.split()))
    words = (pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " ")).split()
    path = pathlib.Path(words[words.index("-c") + 1])
    return (path if path.is_absolute() else pathlib.Path(os.readlink(f"/proc/{pid}/cwd")) / path).resolve()


def verify(ours, *words, code=0):
    done = ours.convoy("verify", *map(str, words), fails=True)
    check(done.returncode == code, f"exit {done.returncode}, not {code}: {(done.stdout + done.stderr)[-1500:]}")
    return done


def outcomes(report):
    return {row["id"]: row for endpoint in report["endpoints"] for row in endpoint["checks"]}


class Relay:
    """Between nginx and an instance: every byte passes, and what was sent to the instance is kept."""

    def __init__(self, port, record):
        self.port, self.record, self.lock = port, record, threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.own = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.port))
                threading.Thread(target=self.pump, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self.pump, args=(server, client, False), daemon=True).start()

    def pump(self, source, sink, keep):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if keep:
                    with self.lock, open(self.record, "ab") as file:
                        file.write(data)
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def edge(world, edit=lambda text: text, relays=()):
    """A second nginx with the fleet's configuration, edited. Gives ADDRESS:PORT."""
    ours = fleet(world)
    folder = world.work / "broken-edge"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(STATE["conf"].parent, folder)
    port = free_port()
    text = (folder / "nginx.conf").read_text()
    own = ours.url.rsplit(":", 1)[1]
    text = re.sub(rf"listen 127\.0\.0\.1:{own}\b", f"listen 127.0.0.1:{port}", text)
    for name in ("pid", "access_log", "error_log"):
        text = re.sub(rf'^(\s*{name} )"[^"]*"', rf'\1"{folder}/{name}"', text, flags=re.M)
    for relay in relays:
        text = re.sub(rf"\b{relay.port}\b", str(relay.own), text)
    edited = edit(text)
    (folder / "nginx.conf").write_text(edited)
    nginx = subprocess.Popen(["/usr/sbin/nginx", "-c", folder / "nginx.conf", "-p", f"{folder}/", "-e", folder / "start.log"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        def listens():
            if nginx.poll() is not None:
                raise AssertionError(f"nginx did not start: {(folder / 'start.log').read_text()[-500:]}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return True
        eventually(10, "the edited nginx listens", listens)
        yield f"127.0.0.1:{port}"
    finally:
        nginx.send_signal(signal.SIGTERM)
        nginx.wait(20)


def replaced(pattern, text, by):
    """An edit that must hit: a template that changed would else leave the edge unbroken."""
    changed, hits = re.subn(pattern, lambda match: match.expand(by), text, flags=re.M)
    check(hits > 0, f"nothing in the configuration matches {pattern}")
    return changed


def finds(world, edit, *expected, relays=(), words=()):
    with edge(world, edit, relays) as address:
        only = [word for name in expected for word in ("--only", name)]
        done = verify(STATE["fleet"], "--json", "--connect", address, "--only", "baseline", *only, *words, code=2)
    rows = outcomes(json.loads(done.stdout))
    for name in expected:
        check(rows[name]["outcome"] == "failed", f"{name} is {rows[name]['outcome']}: {rows[name]['why']}")
        check(rows[name]["seen"] and rows[name]["next"], f"{name} tells neither what was seen nor what next")


@test("verify is all green on a real fleet: at least 60 checks pass and none fails")
def green(world):
    done = fleet(world).convoy("verify", "--json", fails=True)
    report = json.loads(done.stdout)
    bad = [f"{row['id']}: {row['why']}" for row in outcomes(report).values() if row["outcome"] == "failed"]
    check(not bad and report["passed"] >= 60, f"{report['passed']} passed; failed: {bad}")
    check(done.returncode == 0, f"exit {done.returncode}")


@test("its JSON fits its schema, its JUnit is XML, its table fits 80 columns, and none has a token")
def outputs(world):
    ours = fleet(world)
    junit = world.work / "verify.xml"
    words = ("--only", "baseline", "--only", "token", "--only", "upstream")
    shown = verify(ours, "--json", "--junit", junit, *words).stdout
    table = verify(ours, *words).stdout
    listed = verify(ours, "--list", "--json").stdout
    for text in (shown, listed):
        done = subprocess.run([harness.parts.python("lint"), VALIDATE, "verify"], input=text, text=True, capture_output=True)
        check(done.returncode == 0, f"the schema refuses it: {done.stdout}{done.stderr}")
    check(len(json.loads(listed)) >= 75, "there are fewer than 75 checks")
    check(len(xml.etree.ElementTree.parse(junit).findall(".//testcase")) > 30, "the JUnit file has hardly a test")
    check(max(map(len, table.splitlines())) <= 80, "a line is longer than 80 columns")
    check(not re.search(r"eyJ[\w-]{16}", shown + table + junit.read_text()), "a token is in the output")


@test("any gateway can be verified by its URL and its issuer's key, and without a key what needs none")
def foreign(world):
    ours = fleet(world)
    key = next(world.root.rglob("issuer/key.pem"))
    head = ours.token_file().read_text().split(".")[0]
    kid = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"]
    words = ("--json", "--url", ours.endpoint, "--only", "baseline", "--only", "token", "--only", "challenge")
    mine = ("--issuer-key", key, "--issuer", "urn:convoy:development:system", f"--kid={kid}", "--scope", "mcp:analytics")
    check(json.loads(verify(ours, *words, *mine).stdout)["passed"] > 60, "hardly a check passed with the key")
    rows = outcomes(json.loads(verify(ours, *words).stdout))
    check(rows["token.alg-none"]["outcome"] == "skipped", "a check that needs the key was not skipped")
    check(rows["challenge.401-without-token"]["outcome"] == "passed", "a check that needs no key did not pass")
    # Another issuer's name: nothing may look green because everything is refused.
    done = verify(ours, *words, *mine[:2], "--issuer", "https://other.example", f"--kid={kid}", code=2)
    rows = outcomes(json.loads(done.stdout))
    check(rows["baseline.good-token"]["outcome"] == "failed", "the baseline did not fail")
    check(rows["token.alg-none"]["outcome"] == "skipped", "a refusal counted though nothing is admitted")


@test("usage errors are 64 and an edge that is not there is 69")
def codes(world):
    ours = fleet(world)
    verify(ours, "--only", "nothing-like-it", code=64)
    verify(ours, "--url", "ftp://x", code=64)
    verify(ours, "--connect", f"127.0.0.1:{free_port()}", code=69)


@test("a copy of the edge is as green as the edge, also with sight of what reaches the instances")
def copy(world):
    ours = fleet(world)
    record = world.work / "record"
    record.unlink(missing_ok=True)
    relays = [Relay(row["port"], record) for row in ours.instances().values()]
    with edge(world, relays=relays) as address:
        words = ("--json", "--connect", address, "--instance-log", record)
        own = json.loads(ours.convoy("verify", "--json", fails=True).stdout)
        report = json.loads(ours.convoy("verify", *map(str, words), fails=True).stdout)
    rows = outcomes(report)
    for name, row in outcomes(own).items():
        check(row["outcome"] in ("skipped", rows[name]["outcome"]), f"{name}: {row['outcome']}, copy: {rows[name]}")
    for name in ("token", "cookie", "trusted-headers", "forwarded", "smuggled"):
        row = rows[f"upstream.{name}"]
        check(row["outcome"] == "passed", f"{row['id']}: {row['why']}")


def with_maps(maps, text):
    """With maps of our own before those that are there."""
    return replaced(r"^(\s*)map \$http_mcp_protocol_version", text, rf"\1{maps}\n\1map $http_mcp_protocol_version")


@test("planted: auth_request removed")
def no_auth(world):
    def edit(text):
        text = replaced(r"^\s*auth_request /_gate;", text, "")
        # Else nobody would be asked to serve: the first generation's colour is a.
        text = replaced(r"auth_request_set \$convoy_session_group [^;]*;", text, 'set $convoy_session_group "";')
        return replaced(r"auth_request_set \$convoy_group [^;]*;", text, "set $convoy_group analytics_a;")
    finds(world, edit, "challenge.401-without-token", "token.alg-none", "token.wrong-audience")


@test("planted: 403 without its challenge")
def no_challenge(world):
    finds(world, lambda text: replaced(r"^\s*add_header WWW-Authenticate .*;", text, ""),
          "challenge.403-is-insufficient-scope", "challenge.403-has-resource-metadata")


@test("planted: the path-inserted metadata document is missing")
def no_metadata(world):
    finds(world, lambda text: replaced(r"location = /\.well-known/oauth-protected-resource/", text,
                                       "location = /gone/oauth-protected-resource/"),
          "metadata.path-inserted", "challenge.401-metadata-url-answers")


@test("planted: the token is passed to the instance")
def passed_on(world):
    record = world.work / "record"
    record.unlink(missing_ok=True)
    relays = [Relay(row["port"], record) for row in fleet(world).instances().values()]
    finds(world, lambda text: replaced(r'^\s*proxy_set_header Authorization "";', text, ""), "upstream.token",
          relays=relays, words=("--instance-log", record))


@test("planted: X-Convoy-Group is taken from the client")
def group(world):
    finds(world, lambda text: replaced(
        r'map "\$convoy_number/\$convoy_group" \$convoy_active', text,
        'map $http_x_convoy_group $convoy_trusted { default $http_x_convoy_group; "" $convoy_group; }\n'
        r'    map "$convoy_number/$convoy_trusted" $convoy_active'), "trust.group-no-effect")


@test("planted: every method is let through")
def methods(world):
    finds(world, lambda text: with_maps('map "" $convoy_never { default ""; }',
                                        replaced(r"if \(\$convoy_wrong_method\)", text, "if ($convoy_never)")),
          "methods.put")


@test("planted: a dead session is answered 400")
def dead_session(world):
    def edit(text):
        # The server's own 404 and the edge's.
        text = replaced(r"^(\s*)proxy_pass http://\$convoy_(target|active)\$convoy_path;", text,
                        r"\1proxy_intercept_errors on;\n\1error_page 404 =400 @convoy_bad_request;\n\g<0>")
        return text.replace("return 404 '", "return 400 '")
    finds(world, edit, "sessions.unknown")


@test("planted: the metadata's URL follows the client's Host")
def metadata_host(world):
    def edit(text):
        # Whoever believes the name has to let it in first.
        text = replaced(r"if \(\$convoy_misdirected\)", with_maps('map "" $convoy_never { default ""; }', text),
                        "if ($convoy_never)")
        return replaced(r'"resource":"https?://[^/"]+/', text, r'"resource":"http://$http_host/')
    finds(world, edit, "metadata.host-not-believed")


@test("planted: a token in the query is taken")
def query(world):
    def edit(text):
        text = replaced(r"if \(\$convoy_token_in_query\)", text, "if ($convoy_never)")
        text = with_maps('map "" $convoy_never { default ""; }\n    map $convoy_query $convoy_credentials {\n'
                         '        "~access_token=(?<convoy_t>[^&]+)" "Bearer $convoy_t";\n'
                         '        default $http_authorization;\n    }', text)
        text = replaced(r"proxy_set_header Authorization \$http_authorization;", text,
                        "proxy_set_header Authorization $convoy_credentials;")
        return replaced(r"proxy_set_header X-Convoy-Query \$convoy_query;", text, 'proxy_set_header X-Convoy-Query "";')
    finds(world, edit, "credentials.query")


@test("planted: a gate that fails lets everybody in")
def fail_open(world):
    def edit(text):
        text = replaced(r"error_page 502 = /_gate_again;", text, "")
        text = replaced(r"proxy_pass http://convoy_gate/authorize;", text,
                        "proxy_pass http://127.0.0.1:1/;\n            error_page 500 502 503 504 =204 /_open;")
        return replaced(r"location = /_gate \{", text, "location = /_open {\n            internal;\n            return 204;\n        }\n\n        location = /_gate {")
    with edge(world, edit) as address:
        done = verify(fleet(world), "--json", "--connect", address, "--only", "challenge", code=2)
    rows = outcomes(json.loads(done.stdout))
    check(rows["challenge.401-without-token"]["outcome"] == "failed", "nobody noticed that all are let in")


@test("planted: TLS 1.0 spoken, no HSTS, a certificate for another name")
def tls(world):
    certificate, key = world.work / "tls.pem", world.work / "tls.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-out", certificate, "-keyout", key],
                   check=True, capture_output=True)
    def edit(text):
        return replaced(r"^(\s*listen 127\.0\.0\.1:\d+ default_server)[^;]*;", text,
                        rf'\1 ssl;\n        ssl_certificate "{certificate}";\n        ssl_certificate_key "{key}";\n'
                        r'        ssl_protocols TLSv1 TLSv1.2;\n        ssl_ciphers "ALL:@SECLEVEL=0";')
    with edge(world, edit) as address:
        def outcome(host, code):
            words = ("--json", "--only", "tls", "--connect", address, "--insecure-ca", certificate,
                     "--url", f"https://{host}:{address.rsplit(':')[-1]}/analytics/mcp")
            rows = outcomes(json.loads(verify(fleet(world), *words, code=code).stdout))
            return {name: row["outcome"] for name, row in rows.items()}
        right = outcome("localhost", 2)
        wrong = outcome("mcp.example.com", 2)
    expected = {"tls.no-1.0": "failed", "tls.no-1.1": "passed", "tls.modern-versions": "passed",
                "tls.certificate": "passed", "tls.hsts": "failed"}
    check(right == expected, f"{right}")
    check(wrong["tls.certificate"] == "failed", f"{wrong}")


@test("verify leaves no session behind and the fleet as it was")
def traces(world):
    ours = fleet(world)
    before = ours.instances()
    verify(ours, "--only", "baseline", "--only", "sessions.owner", "--only", "sessions.unknown")
    after = ours.instances()
    check({name: row["pid"] for name, row in before.items()} == {name: row["pid"] for name, row in after.items()},
          "an instance was restarted")


@test("with rules about tools, rate, clients and certificates it is all green, too, and skips none of these")
def promises(world):
    ours = guarded(world)
    report = json.loads(ours.convoy("verify", "--json", *map(str, shown(world)), fails=True, seconds=600).stdout)
    for endpoint in report["endpoints"]:
        bad = [f"{row['id']}: {row['why']}: {row['seen']}" for row in endpoint["checks"] if row["outcome"] == "failed"]
        check(not bad, f"{endpoint['url']}: {bad}")
    rows = outcomes({"endpoints": [row for row in report["endpoints"] if "/limited/" in row["url"]]})
    for name, row in rows.items():
        if row["group"] in ("tools", "rate", "clients", "bound", "tls") and name != "clients.refused":
            check(row["outcome"] == "passed", f"{name}: {row['outcome']}: {row['why']}")
    reading = outcomes({"endpoints": [row for row in report["endpoints"] if "/reading/" in row["url"]]})
    check(reading["tools.denied"]["outcome"] == "passed", f"{reading['tools.denied']}")
    check("legacyTools" in reading["tools.legacy"]["why"], f"{reading['tools.legacy']}")
    check(reading["sessions.other-subject"]["outcome"] == "passed", "legacy clients are kept out of the limited pool")
    plain = {row["id"]: row for endpoint in report["endpoints"] if "/analytics/" in endpoint["url"] for row in endpoint["checks"]}
    for name in ("tools.denied", "rate.limited", "clients.real-ip"):
        check(plain[name]["outcome"] == "skipped" and "--" in plain[name]["why"], f"{name}: {plain[name]}")


@test("another's gateway is asked about its rules by flags")
def flags(world):
    ours = guarded(world)
    key = next(world.root.rglob("issuer/key.pem"))
    done = ours.convoy("token", "--pool", "limited", "--ttl", "1m").stdout.split(".")[0]
    kid = json.loads(base64.urlsafe_b64decode(done + "=" * (-len(done) % 4)))["kid"]
    words = ("--json", "--url", ours.endpoint, "--issuer-key", key, "--issuer", "urn:convoy:development:system", f"--kid={kid}",
             "--scope", "mcp:limited", *PROMISES, *shown(world))
    rules = ("--denied-tool", "find", "--allowed-tool", "list_databases", "--rate", "10/s", "--burst", "20",
             "--listed-client", "127.0.0.1")
    rows = outcomes(json.loads(verify(ours, *words, *rules).stdout))
    check(sum(row["outcome"] == "passed" for row in rows.values()) >= 35, f"{rows}")
    check(rows["tools.others"]["outcome"] == "passed", f"{rows['tools.others']}")
    rows = outcomes(json.loads(verify(ours, *words).stdout))
    check(rows["tools.denied"]["outcome"] == "skipped", "a rule was made up")
    # Of a claim that this issuer's tokens are not judged by, no scope counts.
    verify(ours, *words[:-len(PROMISES) - 6], "--only", "baseline", *shown(world), "--scope-claim", "roles", code=2)
    verify(ours, *words[:-len(PROMISES) - 6], "--only", "baseline", *shown(world), "--scope-claim", "scp[]")
    for bad in (("--allowed-tool", "x"), ("--burst", "1"), ("--rate", "x"), ("--listed-client", "x"), ("--from-outside",),
                ("--scope-claim", "a..b"), ("--client-certificate", key)):
        verify(ours, *words[:3], *bad, code=64)


def asked(header, by, text):
    """Another value of a header in what the gate is asked."""
    return replaced(rf"(location = /_gate\w* \{{[^}}]*proxy_set_header {header}) [^;]*;", text, rf"\1 {by};")


@test("planted: the gate is not told which tool is called")
def tool_untold(world):
    guarded(world)
    def edit(text):
        return asked("MCP-Protocol-Version", "2026-07-28", asked("Mcp-Method", "tools/list", text))
    finds(world, edit, "tools.denied", "tools.legacy", words=("--pool", "limited", *shown(world)))


@test("planted: too many requests are answered 403")
def rate_forbidden(world):
    guarded(world)
    finds(world, lambda text: replaced(r"^\s*rate @convoy_rate;", text, ""), "rate.limited",
          words=("--pool", "limited", *shown(world)))


@test("planted: 429 without Retry-After")
def no_retry_after(world):
    guarded(world)
    finds(world, lambda text: replaced(r"^\s*add_header Retry-After \$convoy_retry_after always;", text, ""),
          "rate.retry-after", words=("--pool", "limited", *shown(world)))


@test("planted: nobody counts requests")
def uncounted(world):
    guarded(world)
    def edit(text):
        # As if the gate had never counted.
        text = replaced(r"auth_request_set \$convoy_group [^;]*;", text, "set $convoy_group limited_a;")
        text = replaced(r"^(\s*)auth_request /_gate;", text, r"\1auth_request /_gate;\n\1error_page 403 = $convoy_more;")
        text = text.replace("error_page 403 = $convoy_refusal;", "")
        return with_maps("map $convoy_reason $convoy_more { default @convoy_forbidden; rate @convoy_active; }", text)
    finds(world, edit, "rate.limited", "rate.no-escape", words=("--pool", "limited", *shown(world)))


@test("planted: X-Forwarded-For is believed")
def forwarded_for(world):
    guarded(world)
    finds(world, lambda text: replaced(r"^(\s*)server_tokens off;", text,
                                       r"\1set_real_ip_from 0.0.0.0/0;\n\1real_ip_header X-Forwarded-For;\n\g<0>"),
          "clients.forwarded-for", words=("--pool", "limited", *shown(world)))


@test("planted: the client certificate is taken from a header")
def certificate_header(world):
    guarded(world)
    finds(world, lambda text: asked("X-Convoy-Client-Certificate", "$http_x_convoy_client_certificate", text),
          "bound.certificate-in-header", "bound.with-certificate", words=("--pool", "analytics", *shown(world)))


@test("planted: tokens of the scheme DPoP pass as bearer tokens")
def dpop(world):
    guarded(world)
    def edit(text):
        text = with_maps('map $http_authorization $convoy_any_scheme { default $http_authorization; '
                         '"~^DPoP (?<convoy_t>.+)$" "Bearer $convoy_t"; }', text)
        return asked("Authorization", "$convoy_any_scheme", text)
    finds(world, edit, "bound.dpop-without-proof", words=("--pool", "analytics", *shown(world)))


@test("from outside of the list of clients all is refused, whatever a header says")
def outside(world):
    ours = guarded(world)
    words = ("--json", "--pool", "limited", "--from-outside", *shown(world))
    # This machine is on the list: it is admitted, and that is found.
    rows = outcomes(json.loads(verify(ours, *words, code=2).stdout))
    check(rows["clients.refused"]["outcome"] == "failed" and rows["token.alg-none"]["outcome"] == "skipped", f"{rows}")
    def elsewhere(text):
        return asked("X-Convoy-Client", "192.0.2.7", text)
    with edge(world, elsewhere) as address:
        rows = outcomes(json.loads(verify(ours, *words, "--connect", address).stdout))
    check(all(row["outcome"] == "passed" for row in rows.values() if row["group"] == "clients"), f"{rows}")


if __name__ == "__main__":
    harness.run(__doc__)
