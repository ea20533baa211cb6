#!/usr/bin/env python3
"""edge.mode: include on hosts with systemd, by `convoy bootstrap`: Debian's nginx.service serves a site of its own, gets
one file of the fleet's and keeps everything else; supervisor, gate and instances are units in their sandboxes.
"""

import json
import os

import harness
from harness import check, eventually, test

harness.parts.run_under("client")

from ssh_fleet import SPEC, BootstrapWorld, changed

FILE = "/etc/nginx/conf.d/convoy-shop.conf"
SITE = "server { listen 8000; location / { return 200 'own site'; } }\n"
AT_HOME = ["--file", "/etc/convoy/fleet/fleet.yaml"]


class World(BootstrapWorld):
    """Hosts with Debian's nginx as its package starts it, and a site."""

    def __init__(self, stack):
        super().__init__(stack, ("a", "b", "c"))
        text = SPEC.replace("edge:\n", "edge:\n  mode: include\n")
        self.one, self.pair = self.spec("one", "a", text=text), self.spec("pair", "b", "c", text=text)
        for host in ("a", "b", "c"):
            self.lab.write(host, "/etc/nginx/sites-enabled/own", SITE)
            self.shell(host, "systemctl enable --now nginx")

    def shell(self, host, line, **options):
        return self.lab.inside(host, "sh", "-c", line, **options)

    def sums(self, host):
        """Of all that is that nginx's."""
        return self.shell(host, "cd /etc/nginx; find . -type f -exec sha256sum {} + | sort; find . -type l | sort").stdout

    def site_works(self, host):
        done = self.lab.net("curl", "-s", "-m", "3", f"http://{self.lab.rows()[host]['ip']}:8000/", fails=True)
        return done.stdout == "own site"

    def nginx(self, host):
        """Its master, and the workers that it has now."""
        master = self.shell(host, "cat /run/nginx.pid").stdout.strip()
        return master, set(self.shell(host, f"pgrep -P {master}").stdout.split())

    def status(self, host):
        return json.loads(self.lab.inside(host, "convoy", "status", "--json", "--root", "/").stdout)

    def convoy(self, spec, *words):
        return self.lab.net("env", "PIP_NO_INDEX=1", f"PIP_FIND_LINKS={harness.parts.PARTS / 'wheels'}",
                            f"CONVOY_SSH_CONFIG={self.config}", os.environ["CONVOY_BIN"], *words, "--file", spec,
                            "--root", self.root, seconds=240)

    def must_be_beside(self, host):
        self.must_serve(host)
        check(self.site_works(host), f"{host}: its own site does not answer")


@test("without an nginx, or a directory that it reads, it is refused before anything is changed")
def refused(world):
    world.shell("a", "systemctl stop nginx")
    rows = world.report(world.one, code=1)
    check("no nginx of its own runs there" in rows[0]["faults"][0]["why"], f"{rows}")
    world.shell("a", "systemctl start nginx")
    text = world.one.read_text()
    world.one.write_text(text.replace("mode: include\n", "mode: include\n  include: /etc/none/convoy.conf\n"))
    rows = world.report(world.one, code=1)
    check("there is no directory /etc/none" in rows[0]["faults"][0]["why"], f"{rows}")
    world.one.write_text(text.replace("  mode: include\n", ""))
    check("another nginx runs there" in world.report(world.one, code=1)[0]["faults"][0]["why"], "dedicated beside it")
    world.one.write_text(text)
    check(world.site_works("a"), "its own site does not answer")


@test("a bootstrap gives Debian's nginx one file: the fleet answers through it, and its own site goes on")
def bootstrap(world):
    master, _ = world.nginx("a")
    world.before = world.sums("a")
    rows = world.report(world.one)
    check("quietNginx" not in changed(rows[0]), f"{rows}")
    world.must_be_beside("a")
    check(world.nginx("a")[0] == master, "its nginx is another one")
    done = world.shell("a", "systemctl is-active nginx convoy-edge convoy-supervisor convoy-gate", fails=True)
    check(done.stdout.split() == ["active", "inactive", "active", "active"], done.stdout)
    check(world.shell("a", f"readlink {FILE}").stdout == "/etc/convoy/edge/current/nginx.conf\n", "not the link")
    status = world.status("a")
    check(status["converged"] and status["edge"]["state"] == "up", f"{status['edge']}")
    check([row["state"] for row in world.report(world.one)] == ["unchanged"], "not converged")


@test("the gate is for that nginx's workers alone, so are the instances' ports; keys and secrets are root's")
def walls(world):
    check(world.shell("a", "stat -c '%U %a' /run/convoy/gate.sock").stdout == "www-data 600\n", "the gate's socket")
    user = world.shell("a", "id -u www-data").stdout.strip()
    rules = world.shell("a", "nft list table inet convoy").stdout
    check(f"skuid {{ 0, {user} }}" in rules or f"{{ 0, {user} }}" in rules, f"the rules: {rules[-1500:]}")
    found = world.shell("a", "find -L /etc/convoy/edge/current -type f -path '*key*' -printf '%u %m\\n'").stdout.split("\n")
    check(set(filter(None, found)) == {"root 600"}, f"keys: {found}")
    read = "setpriv --reuid=www-data --regid=www-data --clear-groups cat /etc/convoy/edge/current/tls/key.pem"
    check(world.shell("a", read, fails=True).returncode != 0, "workers can read the key")
    left = world.shell("a", "ls /run/convoy | grep include; ls -A /etc/convoy/edge | grep -E 'staged|check'", fails=True)
    check(not left.stdout, f"left: {left.stdout}")


@test("doctor and drift have no complaint; a link that somebody took away is found, and healed")
def drift(world):
    doctor = json.loads(world.lab.inside("a", "convoy", "doctor", "--json", *AT_HOME, fails=True).stdout)
    check([row["ok"] for row in doctor if row["what"] == "edge/include"] == [True], f"{doctor}")
    done = world.lab.inside("a", "convoy", "drift", *AT_HOME, fails=True)
    check(done.returncode == 0, done.both)
    world.shell("a", f"rm {FILE}")
    done = world.lab.inside("a", "convoy", "drift", *AT_HOME, fails=True)
    check(done.returncode == 2 and FILE in done.stdout, done.both)
    world.lab.inside("a", "convoy", "drift", "--heal", *AT_HOME, fails=True)
    check(world.lab.inside("a", "convoy", "drift", *AT_HOME, fails=True).returncode == 0, "not healed")
    world.must_be_beside("a")


@test("what that nginx refuses is taken back: the fleet and the site go on as they were, and the reason is told")
def taken_back(world):
    world.shell("a", f"cat {FILE} >/etc/nginx/conf.d/twin.conf")
    text = world.one.read_text()
    world.one.write_text(text.replace('scope: "mcp:analytics"', 'scope: "mcp:analytics", limits: {body: 2MB}'))
    rows = world.report(world.one, code=1)
    check("duplicate" in rows[0]["faults"][0]["why"], f"{rows}")
    world.shell("a", "rm /etc/nginx/conf.d/twin.conf; nginx -t -q")
    world.must_be_beside("a")
    world.report(world.one)
    world.must_be_beside("a")
    check("client_max_body_size 2" in world.shell("a", f"cat {FILE}").stdout, "the change did not come")


@test("a supervisor that is killed finds all again without a reload; a host that boots serves again, and its site, too")
def cut(world):
    before = world.nginx("a")
    world.shell("a", "systemctl kill --signal=KILL convoy-supervisor")
    eventually(30, "it is back", lambda: world.lab.inside(
        "a", "convoy", "status", "--root", "/", fails=True).returncode == 0, every=0.5)
    eventually(30, "it is whole", lambda: world.status("a")["converged"], every=0.5)
    check(world.nginx("a") == before, "that nginx was reloaded")
    world.lab.hosts("ctl", "a", "reboot")

    def whole():
        done = world.lab.inside("a", "convoy", "status", "--json", "--root", "/", fails=True)
        return done.returncode == 0 and json.loads(done.stdout)["converged"]
    eventually(90, "it is whole", whole, every=1)
    world.must_be_beside("a")


@test("down takes the file away; that nginx runs on as it was, with nothing of the fleet's in it")
def down(world):
    master, _ = world.nginx("a")
    world.lab.inside("a", "convoy", "down", *AT_HOME, seconds=120)
    check(world.site_works("a") and world.nginx("a")[0] == master, "its nginx, or its site, was touched")
    left = world.shell("a", f"ls {FILE}; nginx -T 2>/dev/null | grep -i convoy; ss -Hltn sport = 443", fails=True).stdout
    check(not left.strip(), f"left: {left}")
    check(world.sums("a") == world.before, "/etc/nginx is not as it was")


@test("a package that is purged while the fleet serves leaves nothing that would keep that nginx from its next start")
def purged(world):
    world.report(world.one)
    world.must_be_beside("a")
    world.shell("a", "DEBIAN_FRONTEND=noninteractive apt-get purge -y -q convoy", seconds=120)
    check(world.sums("a") == world.before, "/etc/nginx is not as it was")
    world.shell("a", "nginx -t -q && systemctl restart nginx")
    check(world.site_works("a"), "its own site does not answer")


@test("two such hosts are one fleet: bootstrapped, rolled to the next version, and taken down")
def pair(world):
    world.report(world.pair, seconds=480)
    masters = {host: world.nginx(host)[0] for host in ("b", "c")}
    world.convoy(world.pair, "rollout", "--to", "2.0.0", "--accept-breaking")
    for host in ("b", "c"):
        world.must_be_beside(host)
        check(world.status(host)["release"]["version"] == "2.0.0", f"{host} has another version")
    world.convoy(world.pair, "down")
    for host in ("b", "c"):
        check(world.site_works(host) and world.nginx(host)[0] == masters[host], f"{host}: its nginx was touched")
        check("convoy" not in world.shell(host, f"ls {FILE}; nginx -T 2>/dev/null | grep convoy", fails=True).stdout, host)


if __name__ == "__main__":
    harness.run(__doc__, World)
