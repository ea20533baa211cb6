#!/usr/bin/env python3
"""The Debian package: its bytes, and what installing, upgrading, removing and purging it does to a real host.

It is built from the convoy at CONVOY_BIN. One that needs Swift's shared libraries finds them in the host, which
is no road for people; then lintian's word on that is not counted.
"""

import hashlib
import os
import pathlib
import re
import subprocess
import tempfile

import harness
from harness import OPS, check, eventually, test
from hosts import HOSTS, Lab, refused, run

PACKAGES = "/opt/packages"
# Below /usr, which is where Convoy's own units may execute from.
RUNTIME = "/usr/lib/swift-runtime"
OLD = "0.0.1"
ENABLED = ["convoy-supervisor.service", "convoy-gate.socket", "convoy-firewall.service"]
UNITS = [*ENABLED, "convoy-gate.service", "convoy-edge.service", "convoy-refresher.socket", "convoy-refresher.service",
         "convoy-include.service"]
OWNED = {
    "/usr/bin/convoy": "755 root root", "/usr/lib/convoy/convoy-exec": "755 root root",
    "/usr/share/man/man1/convoy.1.gz": "644 root root",
    "/etc/convoy": "755 root root", "/etc/convoy/gate": "755 root root", "/etc/convoy/edge": "755 root root",
    "/var/lib/convoy": "755 root root", "/var/lib/convoy/generations": "700 root root",
    "/var/lib/convoy/instances": "700 root root", "/var/lib/convoy/log": "711 root root",
    "/var/lib/convoy/log/edge-error.log": "600 convoy-edge convoy-edge",
    "/run/convoy": "755 root root", "/run/convoy/edge": "711 convoy-edge convoy-edge",
    "/run/convoy/gate": "700 convoy-gate convoy-gate", "/run/convoy/gate.sock": "600 convoy-edge convoy-edge",
}
# Every file, folder and link, with owner and mode, and the content of what is below /etc. Not listed: what the
# kernel, dpkg, apt, the journal and the hosts themselves write, and copies that the tools for users leave.
LISTING = r"""
import hashlib, os, re, stat
NOT = re.compile(r"/(proc|sys|dev|run|tmp|opt/packages|var/(log|cache|tmp)|var/lib/(dpkg|apt|nginx|private/nginx)"
                 r"|var/lib/systemd/(timers|random-seed|coredump|catalog)"
                 r"|etc/(\.pwd\.lock|ld\.so\.cache|(passwd|group|shadow|gshadow|subuid|subgid)-))(/|$)")
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if not NOT.match(os.path.join(folder, name))]
    for name in folders + files:
        path = os.path.join(folder, name)
        if NOT.match(path): continue
        found = os.lstat(path)
        regular = stat.S_ISREG(found.st_mode) and path.startswith("/etc/")
        content = hashlib.md5(open(path, "rb").read()).hexdigest() if regular else ""
        print(path, oct(found.st_mode), found.st_uid, found.st_gid, content)
for folder in ("/run", "/run/systemd/system", "/run/credentials"):
    print(folder, [name for name in os.listdir(folder) if "convoy" in name] if os.path.isdir(folder) else [])
"""
# Stands for an instance: a user, a directory and a drop-in as the real ones have.
INSTANCE = "convoy-instance-stand-in-1-g1.service"
INSTANCE_UNIT = """\
[Service]
Type=exec
Slice=convoy.slice
DynamicUser=yes
StateDirectory=convoy/instances/stand-in-1-g1/state
ExecStart=/bin/sleep infinity
"""
EDGE = """\
daemon off;
pid /run/convoy/edge/nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path /run/convoy/edge/body;
    proxy_temp_path /run/convoy/edge/proxy;
    fastcgi_temp_path /run/convoy/edge/fastcgi;
    uwsgi_temp_path /run/convoy/edge/uwsgi;
    scgi_temp_path /run/convoy/edge/scgi;
    server { listen 8443; return 200 "served"; }
}
"""
RULES = """\
table inet convoy
delete table inet convoy
table inet convoy {
    chain input {
        type filter hook input priority 0;
    }
}
"""


class PackageWorld:
    """One host, bare but for what the package depends on, and packages of two versions that it can see."""

    def __init__(self, stack):
        os.environ.pop("CONVOY_LAB", None)
        self.binary = os.environ["CONVOY_BIN"]
        self.work = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="convoy-package-test-")))
        self.lab = Lab(self.work / "lab")
        stack.callback(self.lab.hosts, "down", "--all", fails=True)
        self.runtime = runtime_of(self.binary)
        self.debs = self.work / "packages"
        self.debs.mkdir()
        binds = ["--bind-ro", f"{self.debs}:{PACKAGES}"]
        binds += ["--bind-ro", f"{self.runtime}:{RUNTIME}"] if self.runtime else []
        run(HOSTS, "image", seconds=600)
        self.lab.up("a", *binds)
        if self.runtime:
            self.lab.write("a", "/etc/ld.so.conf.d/swift.conf", f"{RUNTIME}\n")
            self.inside("ldconfig")
        self.old, self.new = self.package("--as", OLD), self.package()
        self.bare = self.listing()

    def inside(self, *command, **options):
        return self.lab.inside("a", *command, **options)

    def package(self, *words, out=None, **options):
        """Fast to pack: these packages are installed once and thrown away."""
        words = [OPS / "package", "--binary", self.binary, "--out", out or self.debs, *words]
        done = run(*words, *(["--allow-dynamic"] if self.runtime else []), seconds=300,
                   env={**os.environ, "DPKG_DEB_COMPRESSOR_LEVEL": "0"}, **options)
        return pathlib.Path(done.stdout.strip())

    def install(self, deb):
        file = f"{PACKAGES}/{deb.name}"
        return self.inside("apt-get", "install", "-y", "-q", "--allow-downgrades", file, seconds=120)

    def apt(self, verb):
        return self.inside("apt-get", verb, "-y", "-q", "convoy", seconds=120)

    def show(self, unit, *properties):
        wanted = [f"--property={name}" for name in properties]
        return self.inside("systemctl", "show", unit, *wanted).stdout.splitlines()

    def pid(self, unit):
        found = self.show(unit, "MainPID", "ActiveState")
        check(found[-1] == "ActiveState=active" and found[0] != "MainPID=0", f"{unit}: {found}")
        return found[0]

    def enabled(self, unit):
        return self.inside("systemctl", "is-enabled", unit, fails=True).stdout.strip()

    def state(self):
        return self.inside("systemctl", "is-system-running", "--wait", fails=True).stdout.strip()

    def failed(self):
        return self.inside("systemctl", "list-units", "--failed", "--plain", "--no-legend").stdout

    def listing(self):
        return set(self.inside("/usr/bin/python3", "-c", LISTING).stdout.splitlines())

    def tables(self):
        return self.inside("nft", "list", "tables").stdout


def runtime_of(binary):
    libraries = subprocess.run(["ldd", binary], text=True, capture_output=True, check=True).stdout
    found = re.search(r"libswiftCore\.so => (\S+)/libswiftCore", libraries)
    return found and pathlib.Path(found.group(1)).resolve()


@test("the same binary and tree give the same bytes, and lintian finds no error in them")
def bytes_and_lint(world):
    digest = lambda path: hashlib.sha256(path.read_bytes()).hexdigest()
    again = world.package(out=world.work / "again")
    check(again.name == world.new.name and digest(again) == digest(world.new), "built again it is another")
    lint = run("lintian", "--allow-root", "--no-cfg", "--tag-display-limit", "0", world.new, fails=True, seconds=120)
    errors = [line for line in lint.stdout.splitlines() if line.startswith("E:")]
    if world.runtime:
        errors = [line for line in errors if "custom-library-search-path" not in line]
    check(not errors, "\n".join(errors))


@test("a binary that needs Swift's shared libraries is refused")
def dynamic(world):
    place = world.work / "dynamic"
    place.mkdir()
    (place / "empty.c").write_text("int main(void) { return 0; }\n")
    run("cc", "-shared", "-o", place / "libswiftCore.so", place / "empty.c")
    run("cc", "-o", place / "convoy", place / "empty.c", "-Wl,--no-as-needed", f"-L{place}", "-lswiftCore")
    refused(run(OPS / "package", "--binary", place / "convoy", "--out", place, fails=True), "--static-swift-stdlib")
    script = run(OPS / "package", "--binary", OPS / "package", "--out", place, fails=True)
    refused(script, "is not what the linker made")


@test("installed on a bare host: users, directories and units are there, and what shall start at boot runs")
def install(world):
    nginx = world.pid("nginx.service")
    world.install(world.old)
    check(world.inside("dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Version}", "convoy").stdout == f"ii {OLD}", "")
    check({unit: world.enabled(unit) for unit in ENABLED} == dict.fromkeys(ENABLED, "enabled"), "not enabled")
    for unit in set(UNITS) - set(ENABLED):
        check(world.enabled(unit) == "static", f"{unit} is {world.enabled(unit)}")
    wrong = {}
    for path, wanted in OWNED.items():
        found = world.inside("stat", "-c", "%a %U %G", path, fails=True).both.strip()
        wrong |= {path: found} if found != wanted else {}
    check(not wrong, f"{wrong}")
    world.pid("convoy-supervisor.service")
    check(not world.failed() and world.state() == "running", f"{world.state()}: {world.failed()}")
    check(world.pid("nginx.service") == nginx and world.enabled("nginx.service") == "enabled", "Debian's nginx changed")


@test("the program runs with the host's libraries, and the installed units are what systemd wants")
def installed_units(world):
    check(re.fullmatch(r"\d+\.\d+\.\d+\S*\n", world.inside("convoy", "--version").stdout), "convoy --version")
    check(world.inside("/usr/lib/convoy/convoy-exec", "--", "/bin/echo", "x", fails=True).both == "x\n", "convoy-exec")
    complaints = world.inside("systemd-analyze", "verify", "--man=no", *UNITS, fails=True)
    check(complaints.returncode == 0 and not complaints.both, complaints.both)


@test("a host without a fleet boots: the supervisor waits, and nothing fails")
def boot_without_fleet(world):
    answer = world.lab.hosts("ctl", "a", "reboot").stdout.split()
    check(answer[2:] == ["running"], f"reboot said {answer}")
    world.pid("convoy-supervisor.service")
    check(world.show("convoy-supervisor.service", "NRestarts") == ["NRestarts=0"], "the supervisor was restarted")
    check(world.show("convoy-gate.socket", "ActiveState") == ["ActiveState=active"], "the gate's listener")


def stand_in(world):
    """An edge that serves and an instance, both with drop-ins of the administrator's; and a firewall table."""
    world.inside("mkdir", "-p", "/etc/convoy/edge/current", "/etc/systemd/system/convoy-edge.service.d",
                 "/etc/systemd/system/convoy-instance-.service.d")
    world.lab.write("a", "/etc/convoy/edge/current/nginx.conf", EDGE)
    world.lab.write("a", "/etc/convoy/firewall.nft", RULES)
    # Here the package's scripts are looked at: a supervisor in charge would clear away what is no fleet's.
    world.lab.write("a", "/etc/convoy/backend", "direct\n")
    world.lab.write("a", f"/etc/systemd/system/{INSTANCE}", INSTANCE_UNIT)
    world.lab.write("a", "/etc/systemd/system/convoy.slice", "[Unit]\nDescription=Instances\n")
    for unit in ("convoy-edge.service", "convoy-instance-.service"):
        world.lab.write("a", f"/etc/systemd/system/{unit}.d/mine.conf", "[Service]\nTasksMax=64\n")
    world.inside("systemctl", "daemon-reload")
    world.inside("systemctl", "start", "convoy-edge.service", INSTANCE, "convoy-firewall.service")


def served(world):
    return world.lab.net("curl", "-sS", "--max-time", "5", "http://a:8443/", fails=True).stdout == "served"


@test("an upgrade restarts the supervisor alone: edge and instances have the pids they had")
def upgrade(world):
    stand_in(world)
    eventually(30, "the edge serves", lambda: served(world))
    lasting = ["convoy-edge.service", INSTANCE, "nginx.service"]
    pids = {unit: world.pid(unit) for unit in lasting}
    supervisor = world.pid("convoy-supervisor.service")
    listening = world.show("convoy-gate.socket", "ActiveEnterTimestampMonotonic")
    world.install(world.new)
    check({unit: world.pid(unit) for unit in lasting} == pids and served(world), "something was restarted")
    check(world.pid("convoy-supervisor.service") != supervisor, "the supervisor is the one before")
    check(world.show("convoy-gate.socket", "ActiveEnterTimestampMonotonic") == listening, "the listener was closed")


@test("what the administrator stopped or disabled stays so over an upgrade")
def administrators_word(world):
    world.inside("systemctl", "stop", "convoy-supervisor.service")
    world.inside("systemctl", "disable", "convoy-firewall.service")
    world.install(world.old)
    world.install(world.new)
    check(world.show("convoy-supervisor.service", "ActiveState") == ["ActiveState=inactive"], "the supervisor runs")
    check(world.enabled("convoy-firewall.service") == "disabled", "the firewall is enabled")
    world.inside("systemctl", "enable", "convoy-firewall.service")
    world.inside("systemctl", "start", "convoy-supervisor.service")


@test("remove takes the fleet out of service and says what stays; installed again, the host is as before")
def remove(world):
    files = ["/etc/convoy/edge/current/nginx.conf", f"/etc/systemd/system/{INSTANCE}", "/etc/convoy/firewall.nft",
             "/var/lib/private/convoy/instances/stand-in-1-g1/state", "/var/lib/convoy/log/edge-error.log"]
    said = world.apt("remove").both
    check("database users are still there" in said, f"apt said {said}")
    running = world.inside("systemctl", "list-units", "convoy*", "--state=active", "--plain", "--no-legend").stdout
    check(not [line for line in running.splitlines() if ".slice" not in line.split()[0]], f"still there: {running}")
    check("convoy" not in world.tables() and not served(world), "still served, or still a firewall")
    check(world.inside("ls", *files).returncode == 0, "files of the fleet are gone")
    world.install(world.new)
    world.pid("convoy-supervisor.service")
    check({unit: world.enabled(unit) for unit in ENABLED} == dict.fromkeys(ENABLED, "enabled"), "not enabled")
    check("convoy" in world.tables(), "the firewall is not loaded")
    world.inside("systemctl", "start", "convoy-edge.service", INSTANCE)
    eventually(30, "the edge serves", lambda: served(world))


@test("purge leaves not a file, user, unit or rule, and nobody else's is touched")
def purge(world):
    nginx = world.pid("nginx.service")
    world.inside("nft", "add", "table", "inet", "others")
    world.lab.write("a", "/etc/systemd/system/convoyed.service", "[Service]\nExecStart=/bin/true\n")
    world.apt("purge")
    world.inside("rm", "/etc/systemd/system/convoyed.service")
    now = world.listing()
    check(now == world.bare, "\n".join([*(f"+ {row}" for row in sorted(now - world.bare)),
                                        *(f"- {row}" for row in sorted(world.bare - now))]))
    check(world.tables() == "table inet others\n", f"tables: {world.tables()}")
    units = world.inside("systemctl", "list-units", "--all", "--plain", "--no-legend", "convoy*").stdout
    check(not units, f"units: {units}")
    check(world.inside("dpkg", "-l", "convoy", fails=True).returncode != 0, "dpkg still knows it")
    check(world.pid("nginx.service") == nginx and world.state() == "running", f"{world.state()}: {world.failed()}")


if __name__ == "__main__":
    harness.run(__doc__, PackageWorld if os.environ.get("CONVOY_BIN") else None)
