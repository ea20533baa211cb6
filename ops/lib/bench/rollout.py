"""A flip of twelve instances under load of both eras, against twelve bare starts."""

import contextlib
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "system"))
import harness
from harness import LINK, check

from . import rig

# Their tools differ, so that a client can tell them apart; those of 2.0.0 are the tools of 1.6.3.
VERSIONS = ("1.6.3", "2.1.1")
REPLICAS = 12
DRAIN = 4
RATIO = 1.3
SPEC = f"""fleet: flip
server: {{{{profile: grafana, release: "pypi:mcp-grafana@{VERSIONS[0]}"}}}}
pools:
  analytics: {{{{replicas: {REPLICAS}, scope: "mcp:analytics"}}}}
edge:
  url: http://127.0.0.1:{{port}}
  authorization: development
rollout: {{{{bake: 1s, drain: {DRAIN}s, deadline: 2m}}}}
"""


def bare_starts(fleet):
    """Seconds until as many servers as the fleet has, started at once and by nobody's care, are healthy and have told
    their tools: what a rollout has to wait for, too."""
    processes, waiting = [], set()
    rows = list(fleet.instances().values())
    began = time.monotonic()
    try:
        for row in rows:
            words = harness.command_line(row["pid"])[:-1]
            port = harness.free_port()
            words = [word.replace(str(row["port"]), str(port)) for word in words]
            own = pathlib.Path(f"/proc/{row['pid']}/environ").read_bytes().decode().split("\0")
            environment = dict(item.split("=", 1) for item in own if "=" in item)
            processes.append(subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL,
                                              stderr=subprocess.DEVNULL))
            waiting.add(port)
        while waiting:
            check(time.monotonic() < began + 60, f"not healthy: {waiting}")
            for port in list(waiting):
                with contextlib.suppress(OSError):
                    if ask(port, "healthz") and tools(port):
                        waiting.remove(port)
        return time.monotonic() - began
    finally:
        for process in processes:
            process.kill()
            process.wait()


def ask(port, path, body=None, session=None):
    """The answer of a bare server; by the host that it is told to allow: by any other it refuses even this."""
    headers = {"Host": "127.0.0.1", "Accept": "application/json, text/event-stream",
               "Content-Type": "application/json"} | ({"Mcp-Session-Id": session} if session else {})
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/{path}", headers=headers,
                                   data=json.dumps(body).encode() if body else None)
    with urllib.request.urlopen(asked, timeout=5) as answer:
        return answer.read(), answer.headers.get("Mcp-Session-Id")


def tools(port):
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bare", "version": "1"}}
    _, session = ask(port, "mcp", {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello})
    ask(port, "mcp", {"jsonrpc": "2.0", "method": "notifications/initialized"}, session)
    return b'"tools"' in ask(port, "mcp", {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}, session)[0]


def journal_times(root):
    """Step and mark of the newest rollout's journal, each with its second since 1970."""
    path = root / "var/lib/convoy/ledger.db"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as ledger:
        rows = ledger.execute("SELECT step, mark, at FROM journal WHERE rollout = (SELECT max(rollout) FROM journal)")
        return {(step, mark): at for step, mark, at in rows}


def once(fleet, version):
    quiet = bare_starts(fleet)
    with fleet.load("generate_deeplink", LINK, "/d/abc", clients=30, mode="mixed", pause=0.1, flip=True) as summary:
        # What the rollout has to live with, those that it is compared with have to, too.
        bare = bare_starts(fleet)
        began = time.time()
        fleet.convoy("rollout", "--to", version)
    times = journal_times(fleet.world.root)
    # Where the time went: seconds from the command to the end of each step.
    steps = {step: round(at - began, 2) for (step, mark), at in times.items() if mark == "done"}
    return {"quiet": quiet, "bare": bare, "flip": times["flip", "done"] - began, "steps": steps, "failed": summary["failed"],
            "calls": summary["calls"], "mixed": summary["mixedAfterFlip"], "lost": summary["sessionsLost"],
            "lostAfter": summary["firstLostAfterFlip"], "errors": summary["errors"]}


def run(wishes):
    os.environ["CONVOY_BIN"] = rig.binary()
    harness.parts.run_under("client")
    rows = []
    with contextlib.ExitStack() as stack:
        os.environ.setdefault("CONVOY_TEST_WORK", stack.enter_context(
            tempfile.TemporaryDirectory(prefix="convoy-flip-")))
        world = harness.World(stack)
        fleet = world.fleet("flip", SPEC)
        fleet.up()
        fleet.convoy("rollout", "--to", VERSIONS[1])
        for number in range(wishes.rounds):
            rows.append(once(fleet, VERSIONS[number % 2]))
            rig.say(f"round {number + 1}: {rows[-1]}")
        fleet.end()
    ratio, quiet = (sorted(row["flip"] / row[kind] for row in rows)[len(rows) // 2] for kind in ("bare", "quiet"))
    early = [row["lostAfter"] for row in rows if row["lostAfter"] is not None and row["lostAfter"] < DRAIN - 0.5]
    middle = sorted(rows, key=lambda row: row["flip"])[len(rows) // 2]
    missed = sum(row["failed"] + (row["mixed"] or 0) for row in rows) + len(early) + (ratio > RATIO)
    print(f"\nA flip of {REPLICAS} instances under load from 30 clients of both eras\n")
    print(f"calls                      {sum(row['calls'] for row in rows)}, "
          f"{sum(row['failed'] for row in rows)} failed")
    print(f"old version after the flip {sum(row['mixed'] or 0 for row in rows)} times")
    print(f"sessions cut in the drain  {len(early)}")
    print(f"begin to flip / {REPLICAS} bare starts  {ratio:.2f} (median of {len(rows)}, wanted <= {RATIO}); "
          f"{quiet:.2f} when they start without load")
    print("a round's steps, from the command: " + ", ".join(f"{step} {at} s" for step, at in middle["steps"].items()))
    return {"ratio": ratio, "quietRatio": quiet, "missed": missed, "rows": rows}
