#!/usr/bin/env python3
"""A rollout that is cut by kill -9, then resumed or taken back, under load."""

import contextlib
import json
import os
import signal
import subprocess

import harness
from harness import FIND, check, eventually, processes_below, test, users_of

harness.parts.run_under("client")

OLD, NEW = "0.1.54", "0.6.2"
STATE = {}


def fleet(world):
    if "fleet" not in STATE:
        STATE["fleet"] = world.documentdb(OLD)
        STATE["fleet"].up()
    return STATE["fleet"]


def load(ours):
    # documentdb-mcp refuses more than ten requests a second by itself.
    return ours.load("find", FIND, "Customer 3", clients=4, pause=1.0, mode="mixed")


def serving(ours):
    return ours.status()["release"]["version"]


def other(version):
    return OLD if version == NEW else NEW


def start(ours, *words):
    command = [os.environ["CONVOY_BIN"], "rollout", "--root", ours.world.root, "--file", ours.spec, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def cut(ours, version, step, mark="intent"):
    """Begins a rollout and kills its convoy as soon as that entry is in the journal."""
    process = start(ours, "--to", version, "--events")
    for line in process.stdout:
        entry = json.loads(line)
        if (entry["step"], entry["mark"]) == (step, mark):
            break
    else:
        check(False, f"no {mark} of {step}: {process.communicate()[1][-400:]}")
    process.kill()
    process.communicate()
    check(process.returncode == -signal.SIGKILL, f"it ended by itself: {process.returncode}")


def expect_only(ours, version):
    status = ours.status()
    check(status["release"]["version"] == version, f"{status['release']['version']} serves, not {version}")
    eventually(20, "converged", lambda: ours.status()["converged"])
    check({row["version"] for row in ours.status()["instances"]} == {version}, "an instance of another version runs")
    users = {row["databaseUser"] for row in ours.instances().values()}
    left = {user for _, user in users_of(ours.world.admin())} - users
    check(not left, f"users left behind: {left}")
    folders = {path.name for path in (ours.world.root / "var/lib/convoy/instances").iterdir()}
    check(folders == set(ours.instances()), f"folders: {folders}")
    named = [line for line in ours.spec.read_text().splitlines() if "release:" in line]
    check(f"@{version}" in named[0], f"fleet.yaml names {named[0].strip()}")


@test("kill -9 at any step, then resume: the new release serves everywhere, and no call failed")
def resume(world):
    ours = fleet(world)
    with load(ours) as summary:
        for step in ("stage", "verify", "flip", "soak", "drain", "finalize"):
            target = other(serving(ours))
            cut(ours, target, step)
            done = ours.convoy("resume")
            check(target in done.stdout, f"after {step}: {done.stdout}")
            expect_only(ours, target)
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")


@test("kill -9 at any step before the drain, then rollback: the old release serves, and no call failed")
def rollback(world):
    ours = fleet(world)
    before = serving(ours)
    pids = {row["pid"] for row in ours.instances().values()}
    with load(ours) as summary:
        for step in ("stage", "start", "compare", "flip", "soak"):
            cut(ours, other(before), step)
            done = ours.convoy("rollback")
            check("taken back" in done.stdout, f"after {step}: {done.stdout}")
            expect_only(ours, before)
            check({row["pid"] for row in ours.instances().values()} == pids, f"after {step}: others run")
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")


@test("operator and supervisor killed: resume starts a supervisor, which adopts what runs")
def with_supervisor(world):
    ours = fleet(world)
    target = other(serving(ours))
    with load(ours) as summary:
        cut(ours, target, "verify")
        os.kill(ours.status()["supervisor"]["pid"], signal.SIGKILL)
        ours.convoy("resume")
        expect_only(ours, target)
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")


@test("the supervisor alone killed while a rollout waits: the rollout starts another and goes on")
def supervisor_alone(world):
    ours = fleet(world)
    target = other(serving(ours))
    process = start(ours, "--to", target, "--events")
    for line in process.stdout:
        if '"step":"verify"' in line:
            break
    os.kill(ours.status()["supervisor"]["pid"], signal.SIGKILL)
    _, words = process.communicate(timeout=120)
    check(process.returncode == 0, f"exit {process.returncode}: {words[-400:]}")
    expect_only(ours, target)


@test("the whole process tree killed: resume brings it up on the new release, rollback on the old")
def everything(world):
    ours = fleet(world)
    for verb in ("resume", "rollback"):
        before = serving(ours)
        cut(ours, other(before), "verify")
        for pid in processes_below(world.root):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        eventually(10, "all gone", lambda: not processes_below(world.root))
        ours.convoy(verb)
        expect_only(ours, other(before) if verb == "resume" else before)


@test("nothing open: resume says so, exit 0")
def nothing(world):
    ours = fleet(world)
    done = ours.convoy("resume")
    check("no rollout is open" in done.stdout, done.stdout)


@test("rollout --watch --json tells each journal entry once, each fits its schema, and ends with the rollout")
def watch(world):
    ours = fleet(world)
    target = other(serving(ours))
    process = start(ours, "--to", target)
    lines = []
    try:
        def attached():
            done = ours.convoy("rollout", "--watch", "--json")
            lines[:] = done.stdout.splitlines()
            return bool(lines) or process.poll() is not None
        eventually(60, "a rollout to look on at", attached)
    finally:
        process.communicate(timeout=120)
    check(process.returncode == 0, f"the rollout exited {process.returncode}")
    entries = [json.loads(line) for line in lines]
    check([entry["index"] for entry in entries] == list(range(1, 23)), f"indices {[e['index'] for e in entries]}")
    check(entries[-1]["step"] == "prune" and entries[-1]["mark"] == "done", f"it ends with {entries[-1]}")
    for line in lines:
        done = subprocess.run([harness.parts.python("lint"), harness.OPS / "schemas/validate.py", "rollout-event"],
                              input=line, text=True, capture_output=True)
        check(done.returncode == 0, f"{line}: {done.stdout}{done.stderr}")
    expect_only(ours, target)


if __name__ == "__main__":
    harness.run(__doc__)
