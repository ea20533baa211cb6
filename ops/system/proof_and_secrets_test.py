#!/usr/bin/env python3
"""A user that can write leaves rotation; no secret is where it can be read."""

import json
import os
import pathlib
import re
import subprocess

import harness
from harness import FIND, check, eventually, processes_below, test, users_of

harness.parts.run_under("client")

STATE = {}
VERBS = ["init", "validate", "plan", "up", "down", "status", "rollout", "rollback", "logs", "doctor", "token",
         "releases", "drift", "verify", "users", "render", "supervise", "gate", "refresher"]


def fleet(world):
    if "fleet" not in STATE:
        STATE["fleet"] = world.documentdb()
        STATE["fleet"].up()
    return STATE["fleet"]


def secrets_of(world, ours):
    """Passwords of admin and instances, header secrets, and tokens: from where they may be."""
    texts = [(world.work / "database/admin-uri").read_text()]
    for row in ours.instances().values():
        texts.append(pathlib.Path(f"/proc/{row['pid']}/environ").read_bytes().decode(errors="replace"))
    found = set()
    for text in texts:
        found |= set(re.findall(r"mongodb://[^:/@\s]+:([^@\s]+)@", text))
    found.add((world.work / "token").read_text().strip())
    check(len(found) >= 5, f"expected the secrets of admin, three instances and a token, found {len(found)}")
    return found


@test("no secret is in a command line, an output, a log, a rendered file or a file that others may read")
def secrets(world):
    ours = fleet(world)
    ours.token_file()
    hidden = secrets_of(world, ours)
    shown = {}
    for pid, words in processes_below("/").items():
        shown[f"command line of {pid}"] = " ".join(words)
    for words in (["status"], ["status", "--json"], ["plan"], ["plan", "--json"], ["logs"], ["doctor"], ["drift", "--json"],
                  ["users", "verify"], ["users", "verify", "--json"],
                  ["--help"], *[[verb, "--help"] for verb in VERBS]):
        done = ours.convoy(*words, fails=True)
        shown["convoy " + " ".join(words)] = done.stdout + done.stderr
    for folder, _, names in os.walk(world.root):
        for name in names:
            path = pathlib.Path(folder) / name
            if "/releases/" in str(path) or not path.is_file() or path.is_symlink():
                continue
            # Rendered files and logs may hold none at all; state may, if nobody else can read it.
            always = "/edge/" in str(path) or path.suffix == ".log"
            if always or path.stat().st_mode & 0o077:
                shown[str(path)] = path.read_bytes().decode(errors="replace")
    leaks = sorted({where for where, text in shown.items() for secret in hidden if secret in text})
    check(not leaks, f"a secret is in: {leaks}")
    check(len(shown) > 20, "too little was searched")


@test("a user given readWrite behind our back leaves rotation within one proof interval, and up corrects it")
def proof(world):
    ours = fleet(world)
    name, row = next(iter(ours.instances().items()))
    admin = world.admin()
    database = next(database for database, user in users_of(admin) if user == row["databaseUser"])
    admin[database].command("updateUser", row["databaseUser"], roles=[{"role": "readWrite", "db": "shop"}])
    unfit = lambda: (now := ours.instances()[name]) and not now["ready"] and now
    # The fleet's proofInterval is 2 s; what comes on top is the status call's own time.
    now, took = eventually(30, "the instance is out of rotation", unfit)
    print(f"      out of rotation after {took:.1f} s; the proof interval is 2 s", flush=True)
    check(re.search(r"insert|update|remove|readWrite", now["reason"]), f"status does not say which privilege: {now['reason']}")
    check(sum(other["ready"] for other in ours.instances().values()) == 2, "the others left rotation too")
    ours.up()
    eventually(20, "up corrected it", lambda: ours.instances()[name]["ready"])
    roles = admin[database].command("usersInfo", row["databaseUser"])["users"][0]["roles"]
    check([role["role"] for role in roles] == ["read"], f"the user still has {roles}")


def verified(ours, code):
    """What `users verify --json` says, user by user, in the shape that it promises."""
    done = ours.convoy("users", "verify", "--json", fails=True)
    check(done.returncode == code, f"exit {done.returncode}, not {code}: {done.stdout}{done.stderr[-300:]}")
    fits = subprocess.run([harness.parts.python("lint"), harness.OPS / "schemas/validate.py", "users"],
                          input=done.stdout, text=True, capture_output=True)
    check(fits.returncode == 0, fits.stdout + fits.stderr)
    return {user["name"]: user for user in json.loads(done.stdout)["users"]}


@test("users verify proves each user, and names a role too many and a user that no instance has")
def users_verify(world):
    ours = fleet(world)
    sound = verified(ours, 0)
    check(len(sound) == 3 and all(user["proof"]["verdict"] == "proved" for user in sound.values()), f"{sound}")
    table = ours.convoy("users", "verify").stdout
    check(max(map(len, table.splitlines())) <= 80 and "3 users, all proved" in table, table)
    name = sorted(sound)[0]
    admin = world.admin()["admin"]
    admin.command("updateUser", name, roles=[{"role": "read", "db": "shop"}, {"role": "read", "db": "crew"}])
    stranger = name.rsplit("-", 1)[0] + "-g99"
    admin.command("createUser", stranger, pwd="hush-hush", roles=[])
    found = verified(ours, 2)
    check("read on crew too many" in found[name]["fault"], f"{found[name]}")
    check(found[stranger]["instance"] is None and found[stranger]["fault"], f"{found[stranger]}")
    admin.command("dropUser", stranger)
    ours.up()
    eventually(20, "corrected", lambda: ours.status()["converged"])
    verified(ours, 0)


@test("users rotate under load gives each instance a new user, takes the old ones away and fails no call")
def users_rotate(world):
    ours = fleet(world)
    before = set(verified(ours, 0))
    with ours.load("find", FIND, "Customer 3", clients=6, mode="mixed", pause=0.8) as summary:
        ours.convoy("users", "rotate")
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")
    after = verified(ours, 0)
    check(before.isdisjoint(after) and len(after) == len(before), f"before {before}, after {set(after)}")
    left = before & {user for _, user in users_of(world.admin())}
    check(not left, f"still in the database: {left}")
    again = ours.convoy("up").stdout
    check("nothing to do" in again, again)


if __name__ == "__main__":
    harness.run(__doc__)
