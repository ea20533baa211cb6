#!/usr/bin/env python3
"""`convoy bootstrap` from a machine with ssh and nothing else to bare hosts of the lab, over their real sshd."""

import json
import os
import time

import harness
from harness import check, eventually, test

harness.parts.run_under("client")

import own_release
from hosts import run
from ssh_fleet import SPEC, BootstrapWorld, changed, kill, untouched, until

# An nft that also shuts ssh out while Convoy's table is there.
LOCKOUT = """\
    #!/bin/sh
    case "$*" in
        *delete*convoy*) /usr/sbin/nft.real delete table inet lockout ;;
        *.tried*)
            /usr/sbin/nft.real add table inet lockout
            /usr/sbin/nft.real 'add chain inet lockout input { type filter hook input priority 0; }'
            /usr/sbin/nft.real 'add rule inet lockout input tcp dport 22 tcp flags & (syn | ack) == syn drop' ;;
    esac
    exec /usr/sbin/nft.real "$@"
    """


@test("a dry run names every change of every host, and makes none")
def dry(world):
    with untouched(world, "a"), untouched(world, "b"):
        done = world.bootstrap(world.both, "--dry-run", code=2)
    check(all(len(line) <= 80 for line in done.stdout.splitlines()), f"wider than 80: {done.stdout}")
    for words in ("install convoy", "credential key", "ship pypi:mcp-grafana@1.6.3", "bring the fleet up", "firewall"):
        check(done.stdout.count(words) == 2, f"{words} is not told for both: {done.stdout}")


@test("what stands in the way is told for each host before anything is changed on any")
def refused(world):
    lab = world.lab
    obstacles = {
        "taken by python3": ("systemd-run --quiet --unit=squatter python3 -m http.server 443", "systemctl stop squatter"),
        "another nginx runs": ("systemctl start nginx", "systemctl stop nginx"),
        "systemd-creds": ("mv /usr/bin/systemd-creds /usr/bin/creds.away", "mv /usr/bin/creds.away /usr/bin/systemd-creds"),
        "its clock is": (r"printf '#!/bin/sh\necho $(($(/bin/date +%%s) - 1200)).0\n' >/usr/local/bin/date; "
                         "chmod 755 /usr/local/bin/date", "rm /usr/local/bin/date"),
        "/var/lib has": ("mount -t tmpfs -o size=1m none /var/lib", "umount /var/lib"),
        "ubuntu 42": ("printf 'ID=ubuntu\\nVERSION_ID=42\\n' >/run/os-release; mount --bind /run/os-release /etc/os-release",
                       "umount /etc/os-release; rm /run/os-release"),
    }
    with untouched(world, "a"), untouched(world, "b"):
        for words, (make, unmake) in obstacles.items():
            lab.inside("b", "sh", "-c", make)
            try:
                eventually(10, words, lambda: "python3" not in words or "443" in lab.inside("b", "ss", "-Hltn").stdout)
                rows = world.report(world.both, code=1)
            finally:
                lab.inside("b", "sh", "-c", unmake, fails=True)
            check([row["state"] for row in rows] == ["ready", "refused"], f"{words}: {rows}")
            whys = [fault["why"] for fault in rows[1]["faults"]]
            check(any(words in why for why in whys) and rows[1]["faults"][0]["next"], f"no word of {words}: {whys}")


@test("a key that is unknown or another one, a user who may not come in, and a sudo that asks: refused, and said so")
def unwelcome(world):
    lab = world.lab
    empty, other = world.work / "known-empty", world.work / "known-other"
    empty.touch()
    keys = dict(line.split(" ", 1) for line in (world.work / "lab/ssh/known_hosts").read_text().splitlines())
    names = {name.split(",")[1]: name for name in keys}
    other.write_text(f"{names['a']} {keys[names['b']]}\n{names['b']} {keys[names['a']]}\n")
    lab.inside("a", "sh", "-c", "useradd -m -s /bin/sh ops; mkdir -p ~ops/.ssh; cp ~/.ssh/authorized_keys ~ops/.ssh/; "
               "chown -R ops ~ops/.ssh")
    cases = [
        ("no known_hosts file", "root", world.ssh_config("empty", f"UserKnownHostsFile {empty}")),
        ("another host key", "root", world.ssh_config("other", f"UserKnownHostsFile {other}")),
        ("does not let this user in", "nobody", world.config),
        ("sudo: a password is required", "ops", world.config),
        ("No route to host", "root", world.ssh_config("away", "Host a", "HostName 10.77.0.99", "HostKeyAlias a", "Host *")),
    ]
    for words, user, config in cases:
        spec = world.spec("unwelcome", "a", user=user)
        rows = world.report(spec, code=69, config=config)
        check(rows[0]["state"] == "failed" and words in rows[0]["faults"][0]["why"], f"no word of {words}: {rows}")
        check(rows[0]["faults"][0]["next"], f"{words}: nothing to do next")
    check(not empty.read_text(), "an unknown key was accepted")
    found = lab.inside("a", "ls", "-d", "/etc/convoy", "/var/cache/convoy", "/usr/bin/convoy", fails=True).stdout
    check(not found, f"something was changed: {found}")


@test("a bare host is brought to serving, and once more nothing is changed")
def bare(world):
    began = time.monotonic()
    rows = world.report(world.one)
    took = time.monotonic() - began
    check(rows[0]["state"] == "changed", f"{rows}")
    check(changed(rows[0]) == ["package", "credentialKey", "release", "files", "fleet", "firewall"], f"{rows}")
    world.must_serve("a")
    listening = {line.split()[3].rsplit(":", 1)[1] for line in world.lab.inside("a", "ss", "-Hltn").stdout.splitlines()
                 if not line.split()[3].startswith(("127.", "[::1]"))}
    check(listening == {"22", "443"}, f"it listens on {listening}")
    done = world.lab.inside("a", "sh", "-c", "ls -A /var/cache/convoy; find /etc/convoy -name '*.tried'; "
                            "systemctl is-active convoy-firewall-undo.timer", fails=True)
    check(done.stdout.split() == ["inactive"], f"left behind: {done.stdout}")
    check("instance_ports" in world.lab.inside("a", "nft", "list", "table", "inet", "convoy").stdout, "no firewall")
    check(world.lab.inside("a", "stat", "-c", "%a %U", "/etc/convoy/fleet/tls/edge.key").stdout == "600 root\n", "the key")
    began = time.monotonic()
    again = world.report(world.one)
    check(again[0]["state"] == "unchanged" and not again[0]["changes"], f"{again}")
    world.report(world.one, "--dry-run")
    # The host has this very convoy: nothing is to be brought.
    check(world.report(world.one, package=False)[0]["state"] == "unchanged", "it wants a package")
    print(f"      {took:.1f} s to serving; {(time.monotonic() - began) / 3:.1f} s to see that all is done")


@test("the host's end answers its own version only, and rubbish with a reason")
def talk(world):
    def said(*lines):
        text = "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines)
        done = world.lab.net("ssh", "a", "convoy", "host", input=text, fails=True)
        return [json.loads(line) for line in done.stdout.splitlines()]
    version = run(os.environ["CONVOY_BIN"], "--version").stdout.strip()
    hello = {"protocol": 1, "convoy": version}
    for other in ({"protocol": 1, "convoy": "0.0.9"}, {"protocol": 2, "convoy": version}):
        rows = said(other, {"ask": "up", "with": {}})
        check([row["kind"] for row in rows] == ["skewed"] and rows[0]["convoy"] == version, f"{rows}")
    rows = said("GET / HTTP/1.1")
    check([row["kind"] for row in rows] == ["failed"] and rows[0]["failure"]["next"], f"{rows}")
    rows = said(hello, {"ask": "facts", "with": {}}, {"ask": "status", "with": {}}, {"ask": "burn", "with": {}})
    check([row["kind"] for row in rows] == ["welcome", "done", "done", "failed"], f"{rows}")
    facts, status = rows[1]["answer"], rows[2]["answer"]
    check(facts["system"] == "debian" and facts["package"] == version and facts["edgePids"], f"{facts}")
    check(len(status["instances"]) == 3, f"{status}")


@test("a change of fleet.yaml reaches the host, and nothing else is done again")
def change(world):
    text = world.one.read_text()
    world.one.write_text(text.replace("replicas: 3", "replicas: 2"))
    check(changed(world.report(world.one)[0]) == ["files", "fleet", "firewall"], "more, or less, was done")
    world.must_serve("a")
    status = json.loads(world.lab.inside("a", "convoy", "status", "--json").stdout)
    check(len(status["instances"]) == 2, f"{len(status['instances'])} instances")
    # Somebody's hand there is seen, and mended.
    world.lab.inside("a", "sh", "-c", "echo '# mine' >> /etc/convoy/fleet/fleet.yaml")
    check(changed(world.report(world.one)[0])[:1] == ["files"], "a changed file was not seen")


@test("killed at any moment, by a sudoer and run again, it converges")
def killed(world):
    lab = world.lab
    lab.inside("b", "sh", "-c", "useradd -m -s /bin/bash ops; mkdir -p ~ops/.ssh; cp ~/.ssh/authorized_keys ~ops/.ssh/; "
               "chown -R ops ~ops/.ssh; echo 'ops ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/ops")
    spec = world.spec("killed", "b", user="ops")
    marks = ["install convoy", "installing", "credential key", "ship pypi", "verifying", "write ", "bring the fleet",
             "firewall rules", "looking at"]
    cuts = []
    for mark in marks:
        operator = world.operator(spec)
        try:
            cuts += [mark] * until(operator, mark)
        finally:
            kill(operator)
    check(len(cuts) >= 6, f"cut at {cuts} only")
    world.bootstrap(spec)
    world.must_serve("b")
    check(world.report(spec)[0]["state"] == "unchanged", "not converged")
    print(f"      killed at: {', '.join(cuts)}")


def bundle(world):
    """A directory with one package that stands for those that Convoy's depends on."""
    tree, folder = world.work / "extra/DEBIAN", world.work / "bundle"
    tree.mkdir(parents=True)
    folder.mkdir()
    (tree / "control").write_text("Package: convoy-test-extra\nVersion: 1.0\nArchitecture: all\n"
                                  "Maintainer: nobody <nobody@localhost>\nDescription: none\n")
    run("dpkg-deb", "--root-owner-group", "--build", tree.parent, folder / "convoy-test-extra_1.0_all.deb")
    return folder


@test("a wire that is cut while it works is waited for, and the work goes on; with no mirror but a bundle")
def wire(world):
    lab = world.lab
    lab.inside("b", "sh", "-c", "convoy down --purge --file /etc/convoy/fleet/fleet.yaml; apt-get purge -y -q convoy; "
               "rm -rf /etc/convoy /var/lib/convoy", seconds=120)
    spec = world.spec("wire", "b", user="ops")
    operator = world.operator(spec, "--offline", bundle(world))
    check(until(operator, "bring the fleet"), "it never brought the fleet up")
    lab.hosts("ctl", "b", "cut")
    check(until(operator, "lost the connection"), "it never noticed")
    lab.hosts("ctl", "b", "heal")
    told, said = operator.communicate(timeout=240)
    check(operator.returncode == 0, f"exit {operator.returncode}: {told[-800:]}{said[-800:]}")
    world.must_serve("b")
    check("1.0" in lab.inside("b", "dpkg-query", "-W", "convoy-test-extra").stdout, "the bundle was not installed")
    number = json.loads(lab.inside("b", "convoy", "status", "--json").stdout)["generation"]
    check(number == 1, f"the fleet was brought up more than once: generation {number}")


@test("firewall rules that shut ssh out go by themselves, and are made good by another run")
def lockout(world):
    lab = world.lab
    lab.inside("b", "sh", "-c", "mv /usr/sbin/nft /usr/sbin/nft.real; rm /etc/convoy/firewall.nft; "
               "/usr/sbin/nft.real delete table inet convoy")
    lab.write("b", "/usr/sbin/nft", LOCKOUT)
    lab.inside("b", "chmod", "755", "/usr/sbin/nft")
    spec = world.spec("lockout", "b", user="ops")
    began = time.monotonic()
    rows = world.report(spec, code=1)
    check("keep ssh out" in rows[0]["faults"][0]["what"], f"{rows}")
    login = [lab.folder / "bin/ssh", "-o", "ControlPath=none", "-o", "ConnectTimeout=2", "ops@b", "true"]
    check(lab.net(*login, fails=True).returncode != 0, "ssh was not shut out at all")
    eventually(75, "ssh is let in again", lambda: lab.net(*login, fails=True).returncode == 0, every=1)
    took = time.monotonic() - began
    check(not lab.inside("b", "ls", "/etc/convoy/firewall.nft", fails=True).stdout, "the rules were kept")
    lab.inside("b", "mv", "/usr/sbin/nft.real", "/usr/sbin/nft")
    check(changed(world.report(spec)[0]) == ["firewall"], "the firewall alone was to be done")
    check("instance_ports" in lab.inside("b", "nft", "list", "table", "inet", "convoy").stdout, "no firewall")
    world.must_serve("b")
    print(f"      ssh was let in again after {took:.0f} s")


@test("two bare hosts at a time become one fleet, and serve")
def both(world):
    # Those before have each been a fleet of their own, whose ports are taken.
    world.add("c", "d")
    spec = world.spec("pair", "c", "d")
    check({row["state"] for row in world.report(spec)} == {"changed"}, "not all were changed")
    for host in ("c", "d"):
        world.must_serve(host)
    check([row["state"] for row in world.report(spec)] == ["unchanged"] * 2, "not converged")


def own(world, version, *hosts, release=None):
    """A fleet whose server is a folder beside fleet.yaml."""
    (world.folder / "plain.yaml").write_text(own_release.profile("plain"))
    release = release or own_release.write(world.folder, "plain", version, remark=version)
    head, rest = SPEC.split("server:", 1)
    rest = rest[rest.index("health:"):]
    return world.spec("own", *hosts, text=f'{head}server: {{{{profile: ./plain.yaml, release: "{release}"}}}}\n{rest}')


def answers(world, host):
    check(world.call(host)[:2] == [200, 200], f"{host} does not serve: {world.call(host)}")


def digests(world, *hosts):
    """Of the releases that serve on each host."""
    found = set()
    for host in hosts:
        status = json.loads(world.lab.inside(host, "convoy", "status", "--json", "--root", "/").stdout)
        found |= {(status["release"]["version"], status["release"]["digest"], len(status["instances"]))}
    return found


@test("a server of the operator's own, a folder on this machine, goes to a host as the same bytes, and so does its next version")
def folder(world):
    lab = world.lab
    lab.inside("a", "convoy", "down", "--file", "/etc/convoy/fleet/fleet.yaml", seconds=120)
    check(changed(world.report(own(world, "1.0.0", "a"))[0]) == ["release", "files", "fleet", "firewall"], "more, or less")
    answers(world, "a")
    first = digests(world, "a")
    check([row["state"] for row in world.report(own(world, "1.0.0", "a"))] == ["unchanged"], "not converged")
    # What lies at the folder's place there is somebody else's.
    lab.inside("a", "sh", "-c", "mkdir /etc/convoy/fleet/plain-1.0.0 && echo mine >/etc/convoy/fleet/plain-1.0.0/server")
    check([row["state"] for row in world.report(own(world, "1.0.0", "a"))] == ["unchanged"], "not converged")
    spec = own(world, "1.1.0", "a")
    world.report(spec)
    answers(world, "a")
    second = digests(world, "a")
    check(first != second and next(iter(second))[0] == "1.1.0", f"{first} became {second}")
    # Changed there: not started, and told what to do.
    tree = f"/var/lib/convoy/releases/{next(iter(second))[1]}"
    lab.inside("a", "sh", "-c", f"echo '# mine' >>{tree}/tree/server; touch {tree}/tree/server")
    done = lab.inside("a", "convoy", "up", "--file", "/etc/convoy/fleet/fleet.yaml", fails=True)
    check(done.returncode == 69 and "ships it again" in done.stderr, f"{done.returncode}: {done.stderr}")
    lab.inside("a", "mv", tree, "/root/spoilt")
    check(changed(world.report(spec)[0])[:1] == ["release"], "it did not come again")
    answers(world, "a")


@test("a server of the operator's own is rolled over two hosts: the same bytes on both, sent once to each")
def folder_of_several(world):
    def convoy(*words):
        return world.lab.net("env", f"CONVOY_SSH_CONFIG={world.config}", os.environ["CONVOY_BIN"], *words, "--file",
                             spec, "--root", world.root, seconds=240)
    spec = world.spec("pair", "c", "d")
    convoy("down")
    # The folder stays, what is in it changes.
    (world.folder / own_release.write(world.folder, "own", "1.0.0").split("@")[0][5:]).rename(world.folder / "own")
    spec = own(world, "1.0.0", "c", "d", release="path:./own@1.0.0")
    world.report(spec)
    check({row[0] for row in digests(world, "c", "d")} == {"1.0.0"} and len(digests(world, "c", "d")) == 1, "not the same")
    (world.folder / "own/server").write_text(own_release.server(remark="1.1.0"))
    said = convoy("rollout", "--to", "1.1.0").both
    check(said.count("shipping the release to c, d") == 1, said)
    for host in ("c", "d"):
        answers(world, host)
    found = digests(world, "c", "d")
    check(len(found) == 1 and next(iter(found))[0] == "1.1.0", f"{found}")
    back = convoy("rollback").both
    check("shipping" not in back and {row[0] for row in digests(world, "c", "d")} == {"1.0.0"}, back)


if __name__ == "__main__":
    harness.run(__doc__, BootstrapWorld)
