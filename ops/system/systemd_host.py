"""A real systemd host with Convoy's package in it, and the fleet upon it: what the systemd suites share."""

import json
import os
import pathlib
import re
import subprocess
import tempfile
import textwrap

import harness
from harness import OPS, check, eventually
from hosts import HOSTS, Lab, run

FOLDER = "/root/fleet"
GRAFANA = """\
fleet: shop
server: {profile: grafana, release: "pypi:mcp-grafana@1.6.3", resources: {memory: 512MiB, tasks: 200, cpu: 400%}}
health: {interval: 500ms}
pools:
  analytics: {replicas: 3, scope: "mcp:analytics"}
edge: {url: "http://127.0.0.1:8080", authorization: development}
rollout: {bake: 1s, drain: 2s, deadline: 2m}
"""
DOCUMENTDB = """\
fleet: shop
server: {profile: documentdb, release: "pypi:documentdb-mcp@0.1.54"}
database: {uri: "mongodb://DATABASE/?directConnection=true", admin: {file: secrets/admin-uri}}
health:
  interval: 1s
  proofInterval: 2s
  canary:
    tool: find
    arguments: {database_name: shop, collection_name: customers, filter: {_id: 3}}
    contains: [Customer 3]
pools:
  analytics: {replicas: 3, databases: {shop: read}, scope: "mcp:analytics"}
edge: {url: "http://127.0.0.1:8080", authorization: development}
rollout: {bake: 1s, drain: 2s, deadline: 2m}
"""
# Below /usr: Convoy's units execute nothing elsewhere.
RUNTIME = "/usr/lib/swift/linux"
# Releases come from here; hosts of the lab have no way to a registry.
OFFLINE = ["env", "PIP_NO_INDEX=1", "PIP_FIND_LINKS=/opt/wheels"]


class World:
    """Host a with the package and a fleet.yaml, and its neighbour b; they end with this process."""

    def __init__(self, stack):
        os.environ.pop("CONVOY_LAB", None)
        self.work = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="convoy-systemd-test-")))
        self.lab = Lab(self.work / "lab")
        stack.callback(self.lab.hosts, "down", "--all", fails=True)
        run(HOSTS, "image", seconds=600)
        self.package, libraries = packed(self.work / "package")
        binds = {self.package.parent: "/opt/package", harness.parts.PARTS / "wheels": "/opt/wheels", **libraries}
        self.lab.up("a", "b", *[word for here, there in binds.items() for word in ("--bind-ro", f"{here}:{there}")])
        install(self, libraries)
        self.bare = traces(self.lab)
        self.fleet = HostFleet(self)


def packed(folder):
    """The package of CONVOY_BIN, and where its shared Swift libraries have to be shown, if it needs any."""
    binary = os.environ["CONVOY_BIN"]
    found = re.search(r"=> (/\S+)/libswiftCore\.so", run("ldd", binary).stdout)
    words = ["--allow-dynamic"] if found else []
    package = run(OPS / "package", "--binary", binary, "--out", folder, *words, seconds=300).stdout.strip()
    return pathlib.Path(package), {found[1]: RUNTIME} if found else {}


def install(world, libraries):
    if libraries:
        world.lab.inside("a", "sh", "-c", f"echo {RUNTIME} > /etc/ld.so.conf.d/swift.conf; ldconfig")
    world.lab.inside("a", "dpkg", "--install", f"/opt/package/{world.package.name}")


class HostFleet(harness.Fleet):
    def __init__(self, world, spec=GRAFANA):
        super().__init__(world, f"{FOLDER}/fleet.yaml", "http://127.0.0.1:8080")
        self.lab = world.lab
        self.lab.inside("a", "mkdir", "-p", FOLDER)
        self.lab.write("a", self.spec, spec)

    def convoy(self, *words, fails=False, seconds=120):
        return self.lab.inside("a", *OFFLINE, "convoy", *words, "--file", self.spec, fails=fails, seconds=seconds)

    @property
    def entrance(self):
        """In the host's network, where its loopback is, with this machine's files."""
        return ["nsenter", f"--net=/proc/{self.lab.rows()['a']['pid']}/ns/net"]

    def busy(self, **options):
        """Load that tells each failed call, and leaves processor time to those who are judged."""
        return self.load("generate_deeplink", harness.LINK, "/d/abc", clients=10, pause=0.05, **options)

    def call(self, fails=False):
        """One tool call by the real client, with a token."""
        words = [harness.parts.PARTS / "client/bin/python", OPS / "lib/one_call.py", "--url", self.endpoint,
                 "--token-file", self.token_file(), "--tool", "generate_deeplink", "--arguments",
                 json.dumps(harness.LINK), "--contains", "/d/abc"]
        return run(*self.entrance, *words, fails=fails)

    def script(self, text, *words, **options):
        """Runs a Python script in the host; its last line is JSON."""
        done = self.lab.inside("a", "/usr/bin/python3", "-", *words, input=textwrap.dedent(text), **options)
        return json.loads(done.stdout.splitlines()[-1])

    def show(self, unit, name):
        return self.lab.inside("a", "systemctl", "show", "--value", "-p", name, unit).stdout.strip()

    def units(self, pattern="convoy-instance-*"):
        """Active units by name, with their main processes."""
        done = self.lab.inside("a", "systemctl", "show", "-p", "Id,MainPID,ActiveState", pattern)
        blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in done.stdout.split("\n\n")]
        active = [row for row in blocks if row.get("ActiveState") == "active" and "MainPID" in row]
        return {row["Id"]: int(row["MainPID"]) for row in active}

    def pid(self, unit):
        return int(self.show(unit, "MainPID"))

    def status_versions(self):
        return {row["name"]: row.get("version") for row in self.status()["instances"]}

    def serving(self):
        done = self.convoy("status", "--json", fails=True)
        try:
            found = json.loads(done.stdout)
        except ValueError:
            return None
        return all(row["ready"] for row in found["instances"]) and len(found["instances"]) == 3 and found


# Opens a session, kills the edge's master, knocks every millisecond until somebody opens, and asks again.
EDGE_KILL = """
    import http.client, json, os, signal, socket, sys, time
    token, pid, port = {token!r}, int(sys.argv[1]), 8080
    def ask(method, session=None, **parameters):
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        headers = {{"Authorization": "Bearer " + token, "Content-Type": "application/json",
                   "Accept": "application/json, text/event-stream"}}
        if session:
            headers |= {{"Mcp-Session-Id": session, "MCP-Protocol-Version": "2025-11-25"}}
        body = {{"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}}
        asked.request("POST", "/analytics/mcp", json.dumps(body), headers)
        answer = asked.getresponse()
        answer.read()
        return answer.status, answer.getheader("Mcp-Session-Id")
    opened, session = ask("initialize", protocolVersion="2025-11-25", capabilities={{}},
                          clientInfo={{"name": "knock", "version": "1"}})
    before, _ = ask("tools/list", session)
    os.kill(pid, signal.SIGKILL)
    began, refused = time.monotonic(), None
    while time.monotonic() < began + 10:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            if refused:
                break
        except OSError:
            refused = refused or time.monotonic()
        time.sleep(0.001)
    back = time.monotonic()
    after, _ = ask("tools/list", session)
    print(json.dumps({{"session": session, "statuses": [opened, before, after],
                      "refused": refused and (back - refused) * 1000}}))
    """


def edge_killed(fleet):
    """What became of a session (null where the server has none), and how long nobody listened, in ms."""
    unit = "convoy-edge.service"
    token, first = pathlib.Path(fleet.token_file()).read_text().strip(), fleet.pid(unit)
    saw = fleet.script(EDGE_KILL.format(token=token), str(first))
    eventually(30, "another edge", lambda: fleet.pid(unit) not in (0, first))
    check(saw["refused"] is not None, f"the edge was not away: {saw}")
    return saw


def unfailed(summary):
    check(summary["calls"] > 20, f"only {summary['calls']} calls were made")
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")
    return f"{summary['calls']} calls, 0 failed, worst {summary['worst']} ms"


# Places that change by themselves, and what Convoy may leave, since they are the journal's.
RESTLESS = ["/proc", "/sys", "/dev", "/run/systemd", "/run/log", "/run/user", "/run/udev", "/var/log/journal",
            "/run/dbus", "/tmp/systemd-private-*", "/var/tmp/systemd-private-*", FOLDER]


def traces(lab, host="a"):
    """All that a host consists of and Convoy could add to: files, users, units, rules, processes' names."""
    prune = [word for place in RESTLESS for word in ("-path", place, "-o")][:-1]
    find = ["find", "/", "(", *prune, ")", "-prune", "-o", "-printf", "%p\n"]
    # It prints what it found also when something vanished under it.
    files = set(lab.inside(host, *find, fails=True).stdout.splitlines())
    lines = lambda *command, **options: set(lab.inside(host, *command, **options).stdout.splitlines())
    states = ["systemctl", "list-units", "--all", "--plain", "--no-legend", "--full"]
    return {
        "files": files,
        "users": lines("getent", "passwd") | lines("getent", "group"),
        "units": {line.split()[0] for line in lines(*states) if line.startswith("convoy")},
        # It fails where there is none.
        "unit files": {line.split()[0] for line in lines("systemctl", "list-unit-files", "--no-legend", "convoy*",
                                                         fails=True)},
        "rules": lines("nft", "list", "ruleset"),
        "processes": {line for line in lines("ps", "-eo", "user:32,args") if "convoy" in line},
    }
