#!/usr/bin/env python3
"""edge.mode: include. The edge is one file in an nginx that is there already, run as Debian runs it: its own
nginx.conf and a site of its own, workers that are www-data. That nginx is reloaded, never started or stopped.
"""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import urllib.request

import harness
from harness import LINK, alive, check, eventually, free_port, test

harness.parts.run_under("client")

NGINX = "/usr/sbin/nginx"
STATE = {}
GRAFANA = harness.GRAFANA.replace("VERSION", "1.6.3").replace(
    "  authorization: development", "  authorization: development\n  mode: include\n  include: INCLUDE")
PORTS = "ports: {{first: 24100, last: 24131}}\n"


class StockNginx:
    """Debian's nginx.conf to the letter, apart from where its files are and what the machine adds to it."""

    def __init__(self, home):
        self.home, self.site = home, free_port()
        self.include = home / "nginx/conf.d/convoy-system.conf"
        for name in ("nginx/conf.d", "nginx/sites-enabled", "log"):
            (home / name).mkdir(parents=True)
        text = pathlib.Path("/etc/nginx/nginx.conf").read_text()
        for theirs, ours in (("/etc/nginx/conf.d", home / "nginx/conf.d"),
                             ("/etc/nginx/sites-enabled", home / "nginx/sites-enabled"),
                             ("/run/nginx.pid", home / "nginx.pid"), ("/var/log/nginx", home / "log")):
            text = text.replace(theirs, str(ours))
        check("conf.d/*.conf" in text, "Debian's nginx.conf includes no conf.d")
        self.main = home / "nginx/nginx.conf"
        self.main.write_text(text)
        (home / "nginx/sites-enabled/own").write_text(
            f"server {{ listen 127.0.0.1:{self.site} default_server; location / {{ return 200 'own site'; }} }}\n")
        self.start()

    def start(self):
        self.process = subprocess.Popen([NGINX, "-c", self.main, "-g", "daemon off;", "-e", self.home / "log/early"],
                                        stderr=subprocess.DEVNULL)
        eventually(10, "the stock nginx serves its own site", self.own_site_works)

    def own_site_works(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.site}/", timeout=2) as answer:
                return answer.read() == b"own site"
        except OSError:
            return False

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)

    def configuration(self):
        """All that a start or a reload would read."""
        done = subprocess.run([NGINX, "-q", "-T", "-c", self.main], capture_output=True, text=True)
        check(done.returncode == 0, f"nginx -T: {done.stderr}")
        return done.stdout


def place(world):
    """A folder of its own that www-data gets through to, as it does below /."""
    if "nginx" not in STATE:
        holder = world.stack.enter_context(tempfile.TemporaryDirectory(prefix="convoy-include-"))
        os.chmod(holder, 0o755)
        world.root = pathlib.Path(holder) / "root"
        STATE["nginx"] = StockNginx(pathlib.Path(holder))
        world.stack.callback(STATE["nginx"].stop)
    return STATE["nginx"]


def fleet(world):
    nginx = place(world)
    if "fleet" not in STATE:
        text = PORTS + GRAFANA.replace("INCLUDE", str(nginx.include))
        STATE["fleet"] = world.fleet("include", text)
        STATE["fleet"].up()
    return STATE["fleet"]


def load(fleet, **more):
    return fleet.load("generate_deeplink", LINK, "/d/abc", clients=8, **more)


@test("without that nginx up names it, starts none, and leaves nothing there")
def away(world):
    nginx = place(world)
    nginx.stop()
    ours = world.fleet("include", PORTS + GRAFANA.replace("INCLUDE", str(nginx.include)))
    ours.is_up = True
    done = ours.convoy("up", fails=True)
    check(done.returncode == 1, f"exit {done.returncode}, not 1: {done.stderr[-300:]}")
    check(f"the nginx of {nginx.main} does not run" in done.stderr, done.stderr[-300:])
    doctor = json.loads(ours.convoy("doctor", "--json", fails=True).stdout)
    check([row["ok"] for row in doctor if row["what"] == "edge/include"] == [False], f"doctor: {doctor}")
    check(not os.path.lexists(nginx.include), "the file is there")
    ours.end()
    nginx.start()


@test("up gives the running nginx its file; calls go through, its own site goes on")
def up(world):
    nginx = place(world)
    master = nginx.process.pid
    ours = fleet(world)
    with load(ours) as summary:
        pass
    check(summary["calls"] > 0 and summary["failed"] == 0, f"{summary['failed']} failed: {summary['errors']}")
    check(nginx.include.is_symlink(), "the included file is no link")
    status = ours.status()
    check(status["converged"] and status["edge"]["state"] == "up", f"status: {status['edge']}")
    check(nginx.own_site_works() and nginx.process.pid == master and alive(master), "the nginx was touched")
    theirs = [pid for pid, words in harness.processes_below(world.root).items() if "nginx" in " ".join(words)]
    check(not theirs, f"the fleet runs an nginx of its own: {theirs}")


@test("workers of that nginx are www-data, and the gate's socket is theirs alone")
def socket_owner(world):
    fleet(world)
    import pwd
    info = os.stat(world.root / "run/convoy/gate.sock")
    wanted = pwd.getpwnam("www-data").pw_uid if os.getuid() == 0 else os.getuid()
    check((info.st_uid, info.st_mode & 0o777) == (wanted, 0o600), f"{info.st_uid} {info.st_mode & 0o777:o}")


@test("up again changes nothing, and doctor and plan have no complaint")
def again(world):
    ours = fleet(world)
    before = ours.status()["generation"]
    ours.up()
    check(ours.status()["generation"] == before, "the generation changed")
    check(ours.convoy("plan", fails=True).returncode == 0, "plan finds differences after up")
    doctor = json.loads(ours.convoy("doctor", "--json").stdout)
    check([row["ok"] for row in doctor if row["what"] == "edge/include"] == [True], f"doctor: {doctor}")


@test("a rollout under load fails no call, though that nginx has the edge's port")
def roll(world):
    ours = fleet(world)
    with load(ours) as summary:
        ours.convoy("rollout", "--to", "2.0.0")
    check(summary["failed"] == 0, f"{summary['failed']} of {summary['calls']} calls failed: {summary['errors']}")
    check(ours.status()["release"]["version"] == "2.0.0", "the new version does not serve")


@test("kill -9 of the supervisor: the next one adopts the fleet, and that nginx is not reloaded")
def heir(world):
    ours = fleet(world)
    workers = children(STATE["nginx"].process.pid)
    os.kill(ours.status()["supervisor"]["pid"], signal.SIGKILL)
    ours.up()
    check(ours.status()["converged"], "the fleet is not converged")
    check(children(STATE["nginx"].process.pid) == workers, "the nginx was reloaded")


@test("status tells that the nginx is down, nobody starts it, and its return is enough")
def down_and_back(world):
    ours, nginx = fleet(world), STATE["nginx"]
    nginx.stop()
    edge = ours.status()["edge"]
    check(edge["state"] == "down" and str(nginx.include) in edge["reason"], f"edge: {edge}")
    nginx.start()
    eventually(10, "the edge is up", lambda: ours.status()["edge"]["state"] == "up")
    with load(ours) as summary:
        pass
    check(summary["failed"] == 0, f"{summary['failed']} failed: {summary['errors']}")


@test("down leaves that nginx running with nothing of ours in it, and can be repeated")
def down(world):
    ours, nginx = fleet(world), STATE["nginx"]
    master, port = nginx.process.pid, int(ours.url.rsplit(":", 1)[1])
    ours.convoy("down")
    ours.is_up = False
    check(nginx.process.poll() is None and nginx.process.pid == master, "the nginx ended")
    check(nginx.own_site_works(), "its own site does not work")
    check(not os.path.lexists(nginx.include), "the file is still there")
    check("convoy" not in nginx.configuration().replace(str(nginx.home), ""), "it still reads something of ours")
    eventually(30, "nobody listens on the edge's port", lambda: not listening(port))
    check(not harness.processes_below(world.root), f"still there: {harness.processes_below(world.root)}")
    ours.convoy("down")


def listening(port):
    rows = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(row.split()[1].endswith(f":{port:04X}") and row.split()[3] == "0A" for row in rows)


def children(pid):
    """Of nginx's master: new ones are new workers."""
    found = set()
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit() and alive(folder.name):
            try:
                if (folder / "stat").read_text().rsplit(") ", 1)[1].split()[1] == str(pid):
                    found.add(int(folder.name))
            except OSError:
                pass
    return found


if __name__ == "__main__":
    harness.run(__doc__)
