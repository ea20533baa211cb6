#!/usr/bin/env python3
"""A disk that is full, or refuses to write, wherever that hurts: a clear error, nothing lost, and all goes on after.

The fleet's state is on a small tmpfs of its own, so this needs root. What a broken disk does to the ledger is
brought about by a limit on the size of files (RLIMIT_FSIZE): then write(2) fails within SQLite. And a wall clock that
jumps an hour: for convoy alone, by a library in front of libc.
"""

import contextlib
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile

import harness
import own_release
from harness import check, eventually, test

harness.parts.run_under("client")

SPEC = """\
fleet: faults
server: {{profile: ./plain.yaml, release: "path:./plain-1.0.0@1.0.0"}}
health: {{interval: 500ms}}
pools:
  analytics: {{replicas: 3, scope: "mcp:analytics"}}
edge: {{url: "http://127.0.0.1:{port}", authorization: development}}
rollout: {{bake: 500ms, drain: 1s, deadline: 20s}}
"""
STATE = {}
# Entries of the journal of a rollout that is not disturbed.
ENTRIES = 22


class SmallDisk:
    """The place of a fleet whose state has a disk of its own; it goes with the mount namespace or at the end."""

    def __init__(self, stack):
        if os.geteuid() != 0:
            print("error: only root can mount a small disk\n0 passed, 1 failed")
            sys.exit(69)
        self.work = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="convoy-faults-")))
        self.root, self.stack = self.work / "root", stack
        self.disk = self.root / "var/lib/convoy"
        self.disk.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m,mode=755", "convoy-faults", self.disk], check=True)
        stack.callback(subprocess.run, ["umount", "--lazy", self.disk])
        self.ballast = self.disk / "ballast"
        (self.work / "plain.yaml").write_text(own_release.profile("plain"))
        for number in "1.0.0", "2.0.0":
            own_release.write(self.work, "plain", number, remark=number)

    def fill(self, leaving=0):
        with self.ballast.open("wb", buffering=0) as file:
            with contextlib.suppress(OSError):
                while file.write(b"x" * 4096) == 4096:
                    pass
            file.truncate(max(0, file.tell() - leaving))

    def make_room(self):
        self.ballast.unlink(missing_ok=True)


def fleet(world):
    if "fleet" not in STATE:
        port = harness.free_port()
        spec = world.work / "fleet.yaml"
        spec.write_text(SPEC.format(port=port))
        STATE["fleet"] = harness.Fleet(world, spec, f"http://127.0.0.1:{port}")
        world.stack.callback(STATE["fleet"].end)
        world.stack.callback(world.make_room)
    return STATE["fleet"]


def release(version):
    return f"path:./plain-{version}@{version}"


def version(ours):
    return ours.status()["release"]["version"]


def other(name):
    return "2.0.0" if name == "1.0.0" else "1.0.0"


def load(ours):
    return ours.load("echo", {"text": "hello"}, "hello", clients=6, pause=0.1, mode="legacy")


def start(ours, *words, **options):
    command = [os.environ["CONVOY_BIN"], words[0], "--root", ours.world.root, "--file", ours.spec, *words[1:]]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def clear(words, code, wanted, codes):
    """An error that says what, why and what next, and ends as it should."""
    check(code in codes, f"exit {code}, not one of {codes}: {words[-600:]}")
    check(any(word in words.lower() for word in wanted), f"it does not say why: {words[-600:]}")
    check("next:" in words, f"it does not say what next: {words[-600:]}")


def serves(ours):
    found = ours.status()
    rows = [row for row in found["instances"] if row["version"] == found["release"]["version"] and row["ready"]]
    check(len(rows) >= 3, f"{len(rows)} instances serve: {found['instances']}")


def whole(ours):
    """Converged, on one release, with nothing of another generation left."""
    eventually(30, "converged", lambda: ours.status()["converged"], every=0.1)
    found, state = ours.status(), ours.world.disk
    names = {row["name"] for row in found["instances"]}
    check({row["version"] for row in found["instances"]} == {found["release"]["version"]}, f"mixed: {found}")
    left = {path.name for path in (state / "instances").iterdir()} - names
    check(not left, f"left: {left}")
    plans = [path.name for path in (state / "generations").glob("*.plan.json")]
    check(plans == [f"{found['generation']}.plan.json"], f"plans: {plans}")
    named = next(line for line in ours.spec.read_text().splitlines() if "release:" in line)
    check(f"@{found['release']['version']}" in named, f"fleet.yaml: {named}, {found['release']}")


def mend(ours, verb="resume"):
    done = ours.convoy(verb, fails=True)
    # Gone on with a way back it ends with 1, and says that the old release serves.
    check(done.returncode == 0 or (done.returncode == 1 and "serve" in done.stderr),
          f"{verb} exited {done.returncode}: {done.stderr[-600:]}")
    whole(ours)


def at_entry(ours, index, then, **options):
    """Begins a rollout and stops it for `then` when its journal has that entry; answers its words and exit code."""
    process = start(ours, "rollout", "--to", release(other(version(ours))), "--events", **options)
    try:
        for _ in range(index):
            if not process.stdout.readline():
                check(False, f"no entry {index}: {process.communicate()[1][-400:]}")
        process.send_signal(signal.SIGSTOP)
        then(process.pid)
        process.send_signal(signal.SIGCONT)
        words = process.communicate(timeout=120)
    finally:
        process.kill()
    return "".join(words), process.returncode


@test("up on a full disk says so with exit 69, and once there is room it brings the fleet up")
def first_up(world):
    ours = fleet(world)
    for leaving in (0, 16_384, 131_072):
        world.fill(leaving)
        done = ours.convoy("up", fails=True)
        if done.returncode != 0:
            clear(done.stderr, done.returncode, ["no space"], {69, 1})
            print(f"      {leaving} bytes left: exit {done.returncode}: {done.stderr.splitlines()[-2][:110]}", flush=True)
        check(leaving or done.returncode == 69, f"exit {done.returncode} instead of 69")
        world.make_room()
    ours.up()
    whole(ours)


@test("the disk gets full at an entry of a rollout's journal: a clear end, the fleet serves on, and resume ends it")
def full(world):
    ours = fleet(world)
    ends = {}
    with load(ours) as summary:
        for index in range(1, ENTRIES + 1, 3):
            words, code = at_entry(ours, index, lambda _: world.fill())
            if code != 0:
                clear(words, code, ["no space"], {1, 69, 70})
            serves(ours)
            world.make_room()
            mend(ours)
            ends[index] = code
    print(f"      entry: exit code {ends}", flush=True)
    check(len([code for code in ends.values() if code]) > 3, f"hardly any rollout met the full disk: {ends}")
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")


@test("the same, and taken back: the old release serves, and nothing of the new one is left")
def back(world):
    ours = fleet(world)
    with load(ours) as summary:
        for index in (3, 7, 11, 13):
            before = version(ours)
            _, code = at_entry(ours, index, lambda _: world.fill())
            serves(ours)
            world.make_room()
            mend(ours, "rollback")
            check(version(ours) == before or code == 0, f"entry {index}: {version(ours)} serves")
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")


@test("on a full disk a killed instance is started again, and a killed supervisor's successor adopts what runs")
def killed(world):
    ours = fleet(world)
    with load(ours) as summary:
        world.fill()
        row = next(iter(ours.instances().values()))
        os.kill(row["pid"], signal.SIGKILL)
        eventually(20, "the instance is back", lambda: ours.instances()[row["name"]]["ready"]
                   and ours.instances()[row["name"]]["pid"] != row["pid"], every=0.1)
        before = {name: each["pid"] for name, each in ours.instances().items()}
        os.kill(ours.status()["supervisor"]["pid"], signal.SIGKILL)
        done = ours.convoy("up", fails=True)
        if done.returncode != 0:
            clear(done.stderr, done.returncode, ["no space"], {1, 69})
        world.make_room()
        ours.convoy("up")
        whole(ours)
    after = {name: each["pid"] for name, each in ours.instances().items()}
    check(sum(after[name] == pid for name, pid in before.items()) >= 2, f"others run: {before} -> {after}")
    # Nobody can ask again for an answer that had begun when its instance was killed.
    check(summary["failed"] <= 1, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")


@test("a disk that refuses the ledger's writes: exit 1, the fleet serves on, and resume ends it")
def broken(world):
    ours = fleet(world)

    def limited(size):
        def prepare():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        return prepare

    ends = {}
    with load(ours) as summary:
        for size in (0, 16_000, 48_000, 96_000, 160_000):
            process = start(ours, "rollout", "--to", release(other(version(ours))), preexec_fn=limited(size))
            words, code = "".join(process.communicate(timeout=120)), process.returncode
            if code != 0:
                clear(words, code, ["i/o", "too large"], {1})
            serves(ours)
            mend(ours)
            ends[size] = code
    print(f"      limit: exit code {ends}", flush=True)
    check(len([code for code in ends.values() if code]) > 1, f"hardly any rollout met the limit: {ends}")
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")


# In front of libc: the wall clock is off by as many seconds as the file says. Whatever passes monotonically is not.
CLOCK = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long shift(void) {
    char text[32] = "";
    const char *path = getenv("CLOCK_SHIFT");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    long count = read(file, text, sizeof text - 1);
    close(file);
    return count > 0 ? strtol(text, NULL, 10) : 0;
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    int answer = syscall(SYS_clock_gettime, clock, now);
    if (!answer && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += shift();
    return answer;
}
int gettimeofday(struct timeval *now, void *zone) {
    int answer = syscall(SYS_gettimeofday, now, zone);
    if (!answer) now->tv_sec += shift();
    return answer;
}
time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}
"""


class Clock:
    """A wall clock that can be set, for each convoy that is started in its environment."""

    def __init__(self, world):
        self.library, self.file = world.work / "clock.so", world.work / "clock-shift"
        source = world.work / "clock.c"
        source.write_text(CLOCK)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", self.library, source], check=True)
        self.jump(0)
        self.environment = {**os.environ, "LD_PRELOAD": str(self.library), "CLOCK_SHIFT": str(self.file)}

    def jump(self, seconds):
        # Replaced, not rewritten: a reader in between would see no shift at all.
        fresh = self.file.with_suffix(".new")
        fresh.write_text(str(seconds))
        fresh.rename(self.file)

    def rules(self, pid):
        return str(self.library) in pathlib.Path(f"/proc/{pid}/maps").read_text()


def under(clock, ours):
    """A supervisor under that clock, instead of the one that runs. One that convoy starts gets no environment."""
    os.kill(ours.status()["supervisor"]["pid"], signal.SIGKILL)
    log = ours.world.stack.enter_context((ours.world.work / "supervisor.log").open("wb"))
    process = subprocess.Popen([os.environ["CONVOY_BIN"], "supervise", "--root", ours.world.root],
                               env=clock.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    eventually(20, "the supervisor answers", lambda: ours.status()["supervisor"]["pid"] == process.pid, every=0.1)
    check(clock.rules(process.pid), f"the supervisor {process.pid} is not under the clock that is to jump")
    return process.pid


def second(clock, ours, pid):
    """Somebody else, whose clock has jumped, too, gets no lease that another holds."""
    process = start(ours, "up", env=clock.environment)
    words = "".join(process.communicate(timeout=120))
    check(process.returncode == 75 and f"pid {pid}" in words, f"a second one: exit {process.returncode}: {words[-400:]}")


@test("a wall clock that jumps an hour, forth or back, at an entry of a rollout: it goes on, and keeps its lease")
def clock(world):
    ours = fleet(world)
    clock = STATE["clock"] = Clock(world)
    supervisor = under(clock, ours)
    ends = {}
    with load(ours) as summary:
        for index, jump in ((2, 3600), (6, -3600), (10, 3600), (14, 0), (18, -7200)):
            wanted = other(version(ours))

            def then(pid, jump=jump):
                clock.jump(jump)
                check(clock.rules(pid), "the operator is not under the clock that is to jump")
                second(clock, ours, pid)
            words, ends[index] = at_entry(ours, index, then, env=clock.environment)
            check(ends[index] == 0, f"jump to {jump} at entry {index}: exit {ends[index]}: {words[-600:]}")
            check(version(ours) == wanted, f"{version(ours)} serves, not {wanted}")
            whole(ours)
            lease = json.loads(subprocess.check_output(
                [os.environ["CONVOY_BIN"], "lease", "--root", world.root, "--json"], timeout=60))
            check(lease["lease"] is None, f"the lease is still held: {lease}")
    check(ours.status()["supervisor"]["pid"] == supervisor, "another supervisor runs than the one whose clock jumped")
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")


@test("killed right after such a jump, a rollout is resumed, or taken back, under the clock as it is then")
def killed_clock(world):
    ours, clock = fleet(world), STATE["clock"]
    with load(ours) as summary:
        for index, jump, verb in ((7, 3600, "resume"), (13, -3600, "resume"), (9, 3600, "rollback"), (11, 0, "rollback")):
            before = version(ours)

            def then(pid, jump=jump):
                clock.jump(jump)
                os.kill(pid, signal.SIGKILL)
            at_entry(ours, index, then, env=clock.environment)
            process = start(ours, verb, env=clock.environment)
            words = "".join(process.communicate(timeout=120))
            check(process.returncode == 0, f"{verb} at {index} exited {process.returncode}: {words[-600:]}")
            wanted = other(before) if verb == "resume" else before
            check(version(ours) == wanted, f"{verb} after a jump to {jump} at {index}: {version(ours)} serves")
            whole(ours)
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")


if __name__ == "__main__":
    harness.run(__doc__, SmallDisk)
