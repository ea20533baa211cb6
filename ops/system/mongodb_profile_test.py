#!/usr/bin/env python3
"""The mongodb profile, end to end: a fleet of the stand-in of MongoDB's server behind a real edge."""

import asyncio
import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import time

import harness
from harness import check, command_line, processes_below, test

harness.parts.run_under("client")

import httpx

from mcp_http import HTTPClient

STATE = {}
FIXTURE = harness.parts.REPOSITORY / "Tests/Fixtures/mongodb-mcp-server"
NEXT = "3.0.6"
SPEC = """fleet: system
server: {{profile: mongodb, release: "path:RELEASE@3.0.5"}}
database: {{uri: "{uri}", admin: {{file: database/admin-uri}}}}
health: {{interval: 1s, proofInterval: 2s}}
""" + harness.COMMON.replace("DATABASES", "databases: {{shop: read}}")
FIND = {"connectionId": "preconfigured", "database": "shop", "collection": "customers", "filter": {"_id": 3}}
INITIALIZE = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
    "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "knock", "version": "1"}}}

# The SDK before the modern era, whose client knows nothing else.
OLD_CLIENT = """
import asyncio, json, sys
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client

async def main(url, token_file, arguments):
    headers = {"Authorization": "Bearer " + open(token_file).read().strip()}
    async with streamablehttp_client(url, headers=headers) as (read, write, _):
        async with ClientSession(read, write) as session:
            await session.initialize()
            print(await session.call_tool("find", json.loads(arguments)))

asyncio.run(main(*sys.argv[1:]))
"""


def copy(world, version):
    """The stand-in in a folder of its own, as that version."""
    folder = world.work / f"mongodb-mcp-server-{version}"
    if not folder.exists():
        shutil.copytree(FIXTURE, folder)
        (folder / "VERSION").write_text(version + "\n")
    return folder


def fleet(world):
    if "fleet" not in STATE:
        ours = world.fleet("mongodb", SPEC.replace("RELEASE", str(copy(world, "3.0.5"))))
        ours.up()
        STATE["fleet"] = ours
        STATE["token"] = ours.token_file().read_text().strip()
    return STATE["fleet"]


def environment_of(row):
    words = pathlib.Path(f"/proc/{row['pid']}/environ").read_bytes().decode().split("\0")
    return dict(word.split("=", 1) for word in words if "=" in word)


def header_secret(row):
    headers = json.loads(environment_of(row)["MDB_MCP_HTTP_HEADERS"])
    check(list(headers) == ["x-convoy-secret"], f"the instance demands {list(headers)}")
    check(len(headers["x-convoy-secret"]) >= 40, "the secret is short")
    return headers["x-convoy-secret"]


def rendered(world):
    folder = world.root / "etc/convoy/edge/current"
    return (folder / "nginx.conf").read_text(), folder / "secrets/analytics.map"


@test("three instances come up ready, proved and speaking both eras, each told to be read-only")
def up(world):
    ours = fleet(world)
    status = ours.status()
    check(status["converged"] and status["release"]["version"] == "3.0.5", f"status: {status}")
    for name, row in ours.instances().items():
        check(row["ready"] and row["proof"]["verdict"] == "proved", f"{name}: {row}")
        check(len(row["eras"]) == 2, f"{name} speaks {row['eras']}")
        settings = environment_of(row)
        wanted = {
            "MDB_MCP_READ_ONLY": "true", "MDB_MCP_DISABLED_TOOLS": "connect,atlas,atlas-local",
            "MDB_MCP_TRANSPORT": "http", "MDB_MCP_HTTP_HOST": "127.0.0.1", "MDB_MCP_HTTP_PORT": str(row["port"]),
            "MDB_MCP_MONITORING_SERVER_HOST": "127.0.0.1", "MDB_MCP_TELEMETRY": "disabled",
            "MDB_MCP_LOGGERS": "stderr", "MDB_MCP_ALLOW_REQUEST_OVERRIDES": "false",
        }
        wrong = {key: settings.get(key) for key, value in wanted.items() if settings.get(key) != value}
        check(not wrong, f"{name} runs with {wrong}")
        check(row["databaseUser"] in settings["MDB_MCP_CONNECTION_STRING"], f"{name} has another user")


@test("the real client finds a document through the edge, in both eras")
def clients(world):
    ours = fleet(world)
    new = [sys.executable, harness.OPS / "lib/one_call.py", "--url", ours.endpoint, "--token-file",
           ours.token_file(), "--tool", "find", "--arguments", json.dumps(FIND), "--contains", "Customer 3"]
    old = [harness.parts.PARTS / "client-legacy/bin/python", "-c", OLD_CLIENT, ours.endpoint, ours.token_file(),
           json.dumps(FIND)]
    for command in (new, old):
        done = subprocess.run(command, text=True, capture_output=True, timeout=60)
        check(done.returncode == 0 and "Customer 3" in done.stdout, f"{command[0]}: {done.stderr[-400:]}")
    for mode in ("legacy", "auto"):
        with ours.load("find", FIND, "Customer 3", clients=3, mode=mode) as summary:
            time.sleep(1)
        check(summary["failed"] == 0 and summary["calls"] > 0, f"{mode}: {summary}")

    async def tools(era):
        client = HTTPClient(ours.endpoint, era, token=STATE["token"])
        try:
            await client.open()
            check("Customer 3" in await client.call_tool("find", FIND), f"{era}: no customer")
            return {tool["name"] for tool in (await client.request("tools/list"))["tools"]}
        finally:
            await client.close()

    for era in ("legacy", "modern"):
        names = asyncio.run(tools(era))
        forbidden = {name for name in names if name.startswith(("insert", "update", "delete", "drop", "create",
                                                                 "atlas", "connect", "switch"))}
        check("find" in names and not forbidden, f"{era}: tools {names}")


@test("a legacy session outlives the instance that has it: its id is the gate's, and a sibling makes it up again")
def outlives(world):
    ours = fleet(world)

    async def session():
        client = HTTPClient(ours.endpoint, "legacy", token=STATE["token"])
        try:
            await client.open()
            check("Customer 3" in await client.call_tool("find", FIND), "no customer")
            for name, row in sorted(ours.instances().items()):
                os.kill(row["pid"], 9)
                check("Customer 3" in await client.call_tool("find", FIND), f"{name} was killed: no customer")
                harness.eventually(20, "the fleet is whole again", lambda: ours.status()["converged"])
        finally:
            await client.close()

    asyncio.run(session())


@test("straight at an instance's port nobody is let in without the pool's header secret")
def loopback(world):
    ours = fleet(world)
    secrets = {header_secret(row) for row in ours.instances().values()}
    check(len(secrets) == 1, "instances of one pool demand different secrets")
    headers = {"Accept": "application/json, text/event-stream", "Authorization": f"Bearer {STATE['token']}"}
    for name, row in ours.instances().items():
        url = f"http://127.0.0.1:{row['port']}/mcp"
        ask = lambda more: httpx.post(url, json=INITIALIZE, headers=headers | more, timeout=5, trust_env=False)
        check(ask({}).status_code == 403, f"{name} lets in whoever asks")
        check(ask({"x-convoy-secret": "guess"}).status_code == 403, f"{name} lets a guess in")
        answer = ask({"x-convoy-secret": next(iter(secrets))})
        check(answer.status_code == 200, f"{name} answers {answer.status_code} to its own secret")
        httpx.delete(url, headers=headers | {
            "x-convoy-secret": next(iter(secrets)), "mcp-session-id": answer.headers["mcp-session-id"]},
            timeout=5, trust_env=False)
    forged = httpx.post(ours.endpoint, json=INITIALIZE, headers=headers | {"x-convoy-secret": "forged"}, timeout=5,
                        trust_env=False)
    check(forged.status_code == 200, f"a client's own X-Convoy-Secret is not replaced: {forged.status_code}")


@test("secrets are in no command line, output, log or rendered file, and their own files are private")
def hidden(world):
    ours = fleet(world)
    row = next(iter(ours.instances().values()))
    secret = header_secret(row)
    uris = [environment_of(row)["MDB_MCP_CONNECTION_STRING"] for row in ours.instances().values()]
    hidden = [secret] + [uri.split("@")[0].rsplit(":", 1)[1] for uri in uris]
    configuration, secrets_map = rendered(world)
    check(secrets_map.read_text() == f'analytics "{secret}";\n', "the edge sends another secret")
    shown = {f"command line of {pid}": " ".join(words) for pid, words in processes_below("/").items()}
    shown["nginx.conf"] = configuration
    for words in (["status"], ["status", "--json"], ["plan"], ["logs"]):
        done = ours.convoy(*words, fails=True)
        shown["convoy " + " ".join(words)] = done.stdout + done.stderr
    private = []
    for path in world.root.rglob("*"):
        if not path.is_file() or path.is_symlink() or "releases" in path.parts:
            continue
        text = path.read_bytes().decode(errors="replace")
        if any(word in text for word in hidden):
            private.append(path)
            mode, owner = stat.S_IMODE(path.stat().st_mode), path.stat().st_uid
            check(mode == 0o600 and owner == os.getuid(), f"{path} holds a secret and has mode {mode:o}")
            check(path.suffix != ".log", f"{path} holds a secret")
    leaks = [where for where, text in shown.items() if any(word in text for word in hidden)]
    check(not leaks, f"a secret is in: {leaks}")
    check(len(private) >= 8, f"found only {len(private)} files with secrets: the search is wrong")
    check(all(command_line(row["pid"])[1:] != [] for row in ours.instances().values()), "no command line was read")


@test("a rollout to the next version under load fails no call, needs no reload, and keeps the header secret")
def roll(world):
    ours = fleet(world)
    secret = header_secret(next(iter(ours.instances().values())))
    installed = os.readlink(world.root / "etc/convoy/edge/current")
    with ours.load("find", FIND, "Customer 3", clients=6, mode="mixed", pause=0.1) as summary:
        ours.convoy("rollout", "--to", f"path:{copy(world, NEXT)}@{NEXT}")
        time.sleep(0.5)
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")
    status = ours.status()
    check(status["release"]["version"] == NEXT and status["converged"], f"status: {status['release']}")
    for row in status["instances"]:
        check(header_secret(row) == secret, f"{row['name']} demands another secret than before")
    check(os.readlink(world.root / "etc/convoy/edge/current") == installed, "the rollout changed nginx's configuration")


@test("a release that announces another version than its name stops the rollout, and the old one serves on")
def wrong_version(world):
    ours = fleet(world)
    liar = copy(world, "3.0.7")
    (liar / "VERSION").write_text("3.0.8\n")
    done = ours.convoy("rollout", "--to", f"path:{liar}@3.0.7", fails=True)
    check(done.returncode == 1, f"exit {done.returncode}: {done.stderr[-300:]}")
    check("announces version 3.0.8" in done.stderr, f"the message does not say why: {done.stderr[-300:]}")
    check(ours.status()["release"]["version"] == NEXT and ours.status()["converged"], "the fleet was touched")


@test("settings that the server itself refuses stop a rollout before anything is made, in the server's words")
def refused(world):
    ours = fleet(world)
    file = ours.spec
    good = file.read_text()
    users = {row["databaseUser"] for row in ours.instances().values()}
    # Each is in its bounds; that one must exceed the other only the server knows.
    file.write_text(good.replace("server: {", "server: {settings: {idleTimeoutMs: 20000}, "))
    check(file.read_text() != good, "the settings were not written")
    done = ours.convoy("up", fails=True)
    said = " ".join(done.stderr.split())
    check(done.returncode == 1, f"exit {done.returncode}: {said[-300:]}")
    check("IDLE_TIMEOUT_MS must exceed MDB_MCP_NOTIFICATION_TIMEOUT_MS" in said, f"not its words: {said[-400:]}")
    check("refuses the settings of pool analytics" in said, f"it does not say whose: {said[-400:]}")
    check("starting generation" not in said and "database user" not in said, f"something was made: {said}")
    check({row["databaseUser"] for row in ours.instances().values()} == users and ours.status()["converged"],
          "the fleet was touched")
    file.write_text(good)
    check(ours.convoy("plan", fails=True).returncode in (0, 2), "plan fails")


@test("down takes the header secrets away, also the edge's copies")
def down(world):
    ours = fleet(world)
    secret = header_secret(next(iter(ours.instances().values())))
    ours.convoy("down")
    ours.is_up = False
    left = [path for path in world.root.rglob("*") if path.is_file() and "releases" not in path.parts
            and secret in path.read_bytes().decode(errors="replace")]
    check(not left, f"the secret is still in {left}")
    check(not processes_below(world.root), f"still there: {processes_below(world.root)}")


if __name__ == "__main__":
    harness.run(__doc__)
