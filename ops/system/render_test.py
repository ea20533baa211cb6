#!/usr/bin/env python3
"""What `convoy render` writes: the same bytes each time, without root, network, release or secret."""

import hashlib
import json
import os
import pathlib
import subprocess
import tempfile

import harness
from harness import OPS, check, test

SPEC = (OPS / "examples/shop.yaml").read_text()
RELEASE = {"kind": "pypi", "name": "documentdb-mcp", "version": "0.6.2"}
UNITS = harness.parts.REPOSITORY / "units"


class Folder:
    """A fleet's files, and nobody who runs it."""

    def __init__(self, stack):
        self.path = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="convoy-render-")))
        self.path.chmod(0o777)
        (self.path / "fleet.yaml").write_text(SPEC)
        self.lock(programs={})

    def lock(self, **more):
        release = {"constraints": [], "digest": "ab" * 32, "packages": [], "platform": "cp311-linux_x86_64",
                   "reference": RELEASE, **more}
        (self.path / "fleet.lock").write_text(json.dumps({"format": 1, "releases": [release]}))

    def render(self, out, *words, fails=None, through=()):
        command = [*through, os.environ["CONVOY_BIN"], "render", "--out", out, *words]
        done = subprocess.run(command, cwd=self.path, capture_output=True, text=True, timeout=60)
        check(done.returncode == (fails or 0), f"exit {done.returncode}: {done.stderr}")
        return done

    def files(self, out):
        folder = self.path / out
        return {str(p.relative_to(folder)): (p.stat().st_mode & 0o777, hashlib.sha256(p.read_bytes()).hexdigest())
                for p in sorted(folder.rglob("*")) if p.is_file()}


@test("twice the same bytes, into one directory and into another")
def stable(folder):
    folder.render("one")
    first = folder.files("one")
    folder.render("one")
    folder.render("two/below")
    check(first == folder.files("one") == folder.files("two/below"), "other bytes")
    document = json.loads(folder.render("one", "--json").stdout)
    check(document["files"] == sorted(set(first) - {".convoy-render"}), "the list is not what was written")
    wish = document["wish"]
    for name in document["files"]:
        head = (folder.path / "one" / name).read_text().split("\n")[:5]
        check(wish in "\n".join(head), f"{name} does not say which wish it was made from")


@test("it needs neither root nor network, and writes nowhere else")
def alone(folder):
    before = sorted(folder.path.iterdir())
    nobody = ["unshare", "-n", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    folder.render("three", through=nobody if os.getuid() == 0 else [])
    folder.render("one")
    check(folder.files("three") == folder.files("one"), "other bytes for another user")
    check({p.name for p in folder.path.iterdir()} - {p.name for p in before} <= {"three"}, "it left something behind")


@test("every unit, user and directory of the package is in it, and one unit for each instance")
def complete(folder):
    found = folder.files("one")
    for path in [*UNITS.glob("*.service"), *UNITS.glob("*.socket")]:
        check(f"usr/lib/systemd/system/{path.name}" in found, path.name)
    instances = [name for name in found if "convoy-instance-" in name]
    last = "etc/systemd/system/convoy-instance-support-2-g1.service"
    check(len(instances) == 5 and last in instances, f"{instances}")
    for name in ["etc/convoy/firewall.nft", "etc/convoy/gate/policy.json", "etc/convoy/edge/current/nginx.conf",
                 "usr/lib/sysusers.d/convoy.conf", "usr/lib/tmpfiles.d/convoy.conf", "etc/systemd/system/convoy.slice"]:
        check(name in found, name)


@test("what is gone from fleet.yaml is gone from the directory, what others put there stays")
def replaced(folder):
    (folder.path / "one/notes").write_text("mine")
    (folder.path / "fleet.yaml").write_text(SPEC.replace("replicas: 2", "replicas: 1"))
    folder.render("one")
    found = folder.files("one")
    check("etc/systemd/system/convoy-instance-support-2-g1.service" not in found, "a stale unit is still there")
    check("notes" in found, "somebody else's file is gone")
    (folder.path / "fleet.yaml").write_text(SPEC)


@test("a directory of somebody else's is refused, unless it is forced")
def refused(folder):
    (folder.path / "theirs").mkdir(exist_ok=True)
    (folder.path / "theirs/notes").write_text("mine")
    told = folder.render("theirs", fails=1).stderr
    check("holds notes" in told and "--force" in told, told)
    check(list((folder.path / "theirs").iterdir()) == [folder.path / "theirs/notes"], "it wrote all the same")
    folder.render("theirs", "--force")
    check((folder.path / "theirs/notes").read_text() == "mine", "forced, it took the file away")


@test("what only a lock knows is asked for, with what to do: exit 69")
def unknown(folder):
    folder.lock()
    told = folder.render("four", fails=69).stderr
    check("does not say how pypi:documentdb-mcp@0.6.2 is started" in told and "releases fetch" in told, told)
    (folder.path / "fleet.lock").unlink()
    told = folder.render("four", fails=69).stderr
    check("fleet.lock is missing" in told and "releases fetch" in told, told)
    check(not (folder.path / "four").exists(), "it wrote all the same")
    folder.lock(programs={"documentdb-mcp": "../../bin/sh"})
    check("is not below the release" in folder.render("four", fails=65).stderr, "a path out of the release was taken")
    folder.lock(programs={})
    check("no host web-9" in folder.render("four", "--host", "web-9", fails=64).stderr, "a host that is not there")


if __name__ == "__main__":
    harness.run(__doc__, Folder)
