#!/usr/bin/env python3
"""A user that can write leaves rotation; no secret is where it can be read."""

import os
import pathlib
import re

import harness
from harness import check, eventually, processes_below, test, users_of

harness.parts.run_under("client")

STATE = {}
VERBS = ["init", "validate", "plan", "up", "down", "status", "rollout", "rollback", "logs", "doctor", "token",
         "releases", "drift", "verify", "render", "supervise", "gate", "refresher"]


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


if __name__ == "__main__":
    harness.run(__doc__)
