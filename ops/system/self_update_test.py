#!/usr/bin/env python3
"""`convoy self-update` of two hosts of the lab that serve, over their real sshd: with load upon them, with a package
that does harm, and with an operator or a host that goes away in the middle."""

import contextlib
import json
import os
import subprocess
import sys
import textwrap
import time

import harness
from harness import check, eventually, test

harness.parts.run_under("client")

from hosts import run
from ssh_fleet import NAME, BootstrapWorld, kill, until

PACKAGES = "/opt/packages"
EXEC = "/usr/lib/convoy/convoy-exec"
# Clients of one edge until standard input ends; each has a session of its own, half of them keep their connections.
LOAD = """
    import collections, http.client, json, socket, ssl, sys, threading, time
    address, name, trust, token = sys.argv[1:5]
    context = ssl.create_default_context(cafile=trust)
    class Edge(http.client.HTTPSConnection):
        def connect(self):
            self.sock = context.wrap_socket(socket.create_connection((address, 443), 10), server_hostname=name)
    over, counts, errors, worst = threading.Event(), collections.Counter(), [], [0]
    def ask(edge, number, method, session, **parameters):
        headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json",
                   "Accept": "application/json, text/event-stream"}
        if session:
            headers |= {"Mcp-Session-Id": session, "MCP-Protocol-Version": "2025-11-25"}
        began = time.monotonic()
        edge.request("POST", "/analytics/mcp", json.dumps(
            {"jsonrpc": "2.0", "id": number, "method": method, "params": parameters}), headers)
        answer = edge.getresponse()
        text = answer.read().decode()
        worst[0] = max(worst[0], time.monotonic() - began)
        if answer.status != 200 or method == "tools/list" and "generate_deeplink" not in text:
            raise OSError(f"{method}: {answer.status} {text[:80]}")
        return answer.getheader("Mcp-Session-Id")
    def client(keeps):
        session, edge, number = None, None, 1
        while not over.is_set():
            try:
                counts["calls"] += 1
                number += 1
                edge = edge if keeps and edge and edge.sock else Edge(name, timeout=20)
                if not session:
                    session = ask(edge, number, "initialize", None, protocolVersion="2025-11-25", capabilities={},
                                  clientInfo={"name": "load", "version": "1"})
                else:
                    ask(edge, number, "tools/list", session)
            except Exception as error:
                counts["failed"] += 1
                errors.append(f"{time.time():.2f} {type(error).__name__} {error}")
                edge = None
            time.sleep(0.05)
    clients = [threading.Thread(target=client, args=(number % 2 == 0,), daemon=True) for number in range(6)]
    for one in clients:
        one.start()
    sys.stdin.read()
    over.set()
    for one in clients:
        one.join(30)
    print(json.dumps({**counts, "failed": counts["failed"], "errors": errors[:3], "worst": round(worst[0] * 1000)}))
    """


class UpdateWorld(BootstrapWorld):
    """Hosts a and b that serve, with convoy as bootstrap brought it; and packages to update them to."""

    def __init__(self, stack):
        super().__init__(stack)
        self.version = self.package.name.split("_")[1]
        self.report(self.both)
        self.good, self.better = self.other("0.8.0"), self.other("0.9.0")
        self.bad = self.other("0.9.1", self.without_supervisor)

    def shown(self):
        self.debs = self.work / "packages"
        self.debs.mkdir()
        return {self.debs: PACKAGES}

    def other(self, version, spoil=None):
        """Convoy's package under another version, packed fast."""
        tree = self.work / "tree"
        if not tree.exists():
            run("dpkg-deb", "-R", self.package, tree, seconds=120)
        run("sed", "-i", f"s/^Version: .*/Version: {version}/", tree / "DEBIAN/control")
        if spoil:
            spoil(tree)
        package = self.debs / self.package.name.replace(self.version, version)
        run("dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, package, seconds=120)
        return package

    def without_supervisor(self, tree):
        """Its supervisor does not come up; all else does."""
        program = tree / "usr/bin/convoy"
        program.rename(tree / "usr/lib/convoy/convoy.real")
        program.write_text('#!/bin/sh\n[ "$1" != supervise ] || exit 3\nexec /usr/lib/convoy/convoy.real "$@"\n')
        program.chmod(0o755)
        run("sed", "-i", "/usr.bin.convoy$/d", tree / "DEBIAN/md5sums")

    def words(self, package, *words):
        return [os.environ["CONVOY_BIN"], "self-update", "--hosts", "--file", self.both, "--package", package,
                "--ssh-config", self.config, *words]

    def update(self, package, *words, code=0):
        done = self.lab.net(*self.words(package, "--json", *words), fails=True, seconds=300)
        check(done.returncode == code, f"exit {done.returncode}, not {code}: {done.stdout[-1500:]}{done.stderr[-1500:]}")
        return self.fits(done.stdout)

    def fits(self, text):
        done = run(harness.parts.python("lint"), harness.OPS / "schemas/validate.py", "self-update", input=text,
                   fails=True)
        check(done.returncode == 0, f"the report does not fit its schema: {done.both}")
        return json.loads(text)["hosts"]

    def installed(self, host):
        return self.lab.inside(host, "dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Version}", "convoy").stdout

    def pids(self, host, *units):
        done = self.lab.inside(host, "systemctl", "show", "-p", "Id,MainPID,ActiveState", *units)
        blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in done.stdout.split("\n\n")]
        return {row["Id"]: int(row["MainPID"]) for row in blocks if row.get("ActiveState") == "active"}

    def lasting(self, host):
        return self.pids(host, "convoy-edge.service", "convoy-instance-*.service")

    def renewed(self, host):
        return self.pids(host, "convoy-supervisor.service", "convoy-gate.service")

    def settled(self, host):
        """Nothing of an update is left but the package before it."""
        left = self.lab.inside(host, "sh", "-c", "ls /etc/systemd/system | grep update; ls -A /var/cache/convoy; "
                               "ls /var/lib/convoy/update | grep -v -e '^before.deb$' -e '^mark$' -e '^undo$'; "
                               "systemctl is-active convoy-update-undo.timer", fails=True).stdout.split()
        check(left == ["inactive"], f"{host} still has {left}")

    def is_settled(self, host):
        return "update" not in self.lab.inside(host, "ls", "/etc/systemd/system").stdout

    @contextlib.contextmanager
    def load(self, *hosts):
        """Load on the edges of these hosts while the block runs; then none of its calls may have failed."""
        found, running = {}, {}
        for host in hosts:
            words = [sys.executable, "-c", textwrap.dedent(LOAD), self.lab.rows()[host]["ip"], NAME,
                     self.folder / "tls/edge.pem", self.token]
            running[host] = self.start(*words, stdin=subprocess.PIPE)
        try:
            time.sleep(1)
            yield found
            time.sleep(1)
        finally:
            for host, process in running.items():
                found[host] = json.loads(process.communicate("", timeout=60)[0] or "{}")
        for host, saw in found.items():
            check(saw.get("calls", 0) > 50 and saw["failed"] == 0, f"{host}: {saw}")
        print("      " + "; ".join(f"{host}: {saw['calls']} calls, 0 failed, worst {saw['worst']} ms"
                                   for host, saw in found.items()), flush=True)


def states(rows):
    return [row["state"] for row in rows]


@test("a dry run tells both hosts, and changes nothing")
def dry(world):
    before = {host: world.renewed(host) for host in "ab"}
    rows = world.update(world.good, "--dry-run", code=2)
    check(states(rows) == ["ready", "ready"] and rows[0]["before"] == world.version, f"{rows}")
    check({host: world.renewed(host) for host in "ab"} == before, "something was restarted")
    check(not world.lab.inside("a", "ls", "/var/lib/convoy/update", fails=True).stdout, "something was written")


@test("what stands in the way is told for each host before anything is changed on any")
def refused(world):
    lab = world.lab
    obstacles = {
        "its supervisor does not run": ("systemctl stop convoy-supervisor", "systemctl start convoy-supervisor"),
        "is not as its package brought it": (f"cp -p {EXEC} /root/kept; echo >> {EXEC}", f"cp -p /root/kept {EXEC}"),
    }
    for words, (make, unmake) in obstacles.items():
        lab.inside("b", "sh", "-c", make)
        try:
            rows = world.update(world.good, code=1)
        finally:
            lab.inside("b", "sh", "-c", unmake, fails=True)
        check(states(rows) == ["ready", "refused"] and words in rows[1]["faults"][0]["why"], f"{words}: {rows}")
        check(rows[1]["faults"][0]["next"], f"{words}: nothing to do next")
    eventually(20, "b is whole again", lambda: states(world.update(world.good, "--dry-run", code=2)) == ["ready"] * 2)
    check(world.installed("a") == world.installed("b") == f"ii {world.version}", "something was installed")


@test("both hosts are updated under load: no call fails; supervisor and gate are new, edge and instances who they were")
def update(world):
    before = {host: (world.lasting(host), world.renewed(host)) for host in "ab"}
    with world.load("a", "b"):
        rows = world.update(world.good)
    check(states(rows) == ["updated", "updated"], f"{rows}")
    for host, (lasting, renewed) in before.items():
        check(world.lasting(host) == lasting and len(lasting) == 4, f"{host}: {lasting} -> {world.lasting(host)}")
        now = world.renewed(host)
        check(all(pid != now.get(unit) for unit, pid in renewed.items()), f"{host}: {renewed} -> {now}")
        check(world.installed(host) == "ii 0.8.0", world.installed(host))
        world.settled(host)
    check(states(world.update(world.good)) == ["unchanged", "unchanged"], "once more changed something")
    print(f"      {', '.join(str(row['seconds']) + ' s' for row in rows)}")


@test("a package whose supervisor does not come up goes back by itself under load, and the next host is not touched")
def bad(world):
    before = {host: world.lasting(host) for host in "ab"}
    untouched = world.renewed("b")
    with world.load("a", "b"):
        rows = world.update(world.bad, "--window", "30", code=1)
    check(states(rows) == ["reverted", "ready"], f"{rows}")
    check("supervisor" in rows[0]["faults"][0]["why"] and rows[0]["faults"][0]["next"], f"{rows}")
    check({host: world.lasting(host) for host in "ab"} == before, "an instance or an edge was restarted")
    check(world.renewed("b") == untouched, "b was touched")
    check(world.installed("a") == world.installed("b") == "ii 0.8.0", world.installed("a"))
    world.settled("a")
    text = world.lab.net(*world.words(world.bad, "--dry-run"), fails=True).stdout
    check("would be updated from 0.8.0 to 0.9.1" in text and all(len(line) <= 80 for line in text.splitlines()), text)


@test("with an operator who is killed the host goes back by itself; run again, the update is made")
def abandoned(world):
    with world.load("a"):
        operator = world.start(*world.words(world.better, "--window", "30"))
        check(until(operator, "installing"), "nothing was installed")
        # What it says comes before what it does.
        eventually(30, "it is being installed", lambda: world.installed("a") != "ii 0.8.0", every=0.1)
        kill(operator)
        eventually(60, "it is installed", lambda: world.installed("a") == "ii 0.9.0", every=0.3)
        began = time.monotonic()
        eventually(90, "it went back", lambda: world.installed("a") == "ii 0.8.0", every=0.5)
        took = time.monotonic() - began
        eventually(60, "all is settled", lambda: world.is_settled("a"))
    check(world.installed("b") == "ii 0.8.0", "b was touched")
    world.settled("a")
    print(f"      back after {took:.0f} s")


@test("what a killed operator has begun, the next one judges, confirms, and goes on with")
def resumed(world):
    operator = world.start(*world.words(world.better))
    check(until(operator, "installing"), "nothing was installed")
    kill(operator)
    rows = world.update(world.better)
    check(states(rows) == ["updated", "updated"], f"{rows}")
    for host in "ab":
        check(world.installed(host) == "ii 0.9.0", world.installed(host))
        world.settled(host)
        world.must_serve(host)


@test("a host that loses its power in the middle has its old package again, or the new one confirmed, and serves")
def power(world):
    operator = world.start(*world.words(world.good, "--host", "a", "--window", "30"))
    check(until(operator, "installing"), "nothing was installed")
    time.sleep(2)
    world.lab.hosts("ctl", "a", "kill")
    kill(operator)
    world.lab.up("a")
    eventually(120, "the host decided", lambda: world.is_settled("a"), every=1)
    check(world.installed("a") == "ii 0.9.0", world.installed("a"))
    eventually(60, "it serves", lambda: world.call("a") == [200, 200, True], every=1)
    check(states(world.update(world.good)) == ["updated", "updated"], "run again")
    check(world.installed("a") == world.installed("b") == "ii 0.8.0", world.installed("a"))


@test("on the host itself, with one word less; and not as anybody but root")
def local(world):
    lasting = world.lasting("a")
    words = ["convoy", "self-update", "--package", f"{PACKAGES}/{world.better.name}", "--json"]
    rows = world.fits(world.lab.inside("a", *words, seconds=120).stdout)
    check(states(rows) == ["updated"] and world.installed("a") == "ii 0.9.0", f"{rows}")
    check(world.lasting("a") == lasting, "an instance or the edge was restarted")
    world.settled("a")
    done = world.lab.inside("a", "setpriv", "--reuid=65534", "--clear-groups", *words, fails=True)
    check(done.returncode == 64 and "sudo" in done.stderr, done.both)


@test("purged while an update waits for its confirmation, nothing of Convoy comes back")
def purged(world):
    operator = world.start(*world.words(world.better, "--host", "b", "--window", "30"))
    check(until(operator, "installing"), "nothing was installed")
    eventually(30, "it is being installed", lambda: world.installed("b") != "ii 0.8.0", every=0.1)
    kill(operator)
    eventually(60, "it is installed", lambda: world.installed("b") == "ii 0.9.0", every=0.3)
    world.lab.inside("b", "apt-get", "purge", "-y", "-q", "convoy", seconds=120)
    time.sleep(35)
    found = world.lab.inside("b", "sh", "-c", "ls -d /usr/bin/convoy /var/lib/convoy; "
                             "ls /etc/systemd/system | grep convoy", fails=True).stdout
    check(not found, f"there is {found}")


if __name__ == "__main__":
    harness.run(__doc__, UpdateWorld if os.environ.get("CONVOY_BIN") else None)
