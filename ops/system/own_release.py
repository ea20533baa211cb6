"""Releases that suites make themselves: ops/lib/echo_server.py with a flaw, more tools or a secret, and its profile."""

from harness import OPS

SERVER = (OPS / "lib/echo_server.py").read_text()
PROFILE = """\
profile: NAME
releases: [path]
needsDatabase: false
start:
  command: server
  arguments: ["{{port}}"]
  environment: {HOME: "{{stateDirectory}}"}
http: {path: /mcp, liveness: /health, host: 127.0.0.1}
version: {source: release}
canary: {tool: echo, arguments: {text: canary}, contains: [canary]}
stop: {signal: TERM, deadline: 5s, cleanExitCodes: [0], dyingBySignalIsClean: true}
settings: {}
memoryDenyWriteExecute: true
"""


def profile(name, secret=False):
    """What belongs into NAME.yaml; with `secret`, each instance demands the header secret that it is given."""
    text = PROFILE.replace("NAME", name)
    return text.replace("\nhttp:", "\n  secrets: {SERVER_HEADERS: header-secret}\nhttp:") if secret else text


def server(flaw="none", tools=(), remark=""):
    """The server's own text. `remark` makes it another release that behaves the same."""
    text = SERVER.replace('FLAW = "none"', f'FLAW = "{flaw}"').replace("MORE = []", f"MORE = {list(tools)!r}")
    return text + (f"# {remark}\n" if remark else "")


def write(work, name, version, **ways):
    """Makes the release below the folder of fleet.yaml, as `server` does it; answers how fleet.yaml names it."""
    folder = work / f"{name}-{version}"
    folder.mkdir(exist_ok=True)
    (folder / "server").write_text(server(**ways))
    (folder / "server").chmod(0o755)
    return f"path:./{folder.name}@{version}"
