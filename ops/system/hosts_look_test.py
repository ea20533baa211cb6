#!/usr/bin/env python3
"""The verbs that look, over a fleet of two hosts of the lab with one database: logs, drift, users, verify, with
something planted on each host, and with a host cut off."""

import json
import os
import re
import subprocess
import textwrap
import threading
import time

import harness
from harness import OPS, check, eventually, test

harness.parts.run_under("client")

from hosts import HOSTS, run
from ssh_fleet import NAME, SPEC, BootstrapWorld

NAMES, UNITS, PORT = ("a", "b"), "/etc/systemd/system", "27017"
DATABASE = """\
server: {{profile: documentdb, release: "pypi:documentdb-mcp@0.1.54"}}
database: {{uri: "mongodb://ADDRESS/?directConnection=true", admin: {{file: ADMIN}}}}
health: {{interval: 1s, proofInterval: 2s}}
pools:
  analytics: {{replicas: 2, databases: {{shop: read}}, scope: "mcp:analytics"}}
"""
# What a person could do with the database's admin: sys.argv is the connection string, then the deed.
PERSON = """
    import sys, pymongo
    admin, deed, *words = [*sys.argv[1:], None] if len(sys.argv) < 3 else sys.argv[1:]
    admin = pymongo.MongoClient(admin).admin
    if deed == "add": admin.command("createUser", words[0], pwd="x", roles=[])
    if deed == "grant": admin.command("updateUser", words[0], roles=[
        {"role": "read", "db": "shop"}, {"role": "readWrite", "db": "shop"}])
    print("\\n".join(sorted(row["user"] for row in admin.command("usersInfo", 1)["users"])))
    """
# Whether a connection string still opens the database.
OPEN = """
import sys, pymongo
try: pymongo.MongoClient(sys.argv[1], serverSelectionTimeoutMS=3000).shop.customers.find_one(); print("open")
except pymongo.errors.OperationFailure: print("shut")
"""


class World(BootstrapWorld):
    """Two bare hosts, which one bootstrap makes one fleet, and a third with nothing but the database."""

    def __init__(self, stack):
        super().__init__(stack, NAMES)
        self.add("c")
        data = self.work / "database"
        row = self.lab.rows()["c"]
        entrance = ["nsenter", f"--net=/proc/{row['pid']}/ns/net"]
        stack.callback(run, OPS / "lab/database", "stop", data, fails=True)
        run(*entrance, OPS / "lab/database", "start", data, "--port", PORT, "--address", "0.0.0.0", seconds=120)
        self.admin = data / "admin-there"
        self.admin.write_text((data / "admin-uri").read_text().replace("127.0.0.1", row["ip"]))
        self.admin.chmod(0o600)
        head, rest = SPEC.split("server:", 1)
        text = head + DATABASE + rest[rest.index("hosts:"):]
        text = text.replace("ADDRESS", f"{row['ip']}:{PORT}").replace("ADMIN", str(self.admin))
        self.fleet = self.spec("looks", *NAMES, text=text)
        check("changed" in {row["state"] for row in self.report(self.fleet, seconds=480)}, "not bootstrapped")

    def words(self, *words):
        verb = words[0].split()
        return ["env", "PIP_NO_INDEX=1", f"PIP_FIND_LINKS={harness.parts.PARTS / 'wheels'}",
                f"CONVOY_SSH_CONFIG={self.config}", os.environ["CONVOY_BIN"], *verb, "--file", self.fleet,
                "--root", self.root, *words[1:]]

    def convoy(self, *words, code=0, seconds=240):
        done = self.lab.net(*self.words(*words), fails=True, seconds=seconds)
        check(done.returncode == code, f"{words}: exit {done.returncode}, not {code}: {done.stdout[-2500:]}{done.stderr[-1500:]}")
        return done

    def read(self, schema, *words, code=0):
        text = self.convoy(*words, "--json", code=code).stdout
        fits(schema, text)
        return json.loads(text)

    def logs(self, *words, code=0):
        """Entries, and what was said beside them."""
        done = self.convoy("logs", "--json", *words, code=code)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        if rows:
            fits("logs", done.stdout.splitlines()[0])
        return rows, done.stderr

    def person(self, *words):
        python = harness.parts.python("client")
        return self.lab.net(python, "-c", textwrap.dedent(PERSON), self.admin.read_text().strip(), *words).stdout.split()

    def shell(self, host, line):
        return self.lab.inside(host, "sh", "-c", line)


def fits(schema, text):
    done = run(harness.parts.python("lint"), harness.OPS / "schemas/validate.py", schema, input=text, fails=True)
    check(done.returncode == 0, f"the {schema} does not fit its schema: {done.both}")


def rows_of(report):
    return [f"{row['host']} {row['kind']} {row['subject']}: {row['found']}" for row in report["findings"]]


def named(report, host, kind, part):
    check(any(row["host"] == host and row["kind"] == kind and part in row["subject"] for row in report["findings"]),
          f"no {kind} finding for {part} on {host} in {rows_of(report)}")


@test("one fleet with one database: every instance of every host has a user of its own, and all are proved")
def users(world):
    report = world.read("users", "users verify")
    check({row["host"] for row in report["users"]} == set(NAMES) and len(report["users"]) == 4, f"{report}")
    check(all(row["proof"]["verdict"] == "proved" and not row["fault"] for row in report["users"]), f"{report}")
    names = {row["name"] for row in report["users"]}
    world.person("add", "convoy-shop.nobody")
    report = world.read("users", "users verify", code=2)
    wrong = [row["name"] for row in report["users"] if row["fault"]]
    check(wrong == ["convoy-shop.nobody"], f"{wrong}, of {names}")


@test("drift: what is planted on each host is told with its name, the database once; --heal mends all of it")
def drift(world):
    grown = sorted(name for name in world.person() if "-a-1-" in name)[0]
    world.shell("a", "chmod 0755 /var/lib/convoy/instances/analytics-a-1-g1")
    world.shell("b", f"cp {UNITS}/convoy-instance-analytics-b-1-g1.service {UNITS}/convoy-instance-analytics-b-1-g99.service")
    world.person("grant", grown)
    report = world.read("drift", "drift", code=2)
    named(report, "a", "mode", "/instances/analytics-a-1-g1")
    named(report, "b", "generation", "analytics-b-1-g99")
    named(report, None, "user", "convoy-shop.nobody")
    named(report, None, "role", grown)
    check(not report["unseen"], f"{report['unseen']}")
    text = world.convoy("drift", code=2).stdout
    check("host a: " in text and "host b: " in text, text)
    check(all(len(line) <= 80 for line in text.splitlines()), text)
    report = world.read("drift", "drift", "--heal")
    check(not report["findings"] and not report["unseen"], f"{rows_of(report)} {report['unseen']}")
    check(any(line.startswith("a: ") for line in report["healed"]), f"{report['healed']}")
    check(any(line.startswith("b: ") for line in report["healed"]), f"{report['healed']}")
    check("convoy-shop.nobody" not in world.person(), "the stranger is still there")
    eventually(20, "proved again", lambda: not [
        row for row in world.read("users", "users verify")["users"] if row["fault"]], every=1)
    world.read("drift", "drift")


@test("logs: one stream by time of both hosts, each line with its host; of one host, one pool, one instance")
def logs(world):
    rows, said = world.logs("--since", "1h")
    check({row["host"] for row in rows} == set(NAMES) and len(rows) > 50, f"{len(rows)} {said}")
    last = {}
    times = []
    for row in rows:
        last[row["host"], row["source"]] = max(row["time"], last.get((row["host"], row["source"]), ""))
        times.append(row["time"])
    late = sum(1 for one, two in zip(times, times[1:]) if two < one)
    # Each source keeps its own order, where a line is older than the one before it.
    check(late * 20 < len(times), f"{late} of {len(times)} lines are out of order")
    check({row["generation"] for row in rows if row["source"].startswith("analytics-")} == {1}, "no generation")
    newest, _ = world.logs("-n", "20")
    check(len(newest) == 20, f"{len(newest)} lines")
    only, _ = world.logs("--host", "b", "supervisor")
    check(only and {(row["host"], row["source"]) for row in only} == {("b", "supervisor")}, f"{only[:3]}")
    pool, _ = world.logs("analytics")
    check({row["pool"] for row in pool} == {"analytics"} and len({row["source"] for row in pool}) == 4, f"{pool[:3]}")
    one, _ = world.logs("analytics-a-1-g1")
    check(one and {row["host"] for row in one} == {"a"}, f"{one[:3]}")
    text = world.convoy("logs", "-n", "10").stdout
    check(re.search(r"^\S+Z  [ab]  \S+", text, re.M), text)
    check("there are none of nonsense" in world.convoy("logs", "nonsense", code=69).stderr, "no reason")
    check("choose from: a, b" in world.convoy("logs", "--host", "x", code=64).stderr, "no reason")


@test("logs -f: new lines of both hosts as they come; a host that is cut off is told once, and followed again")
def follow(world):
    line = [str(word) for word in [HOSTS, "--lab", world.lab.folder, "net", "--", *world.words("logs", "-f", "--json", "-n", "0")]]
    follower = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    heard, said = [], []
    threading.Thread(target=lambda: heard.extend(follower.stdout), daemon=True).start()
    threading.Thread(target=lambda: said.extend(follower.stderr), daemon=True).start()

    def speaks(host, word):
        world.shell(host, f"systemd-run --quiet --collect --wait --unit=convoy-edge-{word} true || true; "
                          f"logger -t x x; systemctl kill -s KILL convoy-instance-analytics-{host}-1-g1.service")
        eventually(30, f"{host} is heard", lambda: any(
            f'"host":"{host}"' in text and f"analytics-{host}-1-g1" in text for text in heard), every=0.2)

    try:
        time.sleep(2)
        for host in NAMES:
            speaks(host, "one")
        world.lab.hosts("ctl", "b", "cut")
        eventually(40, "it is told", lambda: any("b has not answered since" in text for text in said), every=0.5)
        before = set(heard)
        heard.clear()
        speaks("a", "two")
        world.lab.hosts("ctl", "b", "heal")
        eventually(40, "it is back", lambda: any("b answers again" in text for text in said), every=0.5)
        after = list(heard)
        heard.clear()
        speaks("b", "three")
        check(sum("has not answered" in text for text in said) == 1, f"{said}")
        check(any('"host":"b"' in text for text in before), "b said nothing before it was cut off")
        twice = sorted(before & set(after + heard))
        check(not twice, f"told again: {twice[:3]}")
    finally:
        follower.terminate()
        follower.wait()
    eventually(60, "all serve", lambda: world.read("status", "status")["converged"], every=1)


@test("verify: each host's edge at its own address, a row for each")
def verify(world):
    words = ["verify", "--insecure-ca", world.folder / "tls/edge.pem", "--only", "challenge.*", "--only", "metadata.*"]
    report = world.read("verify", *words)
    check([row["host"] for row in report["endpoints"]] == list(NAMES) and report["passed"] > 4, f"{report}")
    text = world.convoy(*words).stdout
    check(re.search(r"^HOST +PASSED", text) and all(len(row) <= 80 for row in text.splitlines()), text)


@test("a host that is cut off: the others are looked at, it is said so, and that is exit 69")
def cut(world):
    world.lab.hosts("ctl", "b", "cut")
    try:
        rows, said = world.logs("-n", "30", code=69)
        check({row["host"] for row in rows} == {"a"}, f"{rows[:2]}")
        check(said.count("b has not answered since") == 1, said)
        report = world.read("drift", "drift", code=69)
        check(not report["findings"] and any(
            text.startswith("b: has not answered since ") for text in report["unseen"]), f"{report}")
        report = world.read("users", "users verify", code=69)
        silent = [row for row in report["users"] if row["fault"]]
        check(len(silent) == 2 and all("b does not answer" in row["fault"] for row in silent), f"{report}")
        check(all(row["instance"] for row in report["users"]), f"{report}")
        report = world.read("verify", "verify", "--insecure-ca", world.folder / "tls/edge.pem", "--only", "challenge.*", code=69)
        check([row["host"] for row in report["endpoints"]] == ["a"] and len(report["unseen"]) == 1, f"{report}")
    finally:
        world.lab.hosts("ctl", "b", "heal")
    eventually(60, "all answer", lambda: world.read("status", "status")["converged"], every=1)
    world.read("drift", "drift")


@test("users rotate: new users for every instance of every host, and the old ones are gone")
def rotate(world):
    before = set(world.person())
    world.convoy("users rotate")
    after = set(world.person())
    ours = {name for name in after if name.startswith("convoy-shop.")}
    check(len(ours) == 4 and not ours & before, f"{before} {after}")
    report = world.read("users", "users verify")
    check(not [row for row in report["users"] if row["fault"]] and len(report["users"]) == 4, f"{report}")


@test("a host's new hardware gets users of its own: those of the lost one are worth nothing, nobody else's are touched")
def renewed(world):
    def uris(host):
        name = f"/var/lib/convoy/instances/analytics-{host}-*/uri"
        return world.shell(host, f"cat {name}").stdout.split()
    generation = world.read("status", "status")["generation"]
    lost, kept = uris("b"), uris("a")
    check(len(lost) == 2 and len(kept) == 2, f"{len(lost)} and {len(kept)} connection strings")

    def opens(found):
        return {world.lab.net(harness.parts.python("client"), "-c", OPEN, uri).stdout.strip() for uri in found}
    check(opens(lost) == {"open"}, "they opened nothing before")
    world.lab.hosts("down", "b")
    world.add("b")
    world.convoy("replace", "b", "--package", world.package, seconds=480)
    status = world.read("status", "status")
    check(status["converged"] and status["generation"] == generation, f"{status}")
    check(opens(lost) == {"shut"} and not set(uris("b")) & set(lost), "an old password is good")
    check(opens(uris("b")) == {"open"} and uris("a") == kept and opens(kept) == {"open"}, "others are not")
    report = world.read("users", "users verify")
    check(not [row for row in report["users"] if row["fault"]] and len(report["users"]) == 4, f"{report}")


if __name__ == "__main__":
    harness.run(__doc__, World)
