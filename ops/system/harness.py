"""What the system suites share: a real fleet, load upon it, and a closing line.

A suite is a module of `test`-decorated sentences and ends with `run(__doc__)`. Suites use the convoy
at CONVOY_BIN and share one database and one root in CONVOY_TEST_WORK (a fresh folder without it).
"""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import parts

OPS = parts.REPOSITORY / "ops"
FIND = {"database_name": "shop", "collection_name": "customers", "filter": {"_id": 3}}
LINK = {"resourceType": "dashboard", "dashboardUid": "abc"}
tests = []


def test(sentence):
    def register(function):
        tests.append((sentence, function))
        return function
    return register


def run(about, make=None):
    """Runs the suite's tests in a world, or in what `make` gives (then without a built convoy)."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(about)
        sys.exit(0)
    if not make and not os.environ.get("CONVOY_BIN"):
        print("error: CONVOY_BIN is not set: run it by ops/test\n0 passed, 1 failed")
        sys.exit(69)
    failed = 0
    with contextlib.ExitStack() as stack:
        world = (make or World)(stack)
        for sentence, function in tests:
            began = time.monotonic()
            try:
                function(world)
                print(f"ok    {sentence} ({time.monotonic() - began:.1f} s)", flush=True)
            except Exception as error:
                failed += 1
                print(f"FAIL  {sentence}: {error}", flush=True)
                if not isinstance(error, AssertionError):
                    traceback.print_exc()
    print(f"{len(tests) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def eventually(seconds, what, probe, every=0.02):
    """Polls until the probe gives something true; returns it and the seconds it took."""
    began = time.monotonic()
    while True:
        found = probe()
        took = time.monotonic() - began
        if found:
            return found, took
        check(took < seconds, f"not within {seconds} s: {what}")
        time.sleep(every)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def users_of(admin):
    """(database, user) of every user but the admin. Not forAllDBs: the test database answers that with nothing."""
    rows = [row for name in ("admin", "shop") for row in admin[name].command("usersInfo", 1)["users"]]
    check(any(row["user"] == "admin" for row in rows), "usersInfo does not even show the admin")
    return {(row["db"], row["user"]) for row in rows if row["user"] != "admin"}


class World:
    """The working folder, the database and at most one fleet at a time."""

    def __init__(self, stack):
        shared = os.environ.get("CONVOY_TEST_WORK")
        self.work = pathlib.Path(shared or stack.enter_context(tempfile.TemporaryDirectory(prefix="convoy-system-")))
        self.root = self.work / "root"
        subprocess.run([OPS / "lab/database", "start", self.work / "database"], check=True, stdout=subprocess.DEVNULL)
        if not shared:
            stack.callback(subprocess.run, [OPS / "lab/database", "stop", self.work / "database"])
        self.stack = stack

    def admin(self):
        import pymongo
        uri = (self.work / "database/admin-uri").read_text().strip()
        client = pymongo.MongoClient(uri, serverSelectionTimeoutMS=5000)
        self.stack.callback(client.close)
        return client

    def fleet(self, name, text):
        port = free_port()
        spec = self.work / f"{name}.yaml"
        spec.write_text(text.format(port=port, uri=(self.work / "database/uri").read_text().strip()))
        fleet = Fleet(self, spec, f"http://127.0.0.1:{port}")
        self.stack.callback(fleet.end)
        return fleet

    def documentdb(self, version="0.1.54", extra=""):
        return self.fleet("documentdb", DOCUMENTDB.replace("VERSION", version).replace("EXTRA", extra))

    def grafana(self, version="1.6.3"):
        return self.fleet("grafana", GRAFANA.replace("VERSION", version))


COMMON = """
pools:
  analytics:
    replicas: 3
    DATABASES
    scope: mcp:analytics
edge:
  url: http://127.0.0.1:{port}
  authorization: development
rollout: {{bake: 1s, drain: 2s, deadline: 2m}}
"""
DOCUMENTDB = """fleet: system
server: {{profile: documentdb, release: "pypi:documentdb-mcp@VERSION"}}
database: {{uri: "{uri}", admin: {{file: database/admin-uri}}}}
health:
  interval: 1s
  proofInterval: 2s
  canary:
    tool: find
    arguments: {{database_name: shop, collection_name: customers, filter: {{_id: 3}}}}
    contains: [Customer 3]
EXTRA""" + COMMON.replace("DATABASES", "databases: {{shop: read}}")
GRAFANA = """fleet: system
server: {{profile: grafana, release: "pypi:mcp-grafana@VERSION"}}
health: {{interval: 500ms}}
""" + COMMON.replace("    DATABASES\n", "")


class Fleet:
    # What goes before a command to run it where the edge can be reached.
    entrance = ()

    def __init__(self, world, spec, url):
        self.world, self.spec, self.url = world, spec, url
        self.endpoint = f"{url}/analytics/mcp"
        self.is_up = False

    def convoy(self, *words, fails=False, seconds=300):
        """Runs a verb; answers its CompletedProcess. With `fails`, the caller judges the exit code."""
        command = [os.environ["CONVOY_BIN"], *words, "--root", self.world.root, "--file", self.spec]
        done = subprocess.run(command, text=True, capture_output=True, timeout=seconds)
        shown = " ".join(words)
        check(fails or done.returncode == 0, f"convoy {shown} exited {done.returncode}: {done.stderr[-600:]}")
        return done

    def up(self):
        self.is_up = True
        return self.convoy("up")

    def end(self):
        if self.is_up:
            self.convoy("down", fails=True)
            self.is_up = False

    def status(self):
        return json.loads(self.convoy("status", "--json", fails=True).stdout)

    def instances(self):
        return {row["name"]: row for row in self.status()["instances"]}

    def token_file(self):
        path = self.world.work / "token"
        token = self.convoy("token", "--pool", "analytics", "--ttl", "1h").stdout
        path.touch(mode=0o600)
        path.write_text(token)
        return path

    @contextlib.contextmanager
    def load(self, tool, arguments, contains, clients=20, pause=0.02, mode="auto", sdk=2, flip=False,
             failures=None, fresh=False):
        """Load while the block runs; its summary is then in the dictionary that the block got."""
        ready, flipped = self.world.work / "load.ready", self.world.work / "load.flipped"
        ready.unlink(missing_ok=True)
        flipped.unlink(missing_ok=True)
        command = [*self.entrance, OPS / "load", "--url", self.endpoint, "--token-file", self.token_file(),
                   "--tool", tool, "--arguments", json.dumps(arguments), "--contains", contains,
                   "--clients", str(clients), "--sdk", str(sdk), "--mode", mode, "--pause", str(pause),
                   "--ready", ready, "--flipped", flipped]
        command += ["--expect-flip"] * flip + ["--fresh"] * fresh + (["--failures", failures] if failures else [])
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        summary = {}
        try:
            eventually(30, "every client got an answer", lambda: ready.exists() or process.poll() is not None)
            check(process.poll() is None, "the load ended at once")
            yield summary
            if flip:
                eventually(30, "a client met the new version", flipped.exists)
        finally:
            process.send_signal(signal.SIGTERM)
            summary.update(json.loads(process.communicate(timeout=60)[0] or "{}"))


def command_line(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    return []


def alive(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] not in "ZX"
    return False


def processes_below(root):
    """Pids whose command line or environment names the root: what this fleet started."""
    mark = str(root).encode()
    found = {}
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid() or not alive(folder.name):
            continue
        with contextlib.suppress(OSError):
            if mark in (folder / "cmdline").read_bytes():
                found[int(folder.name)] = command_line(folder.name)
    return found


def one_process(root, wanted):
    """The pid of the fleet's own process whose command line satisfies `wanted`."""
    pids = [pid for pid, words in processes_below(root).items() if wanted(" ".join(words))]
    check(len(pids) == 1, f"expected one process, found {len(pids)}")
    return pids[0]
