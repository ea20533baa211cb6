#!/usr/bin/env python3
"""More instances and fewer, under load: the others are not touched, and a cut one goes on or back."""

import os
import signal
import subprocess

import harness
from harness import FIND, check, eventually, processes_below, test, users_of

harness.parts.run_under("client")

STATE = {}


def fleet(world):
    if "fleet" not in STATE:
        STATE["fleet"] = world.documentdb()
        STATE["fleet"].up()
        # The root is shared with other suites: numbers go on.
        STATE["generation"] = STATE["fleet"].status()["generation"]
    return STATE["fleet"]


def wish(ours, replicas):
    text = ours.spec.read_text()
    before = text[text.index("replicas:"):].splitlines()[0]
    ours.spec.write_text(text.replace(before, f"replicas: {replicas}"))


def pids(ours):
    return {name: row["pid"] for name, row in ours.instances().items()}


def whole(ours, replicas, what):
    """Converged on so many instances, each with its user, and nothing else."""
    status = ours.status()
    number = STATE["generation"]
    names = [f"analytics-{slot}-g{number}" for slot in range(1, replicas + 1)]
    check(status["converged"] and status["generation"] == number, f"{what}: {status['generation']}, {status['converged']}")
    check(sorted(row["name"] for row in status["instances"]) == names, f"{what}: {[row['name'] for row in status['instances']]}")
    users = {user for _, user in users_of(ours.world.admin())}
    check(users == {f"convoy-system.{name}" for name in names}, f"{what}: users {users}")
    left = [path.name for path in (ours.world.root / "var/lib/convoy/instances").iterdir() if path.name not in names]
    check(not left, f"{what}: left {left}")
    check("no drift" in ours.convoy("drift", fails=True).stdout, f"{what}: {ours.convoy('drift', fails=True).stdout}")


def scaled(ours, replicas):
    before = pids(ours)
    wish(ours, replicas)
    plan = ours.convoy("plan", fails=True)
    check(plan.returncode == 2 and "stays" in plan.stdout, f"exit {plan.returncode}: {plan.stdout}")
    with ours.load("find", FIND, "Customer 3", clients=6, pause=0.8, mode="mixed") as summary:
        ours.convoy("up")
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")
    after = pids(ours)
    check(all(after[name] == pid for name, pid in before.items() if name in after), f"{before} became {after}")
    whole(ours, replicas, f"{len(before)} to {replicas}")
    check("nothing to do" in ours.convoy("up").stdout, "a second up does something")


@test("from three to five under load: the three run on, the new ones have users of their own, no call fails")
def more(world):
    scaled(fleet(world), 5)


@test("from five to two under load: the two run on, the others' users and files are gone, no call fails")
def fewer(world):
    scaled(fleet(world), 2)


def cut(ours, at):
    """Kills `convoy up` once it has said so."""
    command = [os.environ["CONVOY_BIN"], "up", "--root", ours.world.root, "--file", ours.spec]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if at in line:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()


@test("killed while the new ones start, resume ends with them, and rollback without them; nobody else notices")
def resumed(world):
    ours = fleet(world)
    before = pids(ours)
    for verb, replicas in (("resume", 4), ("rollback", 2)):
        wish(ours, 4)
        cut(ours, "starting analytics-")
        ours.convoy(verb)
        wish(ours, replicas)
        eventually(20, f"{verb}: converged", lambda: ours.status()["converged"])
        whole(ours, replicas, verb)
        check(all(pids(ours)[name] == pid for name, pid in before.items()), f"{verb}: {before} became {pids(ours)}")
        wish(ours, 2)
        ours.convoy("up")
        whole(ours, 2, f"back after {verb}")


@test("down leaves nothing of it")
def down(world):
    ours = fleet(world)
    ours.convoy("down")
    ours.is_up = False
    check(not processes_below(world.root), f"still there: {processes_below(world.root)}")
    check(not users_of(world.admin()), f"users: {users_of(world.admin())}")


if __name__ == "__main__":
    harness.run(__doc__)
