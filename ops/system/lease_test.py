#!/usr/bin/env python3
"""One operator at a time: two at once, one that stands still and wakes late, one that is killed, one that is broken."""

import contextlib
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import time

import harness
from harness import check, eventually, test, users_of

harness.parts.run_under("client")

STATE = {}
# Long enough to meet an operator in the middle of its rollout.
SPEC = harness.DOCUMENTDB.replace("VERSION", "0.1.54").replace("EXTRA", "").replace("bake: 1s", "bake: 12s")


def fleet(world):
    if "fleet" not in STATE:
        STATE["fleet"] = ours = world.fleet("lease", SPEC)
        ours.up()
        # Installing takes as long as the machine is busy, and is nothing that anybody is fenced from.
        subprocess.run([os.environ["CONVOY_BIN"], "releases", "fetch", "--root", world.root, "--file", ours.spec,
                        "0.6.2"], check=True, capture_output=True, timeout=300)
    return STATE["fleet"]


def validated(name, text):
    done = subprocess.run([harness.parts.python("lint"), harness.OPS / "schemas/validate.py", name], input=text,
                          text=True, capture_output=True)
    check(done.returncode == 0, f"{name}: {done.stdout}{done.stderr}")
    return json.loads(text)


def lease_words(ours, *more):
    command = [os.environ["CONVOY_BIN"], "lease", "--root", ours.world.root, *more]
    done = subprocess.run(command, text=True, capture_output=True, timeout=30)
    check(done.returncode == 0, f"convoy lease exited {done.returncode}: {done.stderr}")
    return done.stdout


def lease(ours, *more):
    return validated("lease", lease_words(ours, "--json", *more))


@contextlib.contextmanager
def rollout(ours, version):
    """Another operator: a rollout that goes on while the block runs."""
    command = [os.environ["CONVOY_BIN"], "rollout", "--root", ours.world.root, "--file", ours.spec, "--to", version]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        eventually(20, "the operator has the lease",
                   lambda: (held := lease(ours)["lease"]) and held["pid"] == process.pid)
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.communicate()


def last_step(ours):
    """Step and mark of the newest entry in the journal."""
    path = ours.world.root / "var/lib/convoy/ledger.db"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as ledger:
        return ledger.execute('SELECT step, mark FROM journal ORDER BY rollout DESC, "index" DESC LIMIT 1').fetchone()


def picture(ours):
    """All that an operator could have changed."""
    status = ours.status()
    rows = [(row["name"], row["pid"], row["state"], row["databaseUser"]) for row in status["instances"]]
    folders = sorted(path.name for path in (ours.world.root / "var/lib/convoy/instances").iterdir())
    users = sorted(users_of(ours.world.admin()))
    return status["generation"], status["converged"], rows, folders, users, ours.spec.read_text()


@test("nobody holds the lease of a fleet on which nobody is at work")
def free(world):
    ours = fleet(world)
    check(lease(ours) == {"broken": False, "lease": None}, f"somebody holds it: {lease(ours)}")
    check(lease_words(ours) == "nobody\n", "the text does not say so")
    check(lease(ours, "--break") == {"broken": False, "lease": None}, "something was broken")


@test("the second operator of two gets 75 and the other's name, host, verb and age; one that stands still loses the "
      "lease, and when it wakes it ends with 75 and changes nothing")
def paused(world):
    ours = fleet(world)
    serving = ours.status()["generation"]
    with rollout(ours, "0.6.2") as first:
        # Not in the middle of a write, which would keep everybody out of the ledger: while it only looks on.
        eventually(180, "the rollout watches what it has flipped to",
                   lambda: ours.status()["generation"] > serving and last_step(ours) == ("soak", "intent"))
        first.send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        done = ours.convoy("up", fails=True)
        check(done.returncode == 75, f"exit {done.returncode} instead of 75: {done.stderr}")
        held = lease(ours)["lease"]
        for word in (held["holder"], f"on {held['host']}", f"pid {first.pid}", "`rollout`", "for "):
            check(word in done.stderr, f"the message does not say {word}: {done.stderr}")
        check(held["host"] == socket.gethostname() and not held["expired"], f"odd lease: {held}")
        # As if it had been stopped within a write, which keeps every other writer out.
        with contextlib.closing(sqlite3.connect(world.root / "var/lib/convoy/ledger.db")) as writer:
            writer.execute("BEGIN IMMEDIATE")
            done = ours.convoy("up", fails=True)
            check(done.returncode == 75, f"in a write: exit {done.returncode} instead of 75: {done.stderr}")
            for word in (held["holder"], f"on {held['host']}", f"pid {first.pid}", "in the middle of a write"):
                check(word in done.stderr, f"in a write the message does not say {word}: {done.stderr}")
            writer.execute("ROLLBACK")
        shown = lease_words(ours)
        check(held["holder"] in shown and all(len(line) <= 80 for line in shown.splitlines()), shown)

        taken = lambda: (done := ours.convoy("up", fails=True)).returncode != 75 and done
        done, _ = eventually(60, "the second operator gets the lease", taken, every=0.5)
        waited = time.monotonic() - stopped
        check(done.returncode == 0, f"it failed: {done.stderr[-600:]}")
        check(ours.status()["release"]["version"] == "0.1.54", "another version serves than fleet.yaml names")
        check(waited > 9, f"the lease was taken after {waited:.1f} s already")

        before = picture(ours)
        first.send_signal(signal.SIGCONT)
        _, words = first.communicate(timeout=60)
        check(first.returncode == 75, f"exit {first.returncode} instead of 75: {words[-600:]}")
        check("lease is lost" in words, f"the message does not tell why: {words[-600:]}")
        time.sleep(1)
        check(picture(ours) == before, f"it changed something: {before} -> {picture(ours)}")
    check(ours.status()["converged"], "the fleet is not converged")


@test("after a kill -9 of an operator the next one need not wait")
def killed(world):
    ours = fleet(world)
    with rollout(ours, "0.6.2") as first:
        first.kill()
        first.wait()
        check(lease(ours)["lease"]["expired"], "the lease of a dead process is still good")
        began = time.monotonic()
        ours.up()
        check(ours.status()["converged"], f"not converged {time.monotonic() - began:.1f} s later")
    check(lease(ours)["lease"] is None, "the lease was not given back")


@test("an operator whose lease is broken ends with 75, and the next one makes the fleet whole")
def broken(world):
    ours = fleet(world)
    with rollout(ours, "0.6.2") as first:
        report = lease(ours, "--break")
        check(report["broken"] and report["lease"]["pid"] == first.pid, f"from whom? {report}")
        _, words = first.communicate(timeout=60)
        check(first.returncode == 75, f"exit {first.returncode} instead of 75: {words[-600:]}")
    ours.up()
    check(ours.status()["converged"], "the fleet is not converged")
    check(ours.status()["release"]["version"] == "0.1.54", "another version serves than fleet.yaml names")


class Local(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


@test("a supervisor changes nothing for whoever has no lease, or an old one")
def supervisor(world):
    ours = fleet(world)
    before = picture(ours)
    for fence in ({}, {"Convoy-Fence": "1"}):
        connection = Local(world.root / "run/convoy/control.sock")
        connection.request("POST", "/v1/shutdown?drain=0", headers={"Convoy-Control": "1", **fence})
        answer = connection.getresponse()
        body = json.loads(answer.read())
        check(answer.status == 409 and body["code"] == 75, f"{answer.status} {body}")
    check(picture(ours) == before, "something changed")


@test("a damaged ledger is kept and refused, and the fleet goes on serving")
def damaged(world):
    ours = fleet(world)
    state = world.root / "var/lib/convoy"
    files = [path for path in state.iterdir() if path.name.startswith("ledger.db")]
    for path in files:
        path.rename(path.with_name("kept-" + path.name))
    rubbish = b"this is no ledger " * 500
    (state / "ledger.db").write_bytes(rubbish)
    done = ours.convoy("up", fails=True)
    check(done.returncode == 1 and "damaged" in done.stderr, f"exit {done.returncode}: {done.stderr}")
    check((state / "ledger.db").read_bytes() == rubbish, "the file was changed")
    check(ours.status()["converged"], "the fleet does not serve any more")
    for path in state.iterdir():
        if path.name.startswith("ledger.db"):
            path.unlink()
    for path in files:
        path.with_name("kept-" + path.name).rename(path)
    before = ours.status()["generation"]
    ours.up()
    check(ours.status()["generation"] == before, "the restored ledger tells another story")


if __name__ == "__main__":
    harness.run(__doc__)
