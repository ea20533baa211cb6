#!/usr/bin/env python3
"""Up, rollout, a bad release, rollback and down of a fleet with a real database."""

import subprocess

import harness
from harness import FIND, check, processes_below, test, users_of

harness.parts.run_under("client")

STATE = {}


def fleet(world):
    if "fleet" not in STATE:
        STATE["fleet"] = world.documentdb()
        STATE["fleet"].up()
    return STATE["fleet"]


def load(fleet, **more):
    # documentdb-mcp refuses more than ten requests a second by itself.
    return fleet.load("find", FIND, "Customer 3", clients=6, pause=0.8, mode="mixed", **more)


def pids(fleet):
    return {name: row["pid"] for name, row in fleet.instances().items()}


@test("up twice changes nothing")
def twice(world):
    ours = fleet(world)
    before = (pids(ours), ours.status()["generation"])
    ours.up()
    check((pids(ours), ours.status()["generation"]) == before, "the second up changed pids or the generation")
    check(ours.convoy("plan", fails=True).returncode == 0, "plan finds differences after up")
    check(ours.status()["converged"], "the fleet is not converged")


@test("every JSON document fits its schema")
def documents(world):
    ours = fleet(world)
    for name, words in (("status", ["status"]), ("plan", ["plan"]), ("validate", ["validate"]), ("change", ["up"]),
                        ("doctor", ["doctor"])):
        document = ours.convoy(*words, "--json", fails=True).stdout
        done = subprocess.run([harness.parts.python("lint"), harness.OPS / "schemas/validate.py", name],
                              input=document, text=True, capture_output=True)
        check(done.returncode == 0, f"{name}: {done.stdout}{done.stderr}")


@test("a rollout under load fails no call and nobody meets the old version after the flip")
def roll(world):
    ours = fleet(world)
    with load(ours, flip=True) as summary:
        ours.convoy("rollout", "--to", "0.6.2")
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")
    check(summary["mixedAfterFlip"] == 0, f"mixedAfterFlip is {summary['mixedAfterFlip']}")
    check(ours.status()["release"]["version"] == "0.6.2", "the new version does not serve")


@test("a release that lists tools and fails every find stops the rollout, and the old fleet serves throughout")
def bad(world):
    ours = fleet(world)
    before = pids(ours)
    with load(ours) as summary:
        done = ours.convoy("rollout", "--to", "1.0.1", fails=True)
    words = done.stderr + done.stdout
    check(done.returncode == 1, f"exit {done.returncode} instead of 1: {words[-300:]}")
    check("canary" in words, f"the message does not mention the canary: {words[-300:]}")
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")
    check(pids(ours) == before, "the serving instances were touched")
    check(ours.status()["release"]["version"] == "0.6.2", "another version serves")


@test("rollback flips back to the version before")
def back(world):
    ours = fleet(world)
    ours.convoy("rollback")
    status = ours.status()
    check(status["release"]["version"] == "0.1.54", f"{status['release']['version']} serves after rollback")
    check(all(row["ready"] for row in status["instances"]), "not every instance is ready after rollback")


@test("down leaves no process, no port and no database user")
def down(world):
    ours = fleet(world)
    users = {row["databaseUser"] for row in ours.instances().values()}
    check(len(users) == 3 and None not in users, f"each instance needs a user of its own, found {users}")
    seen = {user for _, user in users_of(world.admin())}
    check(users <= seen, f"status names users that the database does not have: {users - seen}")
    ours.convoy("down")
    ours.is_up = False
    check(not processes_below(world.root), f"still there: {processes_below(world.root)}")
    left = users_of(world.admin())
    check(not left, f"users left behind: {left}")
    again = ours.convoy("down", fails=True)
    check(again.returncode == 0, "down is not repeatable")


if __name__ == "__main__":
    harness.run(__doc__)
