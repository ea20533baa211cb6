#!/usr/bin/env python3
"""Planted differences are found and named; a fleet that nobody touched has none."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

import harness
from harness import check, eventually, one_process, test, users_of

harness.parts.run_under("client")

STATE = {"planted": set()}


def fleet(world):
    if "fleet" not in STATE:
        STATE["fleet"] = world.documentdb()
        STATE["fleet"].up()
    return STATE["fleet"]


def drift(ours, *more):
    done = ours.convoy("drift", "--json", *more, fails=True)
    check(done.returncode in (0, 2, 69) and done.stdout, f"drift exited {done.returncode}: {done.stderr[-500:]}")
    report = json.loads(done.stdout)
    check(done.returncode == (2 if report["findings"] else 69 if report["unseen"] else 0),
          f"exit {done.returncode} with {len(report['findings'])} findings and unseen {report['unseen']}")
    return report


def rows(report):
    return [f"{row['kind']} {row['subject']}: {row['found']}" for row in report["findings"]]


def clean(ours, when):
    report = drift(ours)
    check(not report["findings"], f"{when}: {rows(report)}")
    check(not report["unseen"], f"{when}, not looked at: {report['unseen']}")


def named(report, kind, part):
    """The finding; each kind and subject counts as one difference that was planted."""
    found = [row for row in report["findings"] if row["kind"] == kind and str(part) in row["subject"]]
    check(found, f"no {kind} finding for {part} in {rows(report)}")
    check(all(row["whoCould"] and row["heal"] for row in found), f"nobody is named for {found}")
    STATE["planted"].add((kind, re.sub(r"\d+", "N", str(part))))
    return found[0]


def paths(world, ours):
    root = world.root
    name, row = next(iter(sorted(ours.instances().items())))
    return root, name, row, root / "var/lib/convoy/instances" / name


@contextlib.contextmanager
def kept(*files):
    """Bytes and modes as they were, whatever the block does."""
    before = [(path, path.read_bytes(), path.stat().st_mode & 0o7777) for path in files]
    yield
    for path, content, mode in before:
        path.write_bytes(content)
        path.chmod(mode)


def append(path, text):
    with path.open("a") as file:
        file.write(text)


@test("right after up there is no drift, the document fits its schema and the words fit 80 columns")
def untouched(world):
    ours = fleet(world)
    clean(ours, "after up")
    done = subprocess.run([harness.parts.python("lint"), harness.OPS / "schemas/validate.py", "drift"],
                          input=ours.convoy("drift", "--json").stdout, text=True, capture_output=True)
    check(done.returncode == 0, f"{done.stdout}{done.stderr}")
    check(ours.convoy("drift").stdout == "system: no drift\n", "the words for people say something else")


@test("an instance that was killed and started again is no drift")
def restarted(world):
    ours = fleet(world)
    _, name, row, _ = paths(world, ours)
    os.kill(row["pid"], signal.SIGKILL)
    eventually(30, "it is back", lambda: (now := ours.instances()[name])["ready"] and now["pid"] != row["pid"])
    clean(ours, "after a restart")


@test("bytes of edge, policy and the supervisor's records are found, and healed while everybody serves")
def written(world):
    ours = fleet(world)
    root, name, _, _ = paths(world, ours)
    etc, generations = root / "etc/convoy", root / "var/lib/convoy/generations"
    pids = {name: row["pid"] for name, row in ours.instances().items()}
    append(etc / "edge/current/nginx.conf", "# a line more\n")
    append(etc / "gate/policy.json", "\n")
    active = json.loads((generations / "active.json").read_text())
    (generations / "active.json").write_text(json.dumps(active | {"retiring": [99]}))
    book = root / "run/convoy/processes.json"
    book.write_text("{}")
    plan = next(generations.glob("*.plan.json"))
    plan.write_text(json.dumps(json.loads(plan.read_text()) | {"fleet": "another"}))
    (etc / "edge/current/extra.conf").write_text("# nobody's\n")
    report = drift(ours)
    named(report, "edge", etc / "edge/current/nginx.conf")
    named(report, "policy", etc / "gate/policy.json")
    named(report, "record", generations / "active.json")
    named(report, "record", book)
    named(report, "record", plan)
    named(report, "stray", etc / "edge/current/extra.conf")
    people = ours.convoy("drift", fails=True)
    check(people.returncode == 2, f"exit {people.returncode} for people")
    wide = [line for line in people.stdout.splitlines() if len(line) > 80]
    check(not wide, f"wider than 80 columns: {wide}")
    healed = drift(ours, "--heal")
    check(not healed["findings"], f"left after --heal: {rows(healed)}")
    check(len(healed["healed"]) >= 3, f"it says too little of what it did: {healed['healed']}")
    clean(ours, "after --heal")
    check(pids == {name: row["pid"] for name, row in ours.instances().items()}, "healing restarted instances")
    check(ours.status()["converged"], "not converged after --heal")


@test("modes are found and healed")
def modes(world):
    ours = fleet(world)
    root, name, _, directory = paths(world, ours)
    plants = [directory / "uri", directory / "secrets.json", directory, root / "etc/convoy/gate",
              root / "run/convoy/control.sock", root / "var/lib/convoy/generations/active.json",
              root / "var/lib/convoy/log" / f"{name}.log", root / "etc/convoy/edge/current/nginx.conf"]
    before = {path: path.stat().st_mode for path in plants}
    for path in plants:
        path.chmod(0o777 if path.is_dir() else 0o666)
    report = drift(ours)
    for path in plants:
        named(report, "mode", path)
    healed = drift(ours, "--heal")
    check(not healed["findings"], f"left after --heal: {rows(healed)}")
    # What nobody forbids stays: of a log only that others may write it.
    wrong = [str(path) for path in plants if path.stat().st_mode & 0o7733 != before[path] & 0o7733]
    check(not wrong, f"not as they were: {wrong}")


@test("an owner is found and healed")
def owners(world):
    ours = fleet(world)
    _, _, _, directory = paths(world, ours)
    if os.geteuid() != 0:
        return
    os.chown(directory / "password", 12345, -1)
    named(drift(ours), "owner", directory / "password")
    healed = drift(ours, "--heal")
    check(not healed["findings"], f"left after --heal: {rows(healed)}")


@test("credentials that are missing or say something else are found, and no secret is shown")
def credentials(world):
    ours = fleet(world)
    _, _, _, directory = paths(world, ours)
    with kept(directory / "uri", directory / "secrets.json"):
        (directory / "uri").write_text("mongodb://convoy-system.x:planted-secret@127.0.0.1/\n")
        secret = json.loads((directory / "secrets.json").read_text())
        (directory / "secrets.json").write_text(json.dumps({**secret, "MORE": "planted-secret"}))
        report = drift(ours)
        named(report, "credential", directory / "uri")
        named(report, "credential", directory / "secrets.json")
        check("planted-secret" not in json.dumps(report), "a secret is in the report")
    gone = (directory / "password").read_bytes()
    (directory / "password").unlink()
    named(drift(ours), "credential", directory / "password")
    (directory / "password").write_bytes(gone)
    (directory / "password").chmod(0o600)
    eventually(20, "it is proved again", lambda: not drift(ours)["findings"])


@test("files of the release that changed, went or came are found, and not healed")
def release(world):
    ours = fleet(world)
    tree = pathlib.Path(world.root / "var/lib/convoy/releases" / ours.status()["release"]["digest"]) / "tree"
    changed, gone = [path for path in sorted(tree.glob("*/__init__.py")) if path.stat().st_size > 0][:2]
    aside = gone.read_bytes()
    with kept(changed):
        append(changed, "\n# changed\n")
        gone.unlink()
        (tree / "never_had").mkdir()
        (tree / "never_had/__init__.py").write_text("")
        report = drift(ours)
        named(report, "release", changed)
        named(report, "release", gone)
        named(report, "package", tree / "never_had")
        healed = drift(ours, "--heal")
        check(len(healed["findings"]) == 3, f"of three that are not healed: {rows(healed)}")
    gone.write_bytes(aside)
    shutil.rmtree(tree / "never_had")
    clean(ours, "after the release was put right by hand")


@test("users and roles of the database are found, and healed")
def users(world):
    ours = fleet(world)
    admin = world.admin()
    held = sorted(user for _, user in users_of(admin) if user.startswith("convoy-system."))
    admin.admin.command("createUser", "convoy-system.gone-1-g0", pwd="x", roles=[])
    admin.admin.command("updateUser", held[0], roles=[{"role": "readWrite", "db": "shop"}])
    admin.admin.command("updateUser", held[1], roles=[])
    admin.admin.command("dropUser", held[2])
    report = drift(ours)
    named(report, "user", "convoy-system.gone-1-g0")
    check("readWrite" in named(report, "role", held[0])["found"], "the role is not named")
    check("missing" in named(report, "role", held[1])["found"], "the missing role is not named")
    check(named(report, "user", held[2])["found"] == "missing", "the missing user is not named")
    STATE["planted"] |= {("role", "missing"), ("user", "missing")}
    healed = drift(ours, "--heal")
    check(not healed["findings"], f"left after --heal: {rows(healed)}")
    eventually(20, "all are proved again", lambda: ours.status()["converged"])
    admin.admin.command("updateUser", held[0], pwd="another")
    eventually(20, "another password is found", lambda: any(
        row["kind"] == "user" and row["subject"] == held[0] for row in drift(ours)["findings"]))
    STATE["planted"].add(("user", "password"))
    healed = drift(ours, "--heal")
    check(not healed["findings"], f"left after --heal: {rows(healed)}")


@test("what is left of generations that are gone is found and put aside")
def leftovers(world):
    ours = fleet(world)
    root, name, _, directory = paths(world, ours)
    state = root / "var/lib/convoy"
    (state / "instances/analytics-1-g0").mkdir(mode=0o700)
    (state / "instances/analytics-1-g0/uri").write_text("kept")
    (state / "generations/77.plan.json").write_text("{not json")
    (directory / "uri.bak").write_text("a copy")
    (root / "etc/convoy/gate/policy.json.orig").write_text("{}")
    report = drift(ours)
    named(report, "generation", state / "instances/analytics-1-g0")
    named(report, "generation", state / "generations/77.plan.json")
    named(report, "stray", directory / "uri.bak")
    named(report, "stray", root / "etc/convoy/gate/policy.json.orig")
    healed = drift(ours, "--heal")
    check(not healed["findings"], f"left after --heal: {rows(healed)}")
    check((state / "quarantine/analytics-1-g0-1/uri").read_text() == "kept", "it was deleted, not put aside")


@test("listeners: a stranger on a port of the fleet, and an orphan that runs its release")
def listeners(world):
    ours = fleet(world)
    root, name, row, directory = paths(world, ours)
    plan = json.loads(next((root / "var/lib/convoy/generations").glob("*.plan.json")).read_text())
    instance = next(one for one in plan["instances"] if one["name"] == name)
    # Another address of the same port: one that the instance has not taken.
    script = (f"import socket,time\ns=socket.create_server(('127.0.0.2', {instance['port']}))\n"
              "print(flush=True)\ntime.sleep(600)")
    stranger = subprocess.Popen(["/usr/bin/python3", "-c", script], stdout=subprocess.PIPE)
    digest = plan["release"]["digest"]
    orphan = subprocess.Popen(
        ["/usr/bin/python3", "-c", "import time; print(flush=True); time.sleep(600)",
         root / "var/lib/convoy/releases" / digest / "launch.py"], stdout=subprocess.PIPE, start_new_session=True)
    for process in (stranger, orphan):
        process.stdout.readline()
    try:
        report = drift(ours)
        named(report, "listener", f"127.0.0.2:{instance['port']}")
        named(report, "generation", f"pid {orphan.pid}")
    finally:
        for process in (stranger, orphan):
            process.kill()
            process.wait()
    clean(ours, "after both were stopped")


def launch(instance):
    """As the supervisor starts it, with its secrets."""
    plan = instance["launch"]
    environment = dict(plan["environment"])
    environment |= json.loads(pathlib.Path(plan["secretsFile"]).read_text())
    return [plan["executable"], *plan["arguments"]], environment, plan["workingDirectory"]


def ticks(pid):
    return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[19])


def supervisor(world):
    return one_process(world.root, lambda words: " supervise " in f" {words} " and "--root" in words)


@test("what runs: other arguments, other names in the environment, another program, another address")
def impostor(world):
    ours = fleet(world)
    root, name, row, _ = paths(world, ours)
    plan = json.loads(next((root / "var/lib/convoy/generations").glob("*.plan.json")).read_text())
    instance = next(one for one in plan["instances"] if one["name"] == name)
    words, environment, directory = launch(instance)
    copy = world.work / "another-python"
    shutil.copy(os.path.realpath(words[0]), copy)
    copy.chmod(0o755)
    script = world.work / "listener.py"
    # The same server, and a listener more where everybody may come in.
    script.write_text("import os,socket,sys\ns=socket.socket()\ns.bind(('0.0.0.0',0))\ns.listen()\n"
                      "os.set_inheritable(s.fileno(),True)\nos.execve(sys.argv[1],sys.argv[2:],dict(os.environ))\n")
    # The supervisor is away while somebody starts another process in the place of its own.
    old = supervisor(world)
    os.kill(old, signal.SIGKILL)
    os.kill(row["pid"], signal.SIGKILL)
    eventually(10, "the instance is gone", lambda: not harness.alive(row["pid"]))
    environment["LD_BIND_NOW"] = "1"
    process = subprocess.Popen(
        ["/usr/bin/python3", "-I", "-S", script, copy, *words, "-t", "streamable-http"],
        env=environment, cwd=directory, start_new_session=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    eventually(10, "it became the server", lambda: str(copy) in os.readlink(f"/proc/{process.pid}/exe"))
    book = root / "run/convoy/processes.json"
    entries = json.loads(book.read_text())
    entries[name]["record"] |= {"pid": process.pid, "startTicks": ticks(process.pid)}
    book.write_text(json.dumps(entries))
    ours.convoy("up", fails=True)
    try:
        check(ours.instances()[name]["pid"] == process.pid, "the supervisor did not take it for its own")
        report = drift(ours)
        check("streamable-http" in named(report, "arguments", name)["found"], "the argument is not named")
        check("LD_BIND_NOW" in named(report, "environment", name)["found"], "the name is not named")
        check(str(copy) in named(report, "program", name)["found"], "the program is not named")
        named(report, "listener", "0.0.0.0:")
    finally:
        process.kill()
        process.wait()
    eventually(60, "its own instance is back", lambda: (now := ours.instances()[name])["ready"] and now["pid"] != process.pid)
    clean(ours, "after the impostor was stopped")


@test("a daemon whose binary was replaced is found")
def binary(world):
    ours = fleet(world)
    # A convoy of its own: nobody else's binary is touched.
    copy = world.work / "bin/convoy"
    copy.parent.mkdir(exist_ok=True)
    shutil.copy(os.environ["CONVOY_BIN"], copy)
    gate = one_process(world.root, lambda words: " gate " in f" {words} ")
    os.kill(supervisor(world), signal.SIGKILL)
    own = os.environ["CONVOY_BIN"]
    os.environ["CONVOY_BIN"] = str(copy)
    try:
        ours.convoy("up")
    finally:
        os.environ["CONVOY_BIN"] = own
    # The new supervisor renews it, perhaps before we do.
    with contextlib.suppress(ProcessLookupError):
        os.kill(gate, signal.SIGKILL)
    eventually(10, "a gate of the new supervisor", lambda: any(
        " gate " in " ".join(words) and pid != gate for pid, words in harness.processes_below(world.root).items()))
    clean(ours, "with another convoy")
    fresh = copy.with_name("convoy.new")
    shutil.copy(copy, fresh)
    fresh.rename(copy)
    report = drift(ours)
    named(report, "binary", "supervisor")
    named(report, "binary", "gate")
    os.kill(supervisor(world), signal.SIGKILL)
    os.kill(one_process(world.root, lambda words: " gate " in f" {words} "), signal.SIGKILL)
    ours.convoy("up")
    clean(ours, "with the convoy that is installed")


@test("fleet.yaml and fleet.lock that say something else are found, and plan is pointed at")
def files(world):
    ours = fleet(world)
    with kept(ours.spec):
        ours.spec.write_text(ours.spec.read_text().replace("replicas: 3", "replicas: 2"))
        check("convoy plan" in named(drift(ours), "plan", "fleet.yaml")["heal"], "plan is not pointed at")
    lock = ours.spec.with_name("fleet.lock")
    with kept(lock):
        text = json.loads(lock.read_text())
        for one in text["releases"]:
            one["digest"] = "ab" * 32
        lock.write_text(json.dumps(text))
        check(any(row["kind"] == "plan" for row in drift(ours)["findings"]), "the lock is not found")
        STATE["planted"].add(("plan", "fleet.lock"))
    clean(ours, "after both were put back")


@test("a gate that applies another policy than was written is found and healed")
def applied(world):
    ours = fleet(world)
    path = world.root / "etc/convoy/gate/policy.json"
    gate = one_process(world.root, lambda words: " gate " in f" {words} ")
    with kept(path):
        policy = json.loads(path.read_text())
        path.write_text(json.dumps(policy | {"revision": 12345}))
        os.kill(gate, signal.SIGHUP)
        eventually(5, "the gate took it", lambda: any(
            row["kind"] == "policy" and row["subject"] == "gate" for row in drift(ours)["findings"]))
    # The file is as it was, the gate is not.
    named(drift(ours), "policy", "gate")
    healed = drift(ours, "--heal")
    check(not healed["findings"], f"left after --heal: {rows(healed)}")


@test("a database that can't be asked is told, with exit 69")
def away(world):
    ours = fleet(world)
    secret = world.work / "database/admin-uri"
    with kept(secret):
        secret.write_text(re.sub(r":[^:@/]+@", ":wrong@", secret.read_text()))
        report = drift(ours)
        check(not report["findings"] and report["unseen"], f"{rows(report)}, unseen {report['unseen']}")
        check("users" in report["unseen"][0], f"it does not say what: {report['unseen']}")


@test("after a rollout and after a rollback there is no drift")
def rolled(world):
    ours = fleet(world)
    ours.convoy("rollout", "--to", "0.6.2")
    clean(ours, "after a rollout")
    ours.convoy("rollback")
    clean(ours, "after a rollback")


@test("at least 25 different differences were planted, each found and named")
def count(world):
    planted = STATE["planted"]
    check(len(planted) >= 25, f"only {len(planted)}: {sorted(planted)}")
    print(f"      {len(planted)} differences")


if __name__ == "__main__":
    harness.run(__doc__)
