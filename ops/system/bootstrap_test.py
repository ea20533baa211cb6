#!/usr/bin/env python3
"""`convoy bootstrap` from a machine with ssh and nothing else to bare hosts of the lab, over their real sshd."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import textwrap
import time

import harness
from harness import check, eventually, test

harness.parts.run_under("client")

from hosts import HOSTS, Lab, run
from systemd_host import RUNTIME, packed, traces

NAME, ISSUER = "mcp.convoy.example", "https://login.convoy.example"
SPEC = """\
fleet: shop
server: {{profile: grafana, release: "pypi:mcp-grafana@1.6.3", resources: {{memory: 512MiB, tasks: 200, cpu: 400%}}}}
health: {{interval: 500ms}}
pools:
  analytics: {{replicas: 3, scope: "mcp:analytics"}}
hosts:
{hosts}edge:
  url: https://{name}
  tls: {{certificate: tls/edge.pem, key: tls/edge.key}}
  authorization: {{issuer: {issuer}, jwks: keys.json}}
rollout: {{bake: 1s, drain: 2s, deadline: 2m}}
"""
# A session and one call through the edge of ADDRESS, as a client elsewhere would make it.
CALL = """
    import http.client, json, socket, ssl, sys
    address, name, trust, token = sys.argv[1:5]
    context = ssl.create_default_context(cafile=trust)
    class Edge(http.client.HTTPSConnection):
        def connect(self):
            self.sock = context.wrap_socket(socket.create_connection((address, 443), 5), server_hostname=name)
    def ask(number, method, session, **parameters):
        headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json",
                   "Accept": "application/json, text/event-stream"}
        if session:
            headers |= {"Mcp-Session-Id": session, "MCP-Protocol-Version": "2025-11-25"}
        edge = Edge(name)
        edge.request("POST", "/analytics/mcp", json.dumps(
            {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}), headers)
        answer = edge.getresponse()
        return answer.status, answer.getheader("Mcp-Session-Id"), answer.read().decode()
    opened, session, said = ask(1, "initialize", None, protocolVersion="2025-11-25", capabilities={},
                                clientInfo={"name": "test", "version": "1"})
    status, _, tools = ask(2, "tools/list", session)
    print(json.dumps([opened, status, "generate_deeplink" in tools]))
    """
# An nft that also shuts ssh out while Convoy's table is there.
LOCKOUT = """\
    #!/bin/sh
    case "$*" in
        *delete*convoy*) /usr/sbin/nft.real delete table inet lockout ;;
        *.tried*)
            /usr/sbin/nft.real add table inet lockout
            /usr/sbin/nft.real 'add chain inet lockout input { type filter hook input priority 0; }'
            /usr/sbin/nft.real 'add rule inet lockout input tcp dport 22 tcp flags & (syn | ack) == syn drop' ;;
    esac
    exec /usr/sbin/nft.real "$@"
    """


class BootstrapWorld:
    """Bare hosts a and b, which no package of Convoy has ever touched, and an operator who can reach them by ssh."""

    def __init__(self, stack):
        os.environ.pop("CONVOY_LAB", None)
        self.stack = stack
        self.work = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="convoy-bootstrap-test-")))
        self.lab = Lab(self.work / "lab")
        stack.callback(self.lab.hosts, "down", "--all", fails=True)
        run(HOSTS, "image", seconds=600)
        # It is installed twice and thrown away.
        os.environ.setdefault("DPKG_DEB_COMPRESSOR_LEVEL", "0")
        self.package, libraries = packed(self.work / "package")
        binds = [word for here, there in libraries.items() for word in ("--bind-ro", f"{here}:{there}")]
        self.lab.up("a", "b", *binds)
        for host in ("a", "b"):
            # The image has what the package depends on, and Debian's nginx with it.
            self.lab.inside(host, "systemctl", "disable", "--now", "nginx", "keepalived")
            if libraries:
                self.lab.inside(host, "sh", "-c", f"echo {RUNTIME} > /etc/ld.so.conf.d/swift.conf; ldconfig")
            # Debian's sshd notes the first login ever.
            self.lab.net("ssh", host, "true")
        self.config = self.work / "lab/ssh/config"
        self.root = self.work / "root"
        self.write_files()
        self.one, self.both = self.spec("one", "a"), self.spec("both", "a", "b")

    def write_files(self):
        folder = self.work / "fleet"
        (folder / "tls").mkdir(parents=True)
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
            f"/CN={NAME}", "-days", "2", "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", folder / "tls/edge.key",
            "-out", folder / "tls/edge.pem")
        (folder / "tls/edge.key").chmod(0o600)
        import jwt
        from cryptography.hazmat.primitives.asymmetric import ec
        key = ec.generate_private_key(ec.SECP256R1())
        row = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())) | {"kid": "k1", "alg": "ES256", "use": "sig"}
        (folder / "keys.json").write_text(json.dumps({"keys": [row]}))
        now = int(time.time())
        self.token = jwt.encode(
            {"iss": ISSUER, "aud": f"https://{NAME}/analytics/mcp", "sub": "tester", "scope": "mcp:analytics",
             "iat": now, "exp": now + 3600, "client_id": "test"}, key, algorithm="ES256",
            headers={"kid": "k1", "typ": "at+jwt"})
        self.folder = folder

    def spec(self, name, *hosts, user="root"):
        rows = self.lab.rows()
        lines = "".join(f"  {host}: {{address: {rows[host]['ip']}, ssh: {user}@{host}}}\n" for host in hosts)
        path = self.folder / f"{name}.yaml"
        path.write_text(SPEC.format(hosts=lines, name=NAME, issuer=ISSUER))
        return path

    def command(self, spec, *words, package=True, config=None):
        options = ["--package", self.package] if package else []
        return ["env", "PIP_NO_INDEX=1", f"PIP_FIND_LINKS={harness.parts.PARTS / 'wheels'}", os.environ["CONVOY_BIN"],
                "bootstrap", spec, "--root", self.root, "--ssh-config", config or self.config, *options, *words]

    def bootstrap(self, spec, *words, code=0, seconds=240, **options):
        done = self.lab.net(*self.command(spec, *words, **options), fails=True, seconds=seconds)
        check(done.returncode == code, f"exit {done.returncode}, not {code}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
        return done

    def report(self, spec, *words, code=0, **options):
        text = self.bootstrap(spec, "--json", *words, code=code, **options).stdout
        done = run(harness.parts.python("lint"), harness.OPS / "schemas/validate.py", "bootstrap", input=text, fails=True)
        check(done.returncode == 0, f"the report does not fit its schema: {done.both}")
        return json.loads(text)["hosts"]

    def call(self, host):
        return json.loads(self.lab.net(
            sys.executable, "-c", textwrap.dedent(CALL), self.lab.rows()[host]["ip"], NAME, self.folder / "tls/edge.pem",
            self.token).stdout)

    def must_serve(self, host):
        saw = self.call(host)
        check(saw == [200, 200, True], f"{host} does not serve: {saw}")

    def ssh_config(self, name, *lines):
        path = self.work / f"ssh-{name}"
        path.write_text("".join(f"{line}\n" for line in lines) + f"Include {self.config}\n")
        return path


def changed(row):
    return [change["kind"] for change in row["changes"]]


def what_changed(before, after):
    return {key: sorted(before[key] ^ after[key])[:5] for key in before if before[key] != after[key]}


@contextlib.contextmanager
def untouched(world, host):
    """Neither a file nor a user, unit, rule or process of the host is another one afterwards."""
    before = traces(world.lab, host)
    yield
    # Processes of a login end a moment after it.
    with contextlib.suppress(AssertionError):
        eventually(5, "as before", lambda: not what_changed(before, traces(world.lab, host)), every=0.5)
    differences = what_changed(before, traces(world.lab, host))
    check(not differences, f"{host} was changed: {differences}")


@test("a dry run names every change of every host, and makes none")
def dry(world):
    with untouched(world, "a"), untouched(world, "b"):
        done = world.bootstrap(world.both, "--dry-run", code=2)
    check(all(len(line) <= 80 for line in done.stdout.splitlines()), f"wider than 80: {done.stdout}")
    for words in ("install convoy", "credential key", "ship pypi:mcp-grafana@1.6.3", "bring the fleet up", "firewall"):
        check(done.stdout.count(words) == 2, f"{words} is not told for both: {done.stdout}")


@test("what stands in the way is told for each host before anything is changed on any")
def refused(world):
    lab = world.lab
    obstacles = {
        "taken by python3": ("systemd-run --quiet --unit=squatter python3 -m http.server 443", "systemctl stop squatter"),
        "another nginx runs": ("systemctl start nginx", "systemctl stop nginx"),
        "systemd-creds": ("mv /usr/bin/systemd-creds /usr/bin/creds.away", "mv /usr/bin/creds.away /usr/bin/systemd-creds"),
        "its clock is": (r"printf '#!/bin/sh\necho $(($(/bin/date +%%s) - 1200)).0\n' >/usr/local/bin/date; "
                         "chmod 755 /usr/local/bin/date", "rm /usr/local/bin/date"),
        "/var/lib has": ("mount -t tmpfs -o size=1m none /var/lib", "umount /var/lib"),
        "ubuntu 42": ("printf 'ID=ubuntu\\nVERSION_ID=42\\n' >/run/os-release; mount --bind /run/os-release /etc/os-release",
                       "umount /etc/os-release; rm /run/os-release"),
    }
    with untouched(world, "a"), untouched(world, "b"):
        for words, (make, unmake) in obstacles.items():
            lab.inside("b", "sh", "-c", make)
            try:
                eventually(10, words, lambda: "python3" not in words or "443" in lab.inside("b", "ss", "-Hltn").stdout)
                rows = world.report(world.both, code=1)
            finally:
                lab.inside("b", "sh", "-c", unmake, fails=True)
            check([row["state"] for row in rows] == ["ready", "refused"], f"{words}: {rows}")
            whys = [fault["why"] for fault in rows[1]["faults"]]
            check(any(words in why for why in whys) and rows[1]["faults"][0]["next"], f"no word of {words}: {whys}")


@test("a key that is unknown or another one, a user who may not come in, and a sudo that asks: refused, and said so")
def unwelcome(world):
    lab = world.lab
    empty, other = world.work / "known-empty", world.work / "known-other"
    empty.touch()
    keys = dict(line.split(" ", 1) for line in (world.work / "lab/ssh/known_hosts").read_text().splitlines())
    names = {name.split(",")[1]: name for name in keys}
    other.write_text(f"{names['a']} {keys[names['b']]}\n{names['b']} {keys[names['a']]}\n")
    lab.inside("a", "sh", "-c", "useradd -m -s /bin/sh ops; mkdir -p ~ops/.ssh; cp ~/.ssh/authorized_keys ~ops/.ssh/; "
               "chown -R ops ~ops/.ssh")
    cases = [
        ("no known_hosts file", "root", world.ssh_config("empty", f"UserKnownHostsFile {empty}")),
        ("another host key", "root", world.ssh_config("other", f"UserKnownHostsFile {other}")),
        ("does not let this user in", "nobody", world.config),
        ("sudo: a password is required", "ops", world.config),
        ("No route to host", "root", world.ssh_config("away", "Host a", "HostName 10.77.0.99", "HostKeyAlias a", "Host *")),
    ]
    for words, user, config in cases:
        spec = world.spec("unwelcome", "a", user=user)
        rows = world.report(spec, code=69, config=config)
        check(rows[0]["state"] == "failed" and words in rows[0]["faults"][0]["why"], f"no word of {words}: {rows}")
        check(rows[0]["faults"][0]["next"], f"{words}: nothing to do next")
    check(not empty.read_text(), "an unknown key was accepted")
    found = lab.inside("a", "ls", "-d", "/etc/convoy", "/var/cache/convoy", "/usr/bin/convoy", fails=True).stdout
    check(not found, f"something was changed: {found}")


@test("a bare host is brought to serving, and once more nothing is changed")
def bare(world):
    began = time.monotonic()
    rows = world.report(world.one)
    took = time.monotonic() - began
    check(rows[0]["state"] == "changed", f"{rows}")
    check(changed(rows[0]) == ["package", "credentialKey", "release", "files", "fleet", "firewall"], f"{rows}")
    world.must_serve("a")
    listening = {line.split()[3].rsplit(":", 1)[1] for line in world.lab.inside("a", "ss", "-Hltn").stdout.splitlines()
                 if not line.split()[3].startswith(("127.", "[::1]"))}
    check(listening == {"22", "443"}, f"it listens on {listening}")
    done = world.lab.inside("a", "sh", "-c", "ls -A /var/cache/convoy; find /etc/convoy -name '*.tried'; "
                            "systemctl is-active convoy-firewall-undo.timer", fails=True)
    check(done.stdout.split() == ["inactive"], f"left behind: {done.stdout}")
    check("instance_ports" in world.lab.inside("a", "nft", "list", "table", "inet", "convoy").stdout, "no firewall")
    check(world.lab.inside("a", "stat", "-c", "%a %U", "/etc/convoy/fleet/tls/edge.key").stdout == "600 root\n", "the key")
    began = time.monotonic()
    again = world.report(world.one)
    check(again[0]["state"] == "unchanged" and not again[0]["changes"], f"{again}")
    world.report(world.one, "--dry-run")
    # The host has this very convoy: nothing is to be brought.
    check(world.report(world.one, package=False)[0]["state"] == "unchanged", "it wants a package")
    print(f"      {took:.1f} s to serving; {(time.monotonic() - began) / 3:.1f} s to see that all is done")


@test("the host's end answers its own version only, and rubbish with a reason")
def talk(world):
    def said(*lines):
        text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
        done = world.lab.net("ssh", "a", "convoy", "host", input=text, fails=True)
        return [json.loads(line) for line in done.stdout.splitlines()]
    version = run(os.environ["CONVOY_BIN"], "--version").stdout.strip()
    hello = {"protocol": 1, "convoy": version}
    for other in ({"protocol": 1, "convoy": "0.0.9"}, {"protocol": 2, "convoy": version}):
        rows = said(other, {"ask": "up", "with": {}})
        check([row["kind"] for row in rows] == ["skewed"] and rows[0]["convoy"] == version, f"{rows}")
    rows = said("GET / HTTP/1.1")
    check([row["kind"] for row in rows] == ["failed"] and rows[0]["failure"]["next"], f"{rows}")
    rows = said(hello, {"ask": "facts", "with": {}}, {"ask": "status", "with": {}}, {"ask": "burn", "with": {}})
    check([row["kind"] for row in rows] == ["welcome", "done", "done", "failed"], f"{rows}")
    facts, status = rows[1]["answer"], rows[2]["answer"]
    check(facts["system"] == "debian" and facts["package"] == version and facts["edgePids"], f"{facts}")
    check(len(status["instances"]) == 3, f"{status}")


@test("a change of fleet.yaml reaches the host, and nothing else is done again")
def change(world):
    text = world.one.read_text()
    world.one.write_text(text.replace("replicas: 3", "replicas: 2"))
    check(changed(world.report(world.one)[0]) == ["files", "fleet", "firewall"], "more, or less, was done")
    world.must_serve("a")
    status = json.loads(world.lab.inside("a", "convoy", "status", "--json").stdout)
    check(len(status["instances"]) == 2, f"{len(status['instances'])} instances")
    # Somebody's hand there is seen, and mended.
    world.lab.inside("a", "sh", "-c", "echo '# mine' >> /etc/convoy/fleet/fleet.yaml")
    check(changed(world.report(world.one)[0])[:1] == ["files"], "a changed file was not seen")


@test("killed at any moment, by a sudoer and run again, it converges")
def killed(world):
    lab = world.lab
    lab.inside("b", "sh", "-c", "useradd -m -s /bin/bash ops; mkdir -p ~ops/.ssh; cp ~/.ssh/authorized_keys ~ops/.ssh/; "
               "chown -R ops ~ops/.ssh; echo 'ops ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/ops")
    spec = world.spec("killed", "b", user="ops")
    marks = ["install convoy", "installing", "credential key", "ship pypi", "verifying", "write ", "bring the fleet",
             "firewall rules", "looking at"]
    cuts = []
    for mark in marks:
        # In a group of its own: a power cut of the operator takes its ssh along.
        words = [str(word) for word in [HOSTS, "--lab", lab.folder, "net", "--", *world.command(spec)]]
        operator = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        try:
            for line in operator.stderr:
                if mark in line:
                    operator.send_signal(signal.SIGKILL)
                    cuts.append(mark)
                    break
        finally:
            operator.kill()
            operator.wait()
            operator.stderr.close()
    check(len(cuts) >= 6, f"cut at {cuts} only")
    world.bootstrap(spec)
    world.must_serve("b")
    check(world.report(spec)[0]["state"] == "unchanged", "not converged")
    print(f"      killed at: {', '.join(cuts)}")


def bundle(world):
    """A directory with one package that stands for those that Convoy's depends on."""
    tree, folder = world.work / "extra/DEBIAN", world.work / "bundle"
    tree.mkdir(parents=True)
    folder.mkdir()
    (tree / "control").write_text("Package: convoy-test-extra\nVersion: 1.0\nArchitecture: all\n"
                                  "Maintainer: nobody <nobody@localhost>\nDescription: none\n")
    run("dpkg-deb", "--root-owner-group", "--build", tree.parent, folder / "convoy-test-extra_1.0_all.deb")
    return folder


@test("a wire that is cut while it works is waited for, and the work goes on; with no mirror but a bundle")
def wire(world):
    lab = world.lab
    lab.inside("b", "sh", "-c", "convoy down --purge --file /etc/convoy/fleet/fleet.yaml; apt-get purge -y -q convoy; "
               "rm -rf /etc/convoy /var/lib/convoy", seconds=120)
    spec = world.spec("wire", "b", user="ops")
    words = [str(word) for word in [HOSTS, "--lab", lab.folder, "net", "--",
                                    *world.command(spec, "--offline", bundle(world))]]
    operator = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for line in operator.stderr:
        if "bring the fleet" in line:
            lab.hosts("ctl", "b", "cut")
            break
    time.sleep(1)
    for line in operator.stderr:
        if "lost the connection" in line:
            break
    lab.hosts("ctl", "b", "heal")
    told, said = operator.communicate(timeout=240)
    check(operator.returncode == 0, f"exit {operator.returncode}: {told[-800:]}{said[-800:]}")
    world.must_serve("b")
    check("1.0" in lab.inside("b", "dpkg-query", "-W", "convoy-test-extra").stdout, "the bundle was not installed")
    number = json.loads(lab.inside("b", "convoy", "status", "--json").stdout)["generation"]
    check(number == 1, f"the fleet was brought up more than once: generation {number}")


@test("firewall rules that shut ssh out go by themselves, and are made good by another run")
def lockout(world):
    lab = world.lab
    lab.inside("b", "sh", "-c", "mv /usr/sbin/nft /usr/sbin/nft.real; rm /etc/convoy/firewall.nft; "
               "/usr/sbin/nft.real delete table inet convoy")
    lab.write("b", "/usr/sbin/nft", LOCKOUT)
    lab.inside("b", "chmod", "755", "/usr/sbin/nft")
    spec = world.spec("lockout", "b", user="ops")
    began = time.monotonic()
    rows = world.report(spec, code=1)
    check("keep ssh out" in rows[0]["faults"][0]["what"], f"{rows}")
    login = [lab.folder / "bin/ssh", "-o", "ControlPath=none", "-o", "ConnectTimeout=2", "ops@b", "true"]
    check(lab.net(*login, fails=True).returncode != 0, "ssh was not shut out at all")
    eventually(75, "ssh is let in again", lambda: lab.net(*login, fails=True).returncode == 0, every=1)
    took = time.monotonic() - began
    check(not lab.inside("b", "ls", "/etc/convoy/firewall.nft", fails=True).stdout, "the rules were kept")
    lab.inside("b", "mv", "/usr/sbin/nft.real", "/usr/sbin/nft")
    check(changed(world.report(spec)[0]) == ["firewall"], "the firewall alone was to be done")
    check("instance_ports" in lab.inside("b", "nft", "list", "table", "inet", "convoy").stdout, "no firewall")
    world.must_serve("b")
    print(f"      ssh was let in again after {took:.0f} s")


@test("two hosts at a time: what differs is done on each")
def both(world):
    rows = world.report(world.both)
    check({row["state"] for row in rows} <= {"changed", "unchanged"}, f"{rows}")
    for host in ("a", "b"):
        world.must_serve(host)
    check([row["state"] for row in world.report(world.both)] == ["unchanged"] * 2, "not converged")


if __name__ == "__main__":
    harness.run(__doc__, BootstrapWorld)
