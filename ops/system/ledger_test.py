#!/usr/bin/env python3
"""The ledger in a database: operators in two places, the database away or frozen, and moves that are cut."""

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import time

import harness
from harness import OPS, check, eventually, processes_below, test

harness.parts.run_under("client")

OLD, NEW = "1.6.3", "2.0.0"
NAME = "ledgers"
SPEC = harness.GRAFANA.replace("VERSION", OLD).replace("fleet: system", f"fleet: {NAME}")
SPEC += "ledger: {{file: secrets/ledger-uri}}\n"
LEDGER = "ledger: {file: secrets/ledger-uri}\n"
STATE = {}


def fleet(world):
    if "fleet" not in STATE:
        # A place of its own: other suites' fleets keep their ledgers in the shared root.
        world.root = world.work / "ledger-root"
        world.stack.callback(forget, world)
        forget(world)
        STATE["fleet"] = world.fleet("ledger", SPEC)
    return STATE["fleet"]


def forget(world):
    """As if there had never been such a fleet."""
    admin = world.admin()
    if admin["admin"].command("usersInfo", f"convoy-ledger-{NAME}")["users"]:
        admin["admin"].command("dropUser", f"convoy-ledger-{NAME}")
    admin.drop_database("convoy_ledger")
    for folder in (world.root, world.work / "secrets", world.work / "other"):
        shutil.rmtree(folder, ignore_errors=True)


def admin_file(world):
    return str(world.work / "database/admin-uri")


def database(world, *words):
    done = subprocess.run([OPS / "lab/database", words[0], world.work / "database"], text=True, capture_output=True)
    check(done.returncode == 0 or words[0] == "status", f"database {words}: {done.stderr}")
    return done.stdout.split()


@contextlib.contextmanager
def away(world):
    database(world, "stop")
    try:
        yield
    finally:
        database(world, "start")


@contextlib.contextmanager
def frozen(world):
    pid = int(database(world, "status")[2])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def command(ours, *words):
    return [os.environ["CONVOY_BIN"], *words, "--root", str(ours.world.root), "--file", str(ours.spec)]


def show(ours):
    text = ours.convoy("ledger", "show", "--json").stdout
    done = subprocess.run([harness.parts.python("lint"), harness.OPS / "schemas/validate.py", "ledger"], input=text,
                          text=True, capture_output=True)
    check(done.returncode == 0, f"ledger: {done.stdout}{done.stderr}")
    return json.loads(text)


def refused(ours, code, words, *verb, seconds=60):
    began = time.monotonic()
    done = ours.convoy(*verb, fails=True, seconds=seconds)
    shown = f"{' '.join(verb)}: exit {done.returncode}: {done.stderr[-500:]}"
    check(done.returncode == code, f"not {code}. {shown}")
    check("next:" in done.stderr and all(word in done.stderr for word in words), shown)
    check(time.monotonic() - began < 40, f"it took {time.monotonic() - began:.0f} s. {shown}")
    check(password(ours) not in done.stderr + done.stdout, "the password was shown")


def password(ours):
    path = ours.spec.parent / "secrets/ledger-uri"
    return path.read_text().split(":")[2].split("@")[0] if path.exists() else "no password yet"


def rollout(ours, version):
    ours.convoy("rollout", "--to", version)
    status = ours.status()
    check(status["release"]["version"] == version and status["converged"], f"{status['release']} serves")


@test("without the ledger's user `up` says how to make it; made, it may reach the ledger and nothing else, and the "
      "fleet comes up without a file of its own")
def made(world):
    ours = fleet(world)
    refused(ours, 69, ["convoy ledger user"], "up")
    done = ours.convoy("ledger", "user", "--admin", admin_file(world))
    check("created" in done.stdout and password(ours) not in done.stdout + done.stderr, done.stdout)
    told = json.loads(ours.convoy("ledger", "user", "--admin", admin_file(world), "--json").stdout)
    check(told["change"] == "unchanged", f"made twice: {told}")
    file = ours.spec.parent / "secrets/ledger-uri"
    check(stat.S_IMODE(file.stat().st_mode) == 0o600, "others may read the ledger's password")
    users = world.admin()["admin"].command("usersInfo", f"convoy-ledger-{NAME}")["users"]
    check([(role["role"], role["db"]) for role in users[0]["roles"]] == [("readWrite", "convoy_ledger")], f"{users}")

    ours.up()
    check(ours.status()["converged"], "not converged")
    check(not (world.root / "var/lib/convoy/ledger.db").exists(), "a file was made")
    mark = world.root / "etc/convoy/ledger"
    check(stat.S_IMODE(mark.stat().st_mode) == 0o600, "others may read the host's mark")
    known = show(ours)
    check((known["place"], known["generation"], known["holder"]) == ("mongodb", 1, None), f"{known}")
    for words in processes_below(world.root).values():
        check(password(ours) not in " ".join(words), "the password is in a command line")
    for path in (world.root / "var/lib/convoy/log").iterdir():
        check(password(ours) not in path.read_text(errors="replace"), f"the password is in {path}")


@test("a rollout whose operator is killed goes on from another directory that has only fleet.yaml, lock and secrets")
def second_operator(world):
    ours = fleet(world)
    process = subprocess.Popen(command(ours, "rollout", "--to", NEW, "--events"), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    for line in process.stdout:
        entry = json.loads(line)
        if (entry["step"], entry["mark"]) == ("verify", "intent"):
            break
    process.kill()
    process.communicate()
    check(show(ours)["rolloutState"] == "open", "it is not open")
    other = world.work / "other"
    (other / "secrets").mkdir(parents=True, exist_ok=True)
    shutil.copy(ours.spec, other / "fleet.yaml")
    shutil.copy(ours.spec.parent / "fleet.lock", other)
    shutil.copy(ours.spec.parent / "secrets/ledger-uri", other / "secrets")
    first, ours.spec = ours.spec, other / "fleet.yaml"
    done = ours.convoy("resume")
    check(NEW in done.stdout and ours.status()["release"]["version"] == NEW, done.stdout)
    check(show(ours)["rolloutState"] == "converged" and f"@{NEW}" in ours.spec.read_text(), "it was not ended")
    # The first operator's fleet.yaml still names the old release.
    ours.spec = first
    ours.spec.write_text(ours.spec.read_text().replace(f"@{OLD}", f"@{NEW}"))
    ours.convoy("up")
    check(ours.status()["generation"] == show(ours)["generation"], "status and ledger differ")


@test("of two operators in two directories one gets the lease, the other 75 and the first one's name")
def two(world):
    ours = fleet(world)
    there = world.work / "other/fleet.yaml"
    here = [command(ours, "rollout", "--to", OLD), command(ours, "rollout", "--to", OLD)[:-1] + [str(there)]]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for words in here]
    ended = [(process.communicate(timeout=120)[1], process.returncode) for process in both]
    check(sorted(code for _, code in ended) == [0, 75], f"{ended}")
    late = next(words for words, code in ended if code == 75)
    check("is at work on it" in late and "`rollout` on" in late, late)
    for path in (ours.spec, there):
        path.write_text(path.read_text().replace(f"@{NEW}", f"@{OLD}"))
    check(ours.status()["release"]["version"] == OLD, "the old release does not serve")


@test("with the database away status goes on and instances are healed; what would change the fleet says 69, at once")
def database_away(world):
    ours = fleet(world)
    before = ours.instances()
    with away(world):
        refused(ours, 69, ["the fleet serves on"], "rollout", "--to", NEW)
        refused(ours, 69, ["the fleet serves on"], "ledger", "show")
        name, row = next(iter(before.items()))
        os.kill(row["pid"], signal.SIGKILL)
        eventually(20, "the killed instance is healed", lambda: (seen := ours.instances()[name])["pid"] != row["pid"]
                   and seen["state"] == "serving")
        check(ours.status()["converged"], "not converged")
    rollout(ours, NEW)


@test("with the database frozen nothing hangs: 69, and the fleet serves on; thawed, a rollout goes through")
def database_frozen(world):
    ours = fleet(world)
    with frozen(world):
        refused(ours, 69, ["the fleet serves on"], "rollout", "--to", OLD)
        refused(ours, 69, ["the fleet serves on"], "ledger", "show")
        check(ours.status()["converged"], "not converged")
    rollout(ours, OLD)


@test("a database that is started anew in the middle of a rollout is waited for")
def restarted(world):
    ours = fleet(world)
    process = subprocess.Popen(command(ours, "rollout", "--to", NEW, "--events"), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    for line in process.stdout:
        if json.loads(line)["step"] == "stage":
            break
    pid = int(database(world, "status")[2])
    os.kill(pid, signal.SIGKILL)
    eventually(10, "the database is gone", lambda: not harness.alive(pid))
    database(world, "start")
    words = process.communicate(timeout=120)[1]
    check(process.returncode == 0, f"exit {process.returncode}: {words[-600:]}")
    check(ours.status()["release"]["version"] == NEW, "the new release does not serve")


def move(ours, place):
    """Cut at several moments, then to its end; answers how often it was cut in the middle."""
    cuts = 0
    for delay in (0.03, 0.06, 0.1, 0.15, 0.2, 0.25, 0.3):
        process = subprocess.Popen(command(ours, "ledger", "move", "--to", place), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        try:
            process.wait(timeout=delay)
            check(process.returncode == 0, f"move: {process.stderr.read()}")
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            cuts += 1
        process.stderr.close()
    text = ours.convoy("ledger", "move", "--to", place, "--json").stdout
    known = json.loads(text)
    check(known["place"] == place, f"{known}")
    return cuts


@test("moved into a file and back with cuts in the middle, all of it is there, and what has left is refused with words")
def moved(world):
    ours = fleet(world)
    before = show(ours)
    generation = ours.status()["generation"]
    check(move(ours, "file") > 0, "it never was cut")
    check(not (world.root / "etc/convoy/ledger").exists(), "the host still looks into the database")
    refused(ours, 1, ["is /", "remove `ledger`"], "up")
    named = ours.spec.read_text()
    ours.spec.write_text(named.replace(LEDGER, ""))
    there = show(ours)
    for key in ("generation", "rollout", "rolloutState", "journals", "audit"):
        check(there[key] == before[key], f"{key}: {before[key]} -> {there[key]}")
    check(there["place"] == "file" and there["fence"] >= before["fence"], f"{there}")
    rollout(ours, OLD)

    ours.spec.write_text(named.replace(f"@{NEW}", f"@{OLD}"))
    refused(ours, 1, ["is /", "ledger move --to mongodb"], "up")
    middle = show_file(ours)
    check(move(ours, "mongodb") > 0, "it never was cut")
    back = show(ours)
    for key in ("generation", "rollout", "rolloutState", "journals", "audit"):
        check(back[key] == middle[key], f"{key}: {middle[key]} -> {back[key]}")
    check(back["place"] == "mongodb" and back["fence"] >= middle["fence"], f"{back}")
    ours.spec.write_text(ours.spec.read_text().replace(LEDGER, ""))
    refused(ours, 1, ["is in its database", "write `ledger"], "up")
    ours.spec.write_text(ours.spec.read_text() + LEDGER)
    ours.convoy("up")
    check(ours.status()["generation"] > generation and ours.status()["converged"], "not converged")
    rollout(ours, NEW)


def show_file(ours):
    named = ours.spec.read_text()
    ours.spec.write_text(named.replace(LEDGER, ""))
    try:
        return show(ours)
    finally:
        ours.spec.write_text(named)


@test("a password that the database refuses is made anew by `ledger user`, and the supervisor learns it")
def new_password(world):
    ours = fleet(world)
    world.admin()["admin"].command("updateUser", f"convoy-ledger-{NAME}", pwd="another")
    refused(ours, 1, ["refused", "convoy ledger user"], "up")
    check("corrected" in ours.convoy("ledger", "user", "--admin", admin_file(world)).stdout, "not corrected")
    ours.convoy("up")
    rollout(ours, OLD)


if __name__ == "__main__":
    harness.run(__doc__)
