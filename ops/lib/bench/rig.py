"""What the suites measure: a fleet's own edge and gate, and peers, all before one fast backend."""

import base64
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
TOOLS = {"wrk": "wrk", "haproxy": "haproxy", "nginx": "nginx-light", "openssl": "openssl"}
AUDIENCE_PATH = "/analytics/mcp"
BODY = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
    "name": "find", "arguments": {"database_name": "shop", "collection_name": "customers", "filter": {"_id": 3}}}})
ANSWER = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"content": [
    {"type": "text", "text": "one customer, with a name and an address " * 4}], "isError": False}})


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def install_tools():
    missing = [package for tool, package in TOOLS.items()
               if not shutil.which(tool, path=os.environ["PATH"] + ":/usr/sbin:/sbin")]
    if missing:
        subprocess.run([REPOSITORY / "ops/parts", "--only", "bench"], check=True)


def binary():
    """The convoy that CONVOY_BIN names, else a release build."""
    if os.environ.get("CONVOY_BIN"):
        return os.environ["CONVOY_BIN"]
    say("building a release convoy")
    build = ["bash", "-ec", '. "$0" && built release', REPOSITORY / "ops/lib/common.sh"]
    return subprocess.run(build, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def connection(port):
    if not isinstance(port, str):
        return socket.create_connection(("127.0.0.1", port), 1)
    made = socket.socket(socket.AF_UNIX)
    try:
        made.connect(port.removeprefix("unix:"))
    except OSError:
        made.close()
        raise
    return made


def wait_for_port(port, process):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} ended at once")
        with contextlib.suppress(OSError), connection(port):
            return
        time.sleep(0.02)
    raise RuntimeError(f"nobody listens on {port}")


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """An RS256 issuer of our own: every contender verifies the very same tokens."""

    url = "https://issuer.bench.example"

    def __init__(self, folder):
        self.key, self.public = folder / "issuer.key", folder / "issuer.pub"
        quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["openssl", "genrsa", "-out", self.key, "2048"], **quiet)
        subprocess.run(["openssl", "rsa", "-in", self.key, "-pubout", "-out", self.public], **quiet)
        modulus = subprocess.run(["openssl", "rsa", "-in", self.key, "-noout", "-modulus"], check=True,
                                 capture_output=True, text=True).stdout.strip().split("=")[1]
        self.jwks = folder / "jwks.json"
        self.jwks.write_text(json.dumps({"keys": [{
            "kty": "RSA", "kid": "bench", "use": "sig", "alg": "RS256",
            "n": base64url(bytes.fromhex(modulus)), "e": "AQAB"}]}))

    def token(self, audience, number=1):
        now = int(time.time())
        parts = [{"alg": "RS256", "kid": "bench", "typ": "at+jwt"},
                 {"iss": self.url, "sub": f"user-{number}", "aud": audience, "scope": "mcp:analytics",
                  "iat": now, "exp": now + 7200}]
        signed = ".".join(base64url(json.dumps(part).encode()) for part in parts)
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=signed.encode(),
                                   check=True, capture_output=True).stdout
        return f"{signed}.{base64url(signature)}"


class Rig:
    """A real fleet (grafana), whose rendered edge is pointed at a backend that costs next to nothing."""

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        self.folder = pathlib.Path(self.stack.enter_context(tempfile.TemporaryDirectory(prefix="convoy-bench-")))
        try:
            self._start()
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *_):
        self.stack.close()

    def _start(self):
        self.convoy = binary()
        self.issuer = Issuer(self.folder)
        self.edge_port = free_port()
        self.url = f"http://127.0.0.1:{self.edge_port}"
        self.audience = self.url + AUDIENCE_PATH
        self.token = self.issuer.token(self.audience)
        self.backend_port = free_port()
        self.nginx("backend", self.backend_port, f"""
            location / {{ default_type application/json; return 200 '{ANSWER}'; }}""")
        self._fleet()

    def _fleet(self):
        say("bringing up a fleet")
        (self.folder / "fleet.yaml").write_text(f"""fleet: bench
server: {{profile: grafana, release: "pypi:mcp-grafana@1.6.3"}}
pools:
  analytics: {{replicas: 3, scope: "mcp:analytics"}}
edge:
  url: {self.url}
  authorization: {{issuer: "{Issuer.url}", jwks: jwks.json}}
ports: {{first: 31000, last: 31255}}
""")
        self.fleet_words = ["--root", self.folder / "root", "--file", self.folder / "fleet.yaml"]
        self.stack.callback(self.verb, "down", check=False)
        self.verb("up")

    def verb(self, name, *words, check=True):
        return subprocess.run([self.convoy, name, *self.fleet_words, *words], check=check, text=True,
                              stdout=subprocess.PIPE, stderr=None if check else subprocess.DEVNULL).stdout

    # Contenders

    def nginx(self, name, port, inside, http="", workers=1, log=False):
        """`port`: or a socket, as `unix:PATH`."""
        listen = port if isinstance(port, str) else f"127.0.0.1:{port}"
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        path = folder / "nginx.conf"
        temps = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        path.write_text(f"""daemon off; worker_processes {workers}; pid {folder}/pid; error_log {folder}/error.log;
            worker_rlimit_nofile 16384; user root;
            events {{ worker_connections 8192; }}
            http {{ {"" if log else "access_log off;"} keepalive_requests 1000000000; {temps} {http}
            server {{ listen {listen}; {inside} }} }}""")
        return self.run_nginx(path, port)

    def run_nginx(self, path, port):
        process = subprocess.Popen(["nginx", "-p", path.parent, "-c", path, "-e", path.parent / "error.log"],
                                   env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
        self.stack.callback(self.end, process)
        wait_for_port(port, process)
        return process

    @staticmethod
    def end(process):
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def our_edge(self, backend_port, keep="", asks=True, gate=None):
        """The fleet's own configuration to the letter, but one worker like everybody, and another backend.
        Without `asks` it merely proxies: the same nginx, which asks nobody. `gate`: it asks at this socket."""
        rendered = next((self.folder / "root").rglob("edge/current/nginx.conf"), None) or next(
            path for path in (self.folder / "root").rglob("nginx.conf"))
        text = rendered.read_text()
        port = free_port()
        text = re.sub(r"worker_processes \w+;", "worker_processes 1;", text)
        text = re.sub(r"listen 127\.0\.0\.1:\d+", f"listen 127.0.0.1:{port}", text)
        text = re.sub(r"server 127\.0\.0\.1:(?!1 )\d+", f"server 127.0.0.1:{backend_port}", text)
        if not asks:
            text = re.sub(r"auth_request_set \$convoy_group [^;]+;", "", text)
            text = text.replace("auth_request /_gate;", "set $convoy_group analytics_a;")
        if gate:
            text = re.sub(r'server "unix:[^"]+"', f'server "unix:{gate}"', text)
        folder = self.folder / f"edge{keep}"
        shutil.copytree(rendered.parent, folder, symlinks=False)
        runtime = re.search(r'pid "([^"]+)/nginx\.pid"', text).group(1)
        text = text.replace(f'"{runtime}/', f'"{folder}/run/')
        for kind in ("access_log", "error_log"):
            text = re.sub(rf'{kind} "[^"]+"', f'{kind} "{folder}/{kind}"', text)
        (folder / "run").mkdir()
        if "user " not in text.split("events")[0]:
            text = "user root;\n" + text
        (folder / "nginx.conf").write_text(text)
        return self.run_nginx(folder / "nginx.conf", port), port

    def yes(self, backend_port):
        """The same edge, asking what costs next to nothing and admits everybody: no gate could be faster."""
        socket = f"{self.folder}/yes.sock"
        self.nginx("yes", f"unix:{socket}", """
            location / { add_header X-Convoy-Group analytics_a; return 204; }""")
        return self.our_edge(backend_port, keep="-yes", gate=socket)[1]

    def plain(self, backend_port):
        port = free_port()
        self.nginx("plain", port, """
            location / { proxy_pass http://backend; proxy_http_version 1.1; proxy_set_header Connection "";
                         proxy_buffering off; }""",
            http=f"""upstream backend {{ server 127.0.0.1:{backend_port}; keepalive 64; }}
            access_log {self.folder}/plain.log combined buffer=64k flush=1s; client_header_buffer_size 4k;""",
            log=True)
        return port

    def haproxy(self, backend_port):
        port, folder = free_port(), self.folder / "haproxy"
        folder.mkdir()
        verify = f'{{ var(txn.bearer),jwt_verify(txn.alg,"{self.issuer.public}") 1 }}'
        (folder / "haproxy.cfg").write_text(f"""
global
    nbthread 1
    maxconn 4096
    log stdout format raw local0
defaults
    mode http
    log global
    option httplog
    timeout client 60s
    timeout server 60s
    timeout connect 2s
    http-reuse always
frontend edge
    bind 127.0.0.1:{port}
    http-request set-var(txn.bearer) http_auth_bearer
    http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
    http-request set-var(txn.iss) var(txn.bearer),jwt_payload_query('$.iss')
    http-request set-var(txn.aud) var(txn.bearer),jwt_payload_query('$.aud')
    http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
    http-request set-var(txn.now) date()
    http-request deny deny_status 401 unless {{ var(txn.alg) -m str RS256 }}
    http-request deny deny_status 401 unless {{ var(txn.iss) -m str {self.issuer.url} }}
    http-request deny deny_status 401 unless {{ var(txn.aud) -m str {self.audience} }}
    http-request deny deny_status 401 unless {verify}
    http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
    default_backend instances
backend instances
    server one 127.0.0.1:{backend_port}
""")
        log = self.stack.enter_context((folder / "access.log").open("wb"))
        process = subprocess.Popen(["haproxy", "-db", "-q", "-f", folder / "haproxy.cfg"], stdout=log,
                                   env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
        self.stack.callback(self.end, process)
        wait_for_port(port, process)
        return port

    # Processes of the fleet

    def gate_pid(self):
        mark = str(self.folder / "root")
        for folder in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError, ValueError):
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                if "gate" in words[1:3] and any(mark in word for word in words):
                    return int(folder.name)
        raise RuntimeError("the fleet's gate is not there")

    def gate_socket(self):
        return next(path for path in (self.folder / "root").rglob("*.sock") if "gate" in path.name)


def resident(pid):
    """Resident memory of a process in MB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024
