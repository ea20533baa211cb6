#!/usr/bin/env python3
"""What `convoy logs` makes of the files of a host without systemd."""

import json
import os
import pathlib
import subprocess
import tempfile
import threading

import harness
from harness import check, eventually, test

WORDS = {
    "analytics-1-g2": "2026-11-21T10:00:01Z one\n  and more\n2026-11-21T10:00:05Z mongodb://u:hush1@db/ \x1b[31mred\n",
    "support-1-g2": '{"time":"2026-11-21T10:00:02Z","message":"two"}\n',
    "supervisor": "2026-11-21T10:00:03Z three\n",
    "edge-access": '{"time":"2026-11-21T10:00:04+00:00","status":200}\n',
    "gate": '{"ts":"2026-11-21T10:00:06.500Z","event":"six"}\n',
}


class Host:
    def __init__(self, stack):
        self.root = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="convoy-logs-")))
        self.folder = self.root / "var/lib/convoy/log"
        self.folder.mkdir(parents=True)
        for name, text in WORDS.items():
            (self.folder / f"{name}.log").write_text(text)

    def command(self, *words):
        return [os.environ["CONVOY_BIN"], "logs", "--root", str(self.root), *words]

    def logs(self, *words, fails=0):
        done = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=60)
        check(done.returncode == fails, f"exit {done.returncode}: {done.stderr}")
        return done.stdout if not fails else done.stderr


@test("all logs are one, by time; each line says when and who")
def merged(host):
    rows = host.logs().splitlines()
    one = "analytics-1-g2"
    check([row.split()[1] for row in rows] == [one, one, "support-1-g2", "supervisor", "edge-access", one, "gate"],
          f"{rows}")
    check(rows[1] == "2026-11-21T10:00:01.000Z  analytics-1-g2    and more", rows[1])
    check(rows[5].endswith("mongodb://<redacted>@db/ \\x1b[31mred"), rows[5])


@test("pools, instances and daemons, a time and a number choose lines")
def chosen(host):
    check(len(host.logs("analytics").splitlines()) == 3, "analytics")
    check("two" in host.logs("support-1-g2") and "status" in host.logs("edge"), "support-1-g2, edge")
    check([row.split()[1] for row in host.logs("-n", "2").splitlines()] == ["analytics-1-g2", "gate"], "-n 2")
    check(len(host.logs("--since", "2026-11-21T10:00:04Z").splitlines()) == 3, "--since")
    told = host.logs("nobody", fails=69)
    check("none of nobody" in told and "choose from: analytics-1-g2, edge-access" in told, told)
    check("is no time" in host.logs("--since", "soon", fails=64), "--since soon")


@test("--json is one object for each line, as its schema says, and hides the same")
def lines(host):
    rows = [json.loads(row) for row in host.logs("--json").splitlines()]
    schema = json.loads((harness.OPS / "schemas/logs.schema.json").read_text())
    keys = {"time", "host", "source", "pool", "generation", "priority", "message"}
    check(set(schema["properties"]) == keys == set(schema["required"]), "schema")
    check(all(set(row) == keys for row in rows), f"{rows[0]}")
    check(rows[0] == {"time": "2026-11-21T10:00:01.000Z", "host": None, "source": "analytics-1-g2", "pool": "analytics",
                      "generation": 2, "priority": None, "message": "2026-11-21T10:00:01Z one"}, f"{rows[0]}")
    check("hush1" not in json.dumps(rows), "a password is shown")


@test("-f tells new lines of old and new logs at once, and ends when nobody reads")
def follows(host):
    with subprocess.Popen(host.command("-f", "-n", "1"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
        check("six" in process.stdout.readline(), "the last line")
        for name in ["gate", "analytics-1-g3"]:
            with open(host.folder / f"{name}.log", "a") as log:
                log.write("2026-11-21T10:00:07Z new\n")
            watchdog = threading.Timer(10, process.kill)
            watchdog.start()
            row, _ = eventually(10, "the new line", process.stdout.readline)
            watchdog.cancel()
            check(row.split()[1] == name, row)
        process.stdout.close()
        check(process.wait(timeout=5) == 0 and process.stderr.read() == "", "it did not end quietly")


@test("a reader that had enough is no error")
def closed(host):
    with open(host.folder / "gate.log", "a") as log:
        log.writelines(f"2026-11-21T10:00:08Z {n}\n" for n in range(50_000))
    done = subprocess.run(f"{' '.join(host.command('-n', '50000'))} | head -1; echo ${{PIPESTATUS[0]}}", shell=True,
                          executable="/bin/bash", capture_output=True, text=True, timeout=60)
    check(done.stdout.splitlines()[1:] == ["0"] and done.stderr == "", f"{done.stdout[-200:]} {done.stderr}")


if __name__ == "__main__":
    harness.run(__doc__, Host)
