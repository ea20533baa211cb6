"""Where a cut matrix runs on a real systemd host: the same questions, asked of units and of a machine's power."""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "system"))
import hosts
import systemd_host

# The pid is the host's own, and exec keeps it.
NOTED = 'echo $$ > /run/operator.pid; exec "$@"'


class Host:
    """The fleet's processes are units of host a; `everything` is a loss of its power."""

    def __init__(self, stack):
        self.world = systemd_host.World(stack)
        self.lab, self.work = self.world.lab, self.world.work
        self.has_power = True

    def fleet(self, name, spec):
        self.its = systemd_host.HostFleet(self.world, spec.format(port=8080))
        self.its.convoy("up", "--backend", "systemd", seconds=300)
        return self.its

    @property
    def state(self):
        return pathlib.Path(f"/proc/{self.lab.rows()['a']['pid']}/root/var/lib/convoy")

    def journal(self, query):
        """Asked in the host: SQLite reads links by itself, and /proc/PID/root is none that it understands."""
        return self.its.script(f"""
            import json, sqlite3
            ledger = sqlite3.connect("file:/var/lib/convoy/ledger.db?mode=ro", uri=True, timeout=5)
            print(json.dumps(ledger.execute({query!r}).fetchall()))
            """)

    def operator(self, *words, **options):
        command = [*systemd_host.OFFLINE, "sh", "-c", NOTED, "sh", "convoy", *words, "--file", self.its.spec]
        return subprocess.Popen([hosts.HOSTS, "--lab", self.lab.folder, "exec", "a", "--", *command], **options)

    def kill_operator(self, process):
        self.lab.inside("a", "sh", "-c", "kill -KILL $(cat /run/operator.pid)", fails=True)

    def kill_supervisor(self, pid):
        self.lab.inside("a", "kill", "-KILL", str(pid), fails=True)

    def kill_everything(self):
        self.lab.hosts("ctl", "a", "kill")
        self.has_power = False

    def return_to_life(self):
        if not self.has_power:
            self.lab.up("a")
            self.has_power = True

    def strays(self, status):
        """Units, their files and servers that no status tells of."""
        names = {f"convoy-instance-{row['name']}.service" for row in status["instances"]}
        wrong = [f"unit {unit}" for unit in set(self.its.units()) ^ names]
        listed = self.lab.inside("a", "sh", "-c", "cd /etc/systemd/system && ls -d convoy-instance-*.service").stdout
        wrong += [f"unit file {file}" for file in set(listed.split()) ^ names]
        private = self.lab.inside("a", "ls", "/var/lib/private/convoy/instances", fails=True).stdout.split()
        wrong += [f"left: private {name}" for name in private if f"convoy-instance-{name}.service" not in names]
        words = [line for line in self.lab.inside("a", "ps", "-eo", "args").stdout.splitlines()
                 if line.split()[0].endswith("/mcp-grafana")]
        return wrong + ([f"{len(words)} servers run"] if len(words) != len(names) else [])
