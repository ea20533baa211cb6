#!/usr/bin/env python3
"""A fleet under systemd whose database is another machine's: proof, credentials, and whom units may reach."""

import json
import re
import time

import harness
from harness import OPS, check, eventually, test
from hosts import KNOCK, SUBNET, run
from systemd_host import DOCUMENTDB, FOLDER, HostFleet, World, edge_killed, unfailed

# Host b: the fleet is on host a.
ADDRESS, PORT = SUBNET + "12", "27017"
SPEC = DOCUMENTDB.replace("DATABASE", f"{ADDRESS}:{PORT}")
FIRST = "convoy-instance-analytics-1-g1.service"
# What a process of the unit's slice, as denied as the unit, can reach.
CAGED = ["systemd-run", "--quiet", "--collect", "--wait", "--pipe", "--slice=convoy.slice", "-p", "IPAddressDeny=any",
         "-p", "IPAddressAllow=localhost", "-p", "DynamicUser=yes", "--", "/usr/bin/python3", "-c", KNOCK]


class DatabaseWorld(World):
    def __init__(self, stack):
        super().__init__(stack)
        self.data = self.work / "database"
        entrance = ["nsenter", f"--net=/proc/{self.lab.rows()['b']['pid']}/ns/net"]
        stack.callback(run, OPS / "lab/database", "stop", self.data, fails=True)
        run(*entrance, OPS / "lab/database", "start", self.data, "--port", PORT, "--address", "0.0.0.0", seconds=120)
        self.entrance = entrance
        self.secret = re.search(r"://admin:([^@]+)@", (self.data / "admin-uri").read_text())[1]
        self.fleet = HostFleet(self, SPEC)
        self.lab.inside("a", "mkdir", "-m", "700", f"{FOLDER}/secrets")
        self.lab.inside("a", "install", "-m", "600", "/dev/null", f"{FOLDER}/secrets/admin-uri")
        text = (self.data / "admin-uri").read_text().replace("127.0.0.1", ADDRESS)
        self.lab.write("a", f"{FOLDER}/secrets/admin-uri", text)


@test("up: every instance has a user of its own at the other machine's database, and its proof")
def up(world):
    fleet = world.fleet
    fleet.convoy("up", "--backend", "systemd", seconds=300)
    found = fleet.serving()
    check(found, fleet.convoy("status", fails=True).both)
    users = {row["databaseUser"] for row in found["instances"]}
    check(len(users) == 3 and all(row["proof"]["verdict"] == "proved" for row in found["instances"]),
          f"{[row['proof'] for row in found['instances']]}")


@test("calls are answered with the database's data, and a killed instance fails none")
def calls(world):
    fleet = world.fleet
    # The server admits only so many calls in a second.
    with fleet.load("find", harness.FIND, "Customer 3", clients=6, pause=0.8, mode="mixed") as summary:
        world.lab.inside("a", "systemctl", "kill", "-s", "KILL", FIRST)
        eventually(20, "all serve", fleet.serving, every=0.2)
        # It is back within a blink: the six go on for a few rounds, or they would have asked too little.
        time.sleep(4)
    print(f"      {summary['calls']} calls, {summary['failed']} failed: {summary['errors']}", flush=True)
    unfailed(summary)


@test("units may reach the database's address and no neighbour: it is in their slice, and holds")
def addresses(world):
    lab, fleet = world.lab, world.fleet
    check(ADDRESS in fleet.show("convoy.slice", "IPAddressAllow"), fleet.show("convoy.slice", "IPAddressAllow"))
    check(fleet.show(FIRST, "Slice") == "convoy.slice", "another slice")
    check("open" in lab.inside("a", *CAGED, ADDRESS, PORT, fails=True).both, "the database can't be reached")
    neighbour = SUBNET + "1"
    check("shut" in lab.inside("a", *CAGED, neighbour, "22", fails=True).both, "a neighbour can be reached")


@test("the database's secret is a credential: in the server's environment, and in no unit, journal, status or argument")
def secret(world):
    lab, fleet = world.lab, world.fleet
    environment = lab.inside("a", "cat", f"/proc/{fleet.pid(FIRST)}/environ").stdout
    found = re.search(r"mongodb://([^:@/\0]+):([^@\0]+)@", environment)
    check(found, "its environment has no connection string")
    shown = {"systemctl show": lab.inside("a", "systemctl", "show", "convoy-*", "--all").stdout,
             "systemctl cat": lab.inside("a", "systemctl", "cat", "convoy-*").stdout,
             "the journal": lab.hosts("journal", "a", "-o", "export").stdout,
             "status": fleet.convoy("status", "--json").stdout, "logs": fleet.convoy("logs").both,
             "ps": lab.inside("a", "ps", "-eo", "args").stdout}
    leaks = [where for where, text in shown.items() if found[2] in text or world.secret in text]
    check(not leaks, f"a secret is in {leaks}")
    check("LoadCredential" in shown["systemctl cat"], "no credential")


@test("a session goes on when the edge was killed in between")
def session(world):
    saw = edge_killed(world.fleet)
    check(saw["session"] and saw["statuses"] == [200, 200, 200], f"{saw}")
    eventually(20, "all serve", world.fleet.serving, every=0.2)


@test("a user that got more rights: its instance leaves rotation, and up mends it")
def refuted(world):
    fleet = world.fleet
    row = fleet.serving()["instances"][0]
    script = ("import pymongo, sys; pymongo.MongoClient(open(sys.argv[1]).read().strip())[sys.argv[2]]"
              ".command('grantRolesToUser', sys.argv[3], roles=[{'role': 'readWrite', 'db': 'shop'}])")
    python = harness.parts.PARTS / "db/bin/python"
    done = [run(*world.entrance, python, "-c", script, world.data / "admin-uri", name, row["databaseUser"], fails=True)
            for name in ("admin", "shop")]
    check(any(one.returncode == 0 for one in done), done[0].both + done[1].both)
    gone = lambda: [now for now in fleet.status()["instances"] if now["name"] == row["name"] and not now["ready"]]
    (now,), took = eventually(20, "it is out", gone, every=0.1)
    print(f"      out after {took:.1f} s: {now['reason'][:100]}", flush=True)
    fleet.convoy("up")
    eventually(20, "all serve", fleet.serving, every=0.1)


@test("down takes its database users with it")
def down(world):
    world.fleet.convoy("down", "--purge")
    script = ("import pymongo, sys, json; client = pymongo.MongoClient(open(sys.argv[1]).read().strip());"
              "found = [client[name].command('usersInfo', 1)['users'] for name in ('admin', 'shop')];"
              "print(json.dumps([user['user'] for users in found for user in users]))")
    users = json.loads(run(*world.entrance, harness.parts.PARTS / "db/bin/python", "-c", script,
                           world.data / "admin-uri").stdout)
    check(users == ["admin"], f"left: {users}")


if __name__ == "__main__":
    harness.run(__doc__, DatabaseWorld)
