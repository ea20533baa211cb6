#!/usr/bin/env python3
"""The tests of Convoy's backend for systemd, on a host whose first process is systemd."""

import os
import pathlib
import re
import tempfile

import harness
from harness import check, test
from hosts import HOSTS, Lab, run
from systemd_host import RUNTIME

BUNDLE = "convoyPackageTests.xctest"


class World:
    def __init__(self, stack):
        os.environ.pop("CONVOY_LAB", None)
        work = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="convoy-systemd-units-")))
        self.lab = Lab(work / "lab")
        stack.callback(self.lab.hosts, "down", "--all", fails=True)
        run(HOSTS, "image", seconds=600)
        places = [pathlib.Path(os.environ["CONVOY_BIN"]).parent, harness.parts.REPOSITORY / ".build/debug"]
        tests = next((place for place in places if (place / BUNDLE).exists()), None)
        check(tests, f"no {BUNDLE}: run `swift build --build-tests` first")
        swift = re.search(r"=> (/\S+)/libswiftCore\.so", run("ldd", tests / BUNDLE).stdout)[1]
        self.lab.up("a", "--bind-ro", f"{tests.resolve()}:/opt/tests", "--bind-ro", f"{swift}:{RUNTIME}")
        self.lab.inside("a", "sh", "-c", f"echo {RUNTIME} > /etc/ld.so.conf.d/swift.conf; ldconfig")

    def run(self, filter):
        """Runs tests there; answers what is told of those that did not pass, and how many there were."""
        done = self.lab.inside(
            "a", "env", "CONVOY_SYSTEMD_HOST=1", "NO_COLOR=1", f"/opt/tests/{BUNDLE}", "--testing-library",
            "swift-testing", "--no-parallel", "--filter", filter, fails=True, seconds=500)
        lines = done.both.splitlines()
        total = re.search(r"Test run with (\d+) tests? in \d+ suites? passed", done.both)
        count = int(total[1]) if total and done.returncode == 0 else 0
        return count, [line for line in lines if line.startswith(("✘", "↳", "  ↳"))] or lines[-5:]


@test("units start, end, are found again and forged by nobody: every test of the backend holds on a real systemd")
def backend(world):
    count, told = world.run(r"SystemdTests\.OnSystemdHost")
    check(count > 10, f"{count} tests passed: " + "\n".join(told))
    print(f"      {count} tests")


if __name__ == "__main__":
    harness.run(__doc__, World)
