"""Hosts of the lab that an operator can reach by ssh and nothing else: what the suites of bootstrap and update share.

    harness.parts.run_under("client")      # before this module
    world = BootstrapWorld(stack)          # for harness.run: bare hosts a and b
"""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import time

import harness
from harness import check, eventually
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

class BootstrapWorld:
    """Bare hosts, which no package of Convoy has ever touched, and an operator who can reach them by ssh."""

    def __init__(self, stack, names=("a", "b")):
        os.environ.pop("CONVOY_LAB", None)
        self.stack = stack
        self.work = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="convoy-bootstrap-test-")))
        self.lab = Lab(self.work / "lab")
        stack.callback(self.lab.hosts, "down", "--all", fails=True)
        run(HOSTS, "image", seconds=600)
        # It is installed twice and thrown away.
        os.environ.setdefault("DPKG_DEB_COMPRESSOR_LEVEL", "0")
        self.package, libraries = packed(self.work / "package")
        self.libraries = {**libraries, **self.shown()}
        self.add(*names)
        self.config = self.work / "lab/ssh/config"
        self.root = self.work / "root"
        self.write_files()
        self.one, self.both = self.spec("one", names[0]), self.spec("both", *names)

    def shown(self):
        """Folders of this machine that hosts see, and where."""
        return {}

    def add(self, *names):
        """Boots hosts, bare as they come from Debian's installer."""
        binds = [word for here, there in self.libraries.items() for word in ("--bind-ro", f"{here}:{there}")]
        self.lab.up(*names, *binds)
        for host in names:
            # The image has what the package depends on, and Debian's nginx with it.
            self.lab.inside(host, "systemctl", "disable", "--now", "nginx", "keepalived")
            if RUNTIME in self.libraries.values():
                self.lab.inside(host, "sh", "-c", f"echo {RUNTIME} > /etc/ld.so.conf.d/swift.conf; ldconfig")
            # Debian's sshd notes the first login ever.
            self.lab.net("ssh", host, "true")

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
        self.issue = lambda subject: jwt.encode(
            {"iss": ISSUER, "aud": f"https://{NAME}/analytics/mcp", "sub": subject, "scope": "mcp:analytics",
             "iat": now, "exp": now + 3600, "client_id": "test"}, key, algorithm="ES256",
            headers={"kid": "k1", "typ": "at+jwt"})
        self.token = self.issue("tester")
        self.folder = folder

    def spec(self, name, *hosts, user="root", text=SPEC):
        rows = self.lab.rows()
        lines = "".join(f"  {host}: {{address: {rows[host]['ip']}, ssh: {user}@{host}}}\n" for host in hosts)
        path = self.folder / f"{name}.yaml"
        path.write_text(text.format(hosts=lines, name=NAME, issuer=ISSUER))
        return path

    def command(self, spec, *words, package=True, config=None):
        options = ["--package", self.package] if package else []
        return ["env", "PIP_NO_INDEX=1", f"PIP_FIND_LINKS={harness.parts.PARTS / 'wheels'}", os.environ["CONVOY_BIN"],
                "bootstrap", spec, "--root", self.root, "--ssh-config", config or self.config, *options, *words]

    def bootstrap(self, spec, *words, code=0, seconds=240, **options):
        done = self.lab.net(*self.command(spec, *words, **options), fails=True, seconds=seconds)
        check(done.returncode == code, f"exit {done.returncode}, not {code}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
        return done

    def operator(self, spec, *words, **options):
        """A bootstrap that can be killed: what it says is at its standard error."""
        return self.start(*self.command(spec, *words, **options))

    def start(self, *words, **options):
        words = [str(word) for word in [HOSTS, "--lab", self.lab.folder, "net", "--", *words]]
        return subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options)

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


def until(operator, *marks):
    """True once the operator said one of them; False when it ended without."""
    return any(mark in line for line in operator.stderr for mark in marks)


def kill(operator):
    """As a loss of the operator's power does it, but for what is on its way to the hosts."""
    operator.kill()
    operator.wait()
    operator.stderr.close()
    operator.stdout.close()


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
