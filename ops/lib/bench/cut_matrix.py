"""A rollout cut at every entry of its journal, by every kind of death, and mended both ways."""

import contextlib
import fcntl
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "system"))
import harness
from harness import LINK, alive, check, processes_below

from . import cut_host, rig

VERSIONS = ("1.6.3", "2.0.0")
VICTIMS = ("operator", "supervisor", "both", "tree")
MENDS = ("resume", "rollback")
KINDS = [(victim, mend) for victim in VICTIMS for mend in MENDS]
SPEC = """fleet: cut
server: {{profile: grafana, release: "pypi:mcp-grafana@1.6.3"}}
health: {{interval: 500ms}}
pools:
  analytics: {{replicas: 6, scope: "mcp:analytics"}}
edge:
  url: http://127.0.0.1:{port}
  authorization: development
rollout: {{strategy: STRATEGY, bake: 300ms, drain: 500ms, deadline: 1m}}
"""
JOURNAL = ('SELECT rollout, step, mark FROM journal WHERE rollout = (SELECT max(rollout) FROM journal) '
           'ORDER BY "index"')


class Valve:
    """A pipe that holds one event: whoever writes the next one waits until that is read. So an operator that tells
    its journal by --events stands still after any entry of it, and what is to be killed is killed exactly there."""

    def __init__(self):
        # A packet for each write, and room for one.
        self.reader, self.writer = os.pipe2(os.O_DIRECT | os.O_CLOEXEC)
        fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, 4096)
        os.write(self.writer, b"-")

    def inherited(self):
        os.close(self.writer)

    def let(self, count):
        for _ in range(count):
            if not os.read(self.reader, 4096):
                break

    def open(self):
        """Whatever still comes goes through; ends when nobody writes any more."""
        def drain():
            while os.read(self.reader, 4096):
                pass
            os.close(self.reader)
        threading.Thread(target=drain, daemon=True).start()


class Direct:
    """The fleet's processes are this machine's."""

    def __init__(self, stack):
        os.environ.setdefault("CONVOY_TEST_WORK", stack.enter_context(
            tempfile.TemporaryDirectory(prefix="convoy-cuts-")))
        self.world = harness.World(stack)
        self.work = self.world.work

    def fleet(self, name, spec):
        self.its = self.world.fleet(name, spec)
        self.its.up()
        return self.its

    @property
    def state(self):
        return self.world.root / "var/lib/convoy"

    def journal(self, query):
        with contextlib.closing(sqlite3.connect(f"file:{self.state}/ledger.db?mode=ro", uri=True, timeout=5)) as ledger:
            return ledger.execute(query).fetchall()

    def operator(self, *words, **options):
        command = [os.environ["CONVOY_BIN"], words[0], "--root", self.world.root, "--file", self.its.spec, *words[1:]]
        return subprocess.Popen(command, **options)

    def kill_operator(self, process):
        process.kill()

    def kill_supervisor(self, pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def kill_everything(self):
        for pid in processes_below(self.world.root):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def return_to_life(self):
        """Nobody starts anything: that is what `resume` is for."""

    def strays(self, status):
        wrong = []
        known = {row["pid"] for row in status["instances"]} | {status["supervisor"]["pid"]}
        for pid, words in processes_below(self.world.root).items():
            line = " ".join(words)
            if pid in known or " gate" in line or "nginx:" in line or "nginx" in words[0] or not alive(pid):
                continue
            wrong.append(f"orphan {pid}: {line[:60]}")
        if "mcp-grafana" in " ".join(" ".join(words) for words in strangers(known)):
            wrong.append(f"orphans: {strangers(known)}")
        return wrong


# A rolling update goes two by two: each part has ten entries of its own.
STRATEGIES = {"flip": "flip", "rolling": "rolling, rolling: {{maxUnavailable: 2}}",
              "canary": "canary, canary: {{for: 1s}}"}


class Matrix:
    def __init__(self, place, strategy):
        self.place, self.strategy = place, strategy
        self.fleet = place.fleet(f"cut-{strategy}", SPEC.replace("STRATEGY", STRATEGIES[strategy]))
        # Both releases are there before the first cut: what is measured is the rollout.
        self.roll(VERSIONS[1])
        self.roll(VERSIONS[0])

    # What is done

    def roll(self, version):
        self.fleet.convoy("rollout", "--to", version)

    def version(self):
        return self.fleet.status()["release"]["version"]

    def other(self, version):
        return VERSIONS[1 - VERSIONS.index(version)]

    def entries(self):
        """Of the newest rollout: (its number, its entries so far). The operator writes meanwhile."""
        rows = self.place.journal(JOURNAL)
        return (rows[0][0], [f"{step} {mark}" for _, step, mark in rows]) if rows else (0, [])

    def length(self):
        """How many entries an undisturbed rollout writes."""
        self.roll(self.other(self.version()))
        return self.entries()[1]

    def cut(self, index, victim):
        """Begins a rollout and kills when entry `index` is there, and nothing after it is done; answers the entry that
        was the last then."""
        before, supervisor = self.entries()[0], self.fleet.status()["supervisor"]["pid"]
        valve = Valve()
        with (self.place.work / "operator.log").open("w") as log:
            operator = self.place.operator("rollout", "--to", self.other(self.version()), "--events",
                                           stdout=valve.writer, stderr=log)
        valve.inherited()
        stands = lambda: (now := self.entries())[0] != before and len(now[1]) >= index
        try:
            valve.let(index - 1)
            harness.eventually(60, f"entry {index}", lambda: operator.poll() is not None or stands(), every=0.005)
            number, entries = self.entries()
        except BaseException:
            self.place.kill_operator(operator)
            raise
        if victim in ("supervisor", "both"):
            self.place.kill_supervisor(supervisor)
        if victim in ("operator", "both") and operator.poll() is None:
            self.place.kill_operator(operator)
        if victim == "tree":
            self.place.kill_everything()
        valve.open()
        operator.wait(120)
        self.place.return_to_life()
        return entries[-1] if number != before and entries else "nothing written", operator.returncode

    def mend(self, verb):
        return self.fleet.convoy(verb, fails=True)

    # What must hold

    def faults(self, wanted):
        try:
            harness.eventually(20, "converged", lambda: self.fleet.status()["converged"], every=0.1)
        except (AssertionError, json.JSONDecodeError) as error:
            return [str(error)]
        status = self.fleet.status()
        wrong = []
        if status["release"]["version"] != wanted:
            wrong.append(f"serves {status['release']['version']}, not {wanted}")
        odd = [row["name"] for row in status["instances"] if row["version"] != wanted or not row["ready"]]
        if odd or len(status["instances"]) != 6:
            wrong.append(f"{len(status['instances'])} instances, odd ones: {odd}")
        return wrong + self.leftovers(status)

    def leftovers(self, status):
        names = {row["name"] for row in status["instances"]}
        state = self.place.state
        wrong = [f"left: {path.name}" for path in (state / "instances").iterdir() if path.name not in names]
        plans = [path.name for path in (state / "generations").glob("*.plan.json")]
        if plans != [f"{status['generation']}.plan.json"]:
            wrong.append(f"plans {plans}")
        return wrong + self.place.strays(status)


def strangers(known):
    """Servers of this kind that no fleet of ours knows, in our own network: others may run theirs in another."""
    found, own = [], os.readlink("/proc/self/ns/net")
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) not in known and alive(folder.name):
            words = harness.command_line(folder.name)
            with contextlib.suppress(OSError):
                if words and words[0].endswith("/mcp-grafana") and os.readlink(folder / "ns/net") == own:
                    found.append(words)
    return found


def group(matrix, victim, mend, indexes):
    """All cuts of one kind, with load over all of them unless everything dies."""
    log = matrix.place.work / "failed-calls"
    log.unlink(missing_ok=True)
    rows = []
    with contextlib.ExitStack() as stack:
        if victim != "tree":
            # Calm clients: several fleets at once share two processors with them.
            stack.enter_context(matrix.fleet.load("generate_deeplink", LINK, "/d/abc", clients=6, pause=0.2, failures=log,
                                                 fresh=matrix.strategy == "rolling"))
        for index in indexes:
            rows.append(one(matrix, index, victim, mend))
            rig.say(f"{matrix.strategy} {victim:10} {mend:8} {index:2} {rows[-1]['step']:18} "
                    + ("; ".join(rows[-1]["faults"]) or "ok"))
    failures = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    for row in rows:
        lost = [fault["error"] for fault in failures if row["began"] <= fault["time"] <= row["ended"]]
        if lost:
            row["faults"].append(f"{len(lost)} calls failed: {lost[0][:80]}")
    # Told now: a matrix takes long, and may not come to its table.
    rig.say(f"{matrix.strategy} {victim:10} {mend:8} {len(failures)} calls failed")
    return rows


def one(matrix, index, victim, mend):
    old = matrix.version()
    wanted = matrix.other(old) if mend == "resume" else old
    row = {"strategy": matrix.strategy, "index": index, "victim": victim, "mend": mend, "began": time.time()}
    step, code = matrix.cut(index, victim)
    done = matrix.mend(mend)
    faults = matrix.faults(wanted)
    if done.returncode != 0:
        faults.insert(0, f"{mend} exited {done.returncode}: {done.stderr.strip().splitlines()[-2:]}")
    if faults:
        faults.append(f"the operator had exited {code}")
        matrix.fleet.convoy("up", fails=True)
    return row | {"step": step, "faults": faults, "ended": time.time()}


def run(wishes):
    os.environ["CONVOY_BIN"] = rig.binary()
    rows, ended = spread(wishes) if wishes.workers > 1 else (cuts(wishes), [])
    show(rows, wishes.backend)
    for why in ended:
        print(f"missed: {why}")
    missed = sum(bool(row["faults"]) for row in rows) + len(ended)
    return {"backend": wishes.backend, "cuts": len(rows), "missed": missed, "rows": rows}


def cuts(wishes):
    harness.parts.run_under("client")
    first, step = (int(word) for word in wishes.share.split("/"))
    with contextlib.ExitStack() as stack:
        place = (cut_host.Host if wishes.backend == "systemd" else Direct)(stack)
        rows = []
        for strategy in wishes.strategies:
            matrix = Matrix(place, strategy)
            indexes = range(1, len(matrix.length()) + 1, wishes.every)
            for victim, mend in KINDS[first::step]:
                rows += group(matrix, victim, mend, indexes)
            matrix.fleet.end()
    return rows


def spread(wishes):
    """The kinds of cuts shared among several fleets at once, since most of a cut is waiting: each in a network (or, with
    systemd, a lab) of its own, so that none meets another's ports or takes another's servers for orphans."""
    alone = [] if wishes.backend == "systemd" else ["unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"]
    rows, ended = [], []
    with tempfile.TemporaryDirectory(prefix="convoy-cuts-") as folder:
        files = [pathlib.Path(folder) / f"{number}.json" for number in range(wishes.workers)]
        workers = [subprocess.Popen([*alone, rig.REPOSITORY / "ops/bench", "cut-matrix", "--backend", wishes.backend,
                                     "--strategies", ",".join(wishes.strategies), "--every", str(wishes.every),
                                     "--share", f"{number}/{wishes.workers}", "--json", file],
                                    stdout=subprocess.DEVNULL,
                                    env={name: value for name, value in os.environ.items() if name != "CONVOY_TEST_WORK"})
                   for number, file in enumerate(files)]
        try:
            for number, worker in enumerate(workers):
                code = worker.wait()
                if files[number].exists():
                    rows += json.loads(files[number].read_text())["rows"]
                else:
                    ended.append(f"fleet {number + 1} of {wishes.workers} ended with {code}")
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait()
    order = [(strategy, *kind) for strategy in wishes.strategies for kind in KINDS]
    return sorted(rows, key=lambda row: (order.index((row["strategy"], row["victim"], row["mend"])), row["index"])), ended


def show(rows, backend):
    print(f"\nA rollout of 6 instances on the {backend} backend, cut at each entry of its journal\n")
    print(f"{'STRATEGY':9}{'KILLED':12}{'THEN':10}{'CUTS':>5}{'HELD':>6}")
    kinds = dict.fromkeys((row["strategy"], row["victim"], row["mend"]) for row in rows)
    for kind in kinds:
        own = [row for row in rows if (row["strategy"], row["victim"], row["mend"]) == kind]
        held = sum(not row["faults"] for row in own)
        print(f"{kind[0]:9}{kind[1]:12}{kind[2]:10}{len(own):5}{held:6}")
    for row in rows:
        if row["faults"]:
            print(f"missed: {row['strategy']}, {row['victim']} killed at {row['index']} ({row['step']}), "
                  f"{row['mend']}: {'; '.join(row['faults'])}")
