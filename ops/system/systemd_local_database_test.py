#!/usr/bin/env python3
"""A fleet under systemd whose database is on the same host: who of the host's users may knock at it."""

import json
import os

import harness
from harness import OPS, check, eventually, test
from hosts import KNOCK, SUBNET, run
from systemd_host import DOCUMENTDB, FOLDER, HostFleet, World

PORT = "27017"
# Whose the database is: nobody's number that could be let through for another reason.
OWNER = 4711
OPEN = DOCUMENTDB.replace("DATABASE", f"127.0.0.1:{PORT}")
CLOSED = OPEN.replace("admin: {", "sharedWith: [backup], admin: {")
LOCAL = ["/usr/bin/python3", "-c", KNOCK, "127.0.0.1", PORT]
INSTANCE = ["systemd-run", "--quiet", "--collect", "--wait", "--pipe", "--slice=convoy.slice", "-p", "DynamicUser=yes",
            "--", *LOCAL]


class LocalDatabaseWorld(World):
    def __init__(self, stack):
        super().__init__(stack)
        self.work.chmod(0o711)
        self.data = self.work / "database"
        self.data.mkdir()
        os.chown(self.data, OWNER, OWNER)
        entrance = ["nsenter", f"--net=/proc/{self.lab.rows()['a']['pid']}/ns/net"]
        stack.callback(run, OPS / "lab/database", "stop", self.data, fails=True)
        owner = ["setpriv", f"--reuid={OWNER}", f"--regid={OWNER}", "--clear-groups", "env", f"HOME={self.data}"]
        run(*entrance, *owner, OPS / "lab/database", "start", self.data, "--port", PORT, "--address", "0.0.0.0",
            seconds=120)
        self.fleet = HostFleet(self, OPEN)
        self.lab.inside("a", "mkdir", "-m", "700", f"{FOLDER}/secrets")
        self.lab.inside("a", "install", "-m", "600", "/dev/null", f"{FOLDER}/secrets/admin-uri")
        self.lab.write("a", f"{FOLDER}/secrets/admin-uri", (self.data / "admin-uri").read_text())

    def knock(self, user):
        words = ["setpriv", f"--reuid={user}", "--clear-groups", *LOCAL]
        return self.lab.inside("a", *words).stdout.split()[0]


@test("a database that is shared with whom fleet.yaml does not say stays open: Convoy does not guess")
def untouched(world):
    world.fleet.convoy("up", "--backend", "systemd", seconds=300)
    check(world.fleet.serving(), world.fleet.convoy("status", fails=True).both)
    check({world.knock(user) for user in ("backup", "games", OWNER)} == {"open"}, "somebody is shut out")
    check("open" in world.lab.net("/usr/bin/python3", "-c", KNOCK, SUBNET + "11", PORT).stdout, "shut")


@test("plan says whom sharedWith lets through, before anything changes")
def planned(world):
    world.lab.write("a", world.fleet.spec, CLOSED)
    done = world.fleet.convoy("plan", "--json", fails=True)
    told = {row["subject"]: row["detail"] for row in json.loads(done.stdout)["changes"]}
    check(told.get("firewall", "").endswith("only instances, root, its own user, backup"), f"{told}")


@test("up closes it to other users of the host: refused at the database's port, while instances are not")
def closed(world):
    fleet = world.fleet
    fleet.convoy("up", seconds=300)
    eventually(20, "all serve", fleet.serving, every=0.2)
    said = {user: world.knock(user) for user in ("games", "nobody", "backup", OWNER, "root")}
    check(said == {"games": "shut", "nobody": "shut", "backup": "open", OWNER: "open", "root": "open"}, f"{said}")
    check("open" in world.lab.inside("a", *INSTANCE, fails=True).both, "an instance's user is shut out")
    rows = [row["proof"]["verdict"] for row in fleet.serving()["instances"]]
    check(rows == ["proved"] * 3, f"{rows}")


@test("from the network the closed database is shut, too")
def network(world):
    check("shut" in world.lab.net("/usr/bin/python3", "-c", KNOCK, SUBNET + "11", PORT).stdout, "open")


@test("a user that the host does not have is an error that names it, before anything changes")
def unknown(world):
    generation = world.fleet.status()["generation"]
    world.lab.write("a", world.fleet.spec, CLOSED.replace("[backup]", "[backup, stranger]"))
    done = world.fleet.convoy("up", fails=True, seconds=300)
    check(done.returncode == 65 and "stranger" in done.both, f"{done.returncode}: {done.both[-600:]}")
    check(world.fleet.status()["generation"] == generation, "another generation")
    world.lab.write("a", world.fleet.spec, CLOSED)


@test("the rules are no drift, also while the database is down and its user can't be told")
def drift(world):
    done = world.fleet.convoy("drift", "--json", fails=True)
    check(done.returncode == 0, f"{done.both[-800:]}")
    run(OPS / "lab/database", "stop", world.data)
    done = world.fleet.convoy("drift", "--json", fails=True)
    check("firewall" not in done.stdout, f"{done.stdout[-800:]}")

if __name__ == "__main__":
    harness.run(__doc__, LocalDatabaseWorld)
