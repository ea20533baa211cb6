"""A host's disk: the layer above the image that makes it this host; and the names that all of a lab know."""

import pathlib
import shutil
import uuid

from lab import image
from lab.lab import HUB
from lab.words import call

LOCALHOST = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"
BEGIN, END = "# lab\n", "# end of lab\n"


def make(lab, host, ip):
    new = host.folder.with_name(f".{host.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    upper = new / "upper"
    for folder in ("work", "root", "upper/etc/ssh", "upper/root/.ssh"):
        (new / folder).mkdir(parents=True)
    for private in (upper / "root", upper / "root/.ssh"):
        private.chmod(0o700)
    write(upper / "etc/hostname", f"{host.name}\n")
    write(upper / "etc/hosts", LOCALHOST)
    # Without a server, and without a route to one: no name is asked for outside.
    write(upper / "etc/resolv.conf", "")
    # A machine-id, or systemd takes this for a first boot and presets every unit.
    write(upper / "etc/machine-id", f"{uuid.uuid4().hex}\n")
    key(upper / "etc/ssh/ssh_host_ed25519_key", f"root@{host.name}")
    shutil.copy(client_key(lab).with_suffix(".pub"), upper / "root/.ssh/authorized_keys")
    write(new / "image", str(image.path()))
    write(new / "ip", ip)
    new.rename(host.folder)


def write(path, text):
    path.write_text(text)
    path.chmod(0o644)


def key(path, comment):
    call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", path)


def client_key(lab):
    """The key with which everybody in the hub logs in as root; made with its settings at the first call."""
    path = lab.folder / "ssh/id"
    if path.exists():
        return path
    path.parent.mkdir(exist_ok=True)
    key(path, lab.name)
    (lab.folder / "ssh/config").write_text(
        f"Host *\n User root\n IdentityFile {path}\n IdentitiesOnly yes\n BatchMode yes\n ConnectTimeout 5\n"
        f" UserKnownHostsFile {lab.folder}/ssh/known_hosts\n StrictHostKeyChecking yes\n LogLevel ERROR\n")
    # Plain `ssh`, because `systemctl -H` and `busctl -H` run it by that name.
    (lab.folder / "bin").mkdir(exist_ok=True)
    wrapper = lab.folder / "bin/ssh"
    wrapper.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {lab.folder}/ssh/config "$@"\n')
    wrapper.chmod(0o755)
    return path


def tell_names(lab, hosts):
    """Tells every host, and the hub, the names of all hosts. In place: the files may be open or mounted."""
    names = "".join(f"{host.ip} {host.name}\n" for host in hosts)
    (lab.folder / "names").write_text(f"{LOCALHOST}{HUB} hub\n{names}")
    known = lab.folder / "ssh/known_hosts"
    known.parent.mkdir(exist_ok=True)
    known.write_text("".join(
        f"{host.ip},{host.name} {' '.join(public_key(host).split()[:2])}\n" for host in hosts))
    for host in hosts:
        leader = host.leader()
        root = pathlib.Path(f"/proc/{leader}/root") if leader else host.folder / "upper"
        path = root / "etc/hosts"
        text = path.read_text() if path.exists() else LOCALHOST
        before, _, rest = text.partition(BEGIN)
        wanted = f"{before}{BEGIN}{HUB} hub\n{names}{END}{rest.partition(END)[2]}"
        if text != wanted:
            path.write_text(wanted)


def public_key(host):
    return (host.folder / "upper/etc/ssh/ssh_host_ed25519_key.pub").read_text()
