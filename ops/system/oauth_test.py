#!/usr/bin/env python3
"""The edge before third parties: a real authorization server, the MCP client's own OAuth, two checkers."""

import contextlib
import json
import subprocess
import time
import urllib.request

import harness
from harness import FIND, check, eventually, free_port, test

# Checks of the scanner that speak of the authorization server, or of what an edge can't know.
NOT_OURS = {
    "TLS-01": "loopback without TLS, as everything in this test",
}


@contextlib.contextmanager
def protected(world):
    """A documentdb fleet whose tokens come from a real authorization server, by introspection."""
    port, secret = free_port(), world.work / "introspection-secret"
    secret.touch(mode=0o600)
    secret.write_text("a-secret-for-introspection\n")
    issuer = f"http://127.0.0.1:{port}"
    text = harness.DOCUMENTDB.replace("VERSION", "0.6.2").replace("EXTRA", "").replace(
        "authorization: development",
        f"authorization: {{{{issuer: '{issuer}', introspection: {{{{url: auto, clientId: convoy, "
        "clientSecret: {{file: introspection-secret}}}}}}").replace("mcp:analytics", "mcp:tools")
    fleet = world.fleet("protected", text)
    process = subprocess.Popen(
        [harness.OPS / "lab/issuer", "--port", str(port), "--resource", fleet.endpoint, "--client-secret", secret],
        stdout=subprocess.PIPE, text=True)
    try:
        check(process.stdout.readline().startswith("issuer "), "the authorization server did not start")
        fleet.issuer = issuer
        fleet.up()
        yield fleet
    finally:
        fleet.end()
        process.terminate()
        process.wait(10)


def minted(fleet, audience=None):
    query = f"?aud={audience}" if audience else ""
    return urllib.request.urlopen(f"{fleet.issuer}/dev/token{query}", timeout=10).read().decode()


def lab(tool, *words):
    return subprocess.run([harness.parts.PARTS / "authlab/bin" / tool, *words], capture_output=True, text=True,
                          timeout=180)


@test("a client that knows only the URL finds its issuer, gets a token and calls a tool, in both eras")
def whole_flow(world):
    with protected(world) as fleet:
        for mode in ("auto", "legacy"):
            done = subprocess.run([harness.OPS / "lib/oauth_call.py", fleet.endpoint, mode, "find", json.dumps(FIND)],
                                  capture_output=True, text=True, timeout=120)
            check(done.returncode == 0, f"{mode}: {done.stderr[-800:]}")
            seen = json.loads(done.stdout)
            check(not seen["isError"] and "Customer 3" in json.dumps(seen["result"]), f"{mode}: {seen}")
            check(seen["visited"][0].endswith(" 401"), f"{mode}: not challenged: {seen['visited']}")
        scanned(fleet)
        same_verdicts(fleet)


def scanned(fleet):
    done = lab("mcp-authlab", "scan", fleet.endpoint, "--token", minted(fleet), "--foreign-token",
               minted(fleet, "http://127.0.0.1:1/other"), "--no-login", "--format", "json")
    check(done.stdout.strip(), f"mcp-authlab: {done.stderr[-800:]}")
    rows = json.loads(done.stdout)
    results = rows.get("results") or rows.get("checks")
    failing = {row["id"]: row for row in results if row["status"] == "fail" and row["id"] not in NOT_OURS}
    passed = sum(row["status"] == "pass" for row in results)
    check(not failing, f"mcp-authlab: {passed} passed, failing: {json.dumps(list(failing.values()))[:1500]}")
    check(passed >= 15, f"mcp-authlab judged almost nothing: {passed}")
    print(f"      mcp-authlab: {passed} passed, no failing check of ours", flush=True)


def verdicts_of(name, words):
    """The server limits itself to a few requests a second, and its neighbours' probes count, too: what it says once
    the limit is met is no verdict, so then it is asked again later."""
    for _ in range(10):
        done = lab("mcpcheck", *words, "--json", "--legacy-probes", "--max-tools", "3")
        check(done.returncode in (0, 1), f"mcpcheck {name}: {done.stderr[-500:]}")
        if "Rate limit exceeded" not in done.stdout and "JSON-RPC error -32000" not in done.stdout:
            break
        time.sleep(3)
    return {row["name"]: row["status"] for row in json.loads(done.stdout)["checks"]}


def same_verdicts(fleet):
    instance = next(iter(fleet.instances().values()))
    verdicts = {}
    # This server takes any Origin; the edge does not, so that one verdict gets better.
    for name, words in (("direct", [f"http://127.0.0.1:{instance['port']}/mcp", "--skip", "origin"]),
                        ("edge", [fleet.endpoint, "--token", minted(fleet)])):
        verdicts[name] = verdicts_of(name, words)
    check(verdicts["edge"].pop("origin") == "pass", "mcpcheck: the edge takes a foreign Origin")
    verdicts["direct"].pop("origin", None)
    check(verdicts["direct"] == verdicts["edge"], f"mcpcheck: {verdicts}")
    print(f"      mcpcheck: the same {len(verdicts['edge'])} verdicts through the edge, and Origin checked", flush=True)


if __name__ == "__main__":
    harness.run(__doc__)
