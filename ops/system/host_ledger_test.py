#!/usr/bin/env python3
"""One fleet over three hosts of the lab, its ledger in a database that they reach: a host finds out by itself that
the fleet went on without it."""

import json
import time

import harness
from harness import OPS, check, eventually, test

harness.parts.run_under("client")

from hosts import SUBNET, run
from hosts_fleet import NAMES, FleetWorld, whole
from ssh_fleet import SPEC

PORT = "27017"


class World(FleetWorld):
    """The database is a fourth host's."""

    def __init__(self, stack):
        super().__init__(stack)
        self.add("d")
        row = self.lab.rows()["d"]
        self.data = self.work / "database"
        self.entrance = ["nsenter", f"--net=/proc/{row['pid']}/ns/net"]
        stack.callback(run, OPS / "lab/database", "stop", self.data, fails=True)
        run(*self.entrance, OPS / "lab/database", "start", self.data, "--port", PORT, "--address", "0.0.0.0", seconds=120)
        self.admin = self.folder / "admin-uri"
        self.admin.write_text((self.data / "admin-uri").read_text().replace("127.0.0.1", row["ip"]))
        self.admin.chmod(0o600)
        self.fleet = self.spec("ledger", *NAMES, text=SPEC + "ledger: {{file: secrets/ledger-uri}}\n")

    def users(self):
        python = harness.parts.python("db")
        script = ("import pymongo, sys, json; client = pymongo.MongoClient(open(sys.argv[1]).read().strip());"
                  "print(json.dumps({row['user']: row['roles'] for row in client.admin.command('usersInfo')['users']}))")
        return json.loads(run(*self.entrance, python, "-c", script, self.data / "admin-uri").stdout)

    def power(self, host):
        binds = [word for here, there in self.libraries.items() for word in ("--bind-ro", f"{here}:{there}")]
        self.lab.up(host, *binds)

    def answer(self, host):
        """How its edge answers a new session; None: not at all."""
        try:
            return self.call(host)[0]
        except AssertionError:
            return None


@test("three bare hosts become one fleet, and each reads the ledger by a user of its own")
def bootstrap(world):
    world.convoy("ledger", "user", "--admin", world.admin)
    world.report(world.fleet)
    whole(world, "1.6.3")
    said = world.convoy("ledger", "readers", "--admin", world.admin)
    check("a, b, c" in said.stdout, said.stdout)
    check("nothing to do" in world.convoy("ledger", "readers", "--admin", world.admin).stdout, "given twice")
    roles = {name: [(role["role"], role["db"]) for role in rows] for name, rows in world.users().items()}
    for host in NAMES:
        check(roles.get(f"convoy-reader-shop/{host}") == [("read", "convoy_ledger")], f"{roles}")
        mode = world.lab.inside(host, "stat", "-c", "%a", "/etc/convoy/ledger-reader").stdout.strip()
        check(mode == "600", f"mode {mode}")
    whole(world, "1.6.3")


@test("a host that was off shuts itself when it is on again, whom nobody tells: no old version is served")
def off(world):
    world.lab.hosts("ctl", "c", "kill")
    world.convoy("rollout", "--to", "2.0.0", "--accept-breaking", "--skip-host", "c")
    world.power("c")
    began, seen = time.monotonic(), []
    while time.monotonic() - began < 20:
        seen.append((round(time.monotonic() - began, 1), world.answer("c")))
        time.sleep(0.2)
    served = [when for when, status in seen if status == 200]
    check(seen[-1][1] == 503, f"it answers {seen[-1]}")
    check(not served, f"it served at {served}")
    check(world.serving("c") is None and world.serving("a") == 2, "another door")


@test("`up` brings it back, and it stays open")
def back(world):
    world.convoy("up")
    whole(world, "2.0.0")
    time.sleep(7)
    whole(world, "2.0.0")


@test("a host whose operator can't reach it shuts itself within seconds")
def unreachable(world):
    # Its way to the database is there, only sshd is not.
    world.lab.inside("c", "systemctl", "stop", "ssh")
    world.lab.inside("c", "sh", "-c", "pkill -x sshd || true")
    clients = world.load()
    world.convoy("rollout", "--to", "2.1.1", "--accept-breaking", "--skip-host", "c")
    eventually(10, "it serves nobody", lambda: world.answer("c") == 503, every=0.5)
    clients.communicate("", timeout=60)
    world.lab.inside("c", "systemctl", "start", "ssh")
    world.convoy("up")
    whole(world, "2.1.1")


@test("with the ledger's database away a host that starts goes on as it is")
def away(world):
    run(*world.entrance, OPS / "lab/database", "stop", world.data)
    world.lab.inside("c", "systemctl", "restart", "convoy-supervisor")
    time.sleep(6)
    world.must_serve("c")
    row = world.lab.rows()["d"]
    run(*world.entrance, OPS / "lab/database", "start", world.data, "--port", PORT, "--address", "0.0.0.0", seconds=120)
    check(row["pid"], "no database")
    eventually(30, "whole", lambda: world.convoy("status", "--json").returncode == 0, every=1)


if __name__ == "__main__":
    harness.run(__doc__, World)
