"""Writes convoy(1) from what the program says of itself; prints it.

usage: convoy --experimental-dump-help | manual.py VERSION YYYY-MM-DD
"""

import collections
import json
import re
import sys

EVERYWHERE = {"help", "version"}
MANY = 5
FILES = [
    ("/etc/convoy/edge", "the edge's configuration, certificates and header secrets"),
    ("/etc/convoy/gate", "the gate's policy, and the refresher's plan"),
    ("/etc/convoy/firewall.nft", "the rules that convoy-firewall.service loads"),
    ("/var/lib/convoy", "ledger, generations, releases, instances, logs"),
    ("/etc/systemd/system/convoy-instance-*.service",
     "the instances; drop-ins in convoy-instance-.service.d are for all, in convoy-instance-POOL-.service.d for a "
     "pool's"),
    ("/run/convoy", "sockets; the supervisor's is control.sock"),
]
UNITS = [
    ("convoy-supervisor.service", "starts the fleet at boot, probes, proves and heals it; its restart touches nothing"),
    ("convoy-edge.service", "the fleet's own nginx; the supervisor starts it"),
    ("convoy-include.service", "with edge.mode: include, puts the fleet's file into another nginx and takes it away"),
    ("convoy-gate.socket", "what the edge asks; starts convoy-gate.service"),
    ("convoy-refresher.socket", "what the gate asks; starts convoy-refresher.service"),
    ("convoy-firewall.service", "the nft table `inet convoy`"),
    ("convoy.slice", "all instances, and the database's addresses that they may reach"),
]


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    return re.sub(r"^\.", r"\\&.", text, flags=re.MULTILINE)


def prose(text):
    """Paragraphs; lines that are indented stay as they are."""
    for paragraph in filter(None, (text or "").split("\n\n")):
        if paragraph.startswith("  "):
            yield from [".PP", ".RS 4", ".nf", escape(re.sub("^  ", "", paragraph, flags=re.MULTILINE)), ".fi", ".RE"]
        else:
            yield from [".PP", escape(paragraph.strip())]


def spelled(argument):
    if argument["kind"] == "positional":
        value = f"\\fI{escape(argument['valueName'])}\\fR"
        return value + "..." * argument["isRepeating"]
    names = [("-" if name["kind"] == "short" else "--") + name["name"] for name in argument["names"]]
    value = f" \\fI{escape(argument['valueName'])}\\fR" if argument["kind"] == "option" else ""
    return ", ".join(f"\\fB{escape(name)}\\fR" for name in names) + value


def described(argument):
    default = f" (default: {argument['defaultValue']})" if argument.get("defaultValue") else ""
    return "\n".join([".TP", spelled(argument), escape(argument.get("abstract", "") + default) or "\\&"])


def arguments(verb):
    return [described(argument) for argument in verb.get("arguments", [])
            if argument.get("shouldDisplay") and argument.get("valueName") not in EVERYWHERE]


def verbs(command, path=()):
    for verb in command.get("subcommands", []):
        if verb.get("shouldDisplay") and verb["commandName"] != "help":
            yield (*path, verb["commandName"]), verb
            yield from verbs(verb, (*path, verb["commandName"]))


def shared(found):
    """What many verbs take is described once."""
    counted = collections.Counter(text for _, verb in found for text in arguments(verb))
    return [text for text, count in counted.items() if count >= MANY]


def sections(found, common):
    for name, verb in found:
        yield from [f".SS {escape('convoy ' + ' '.join(name))}", escape(verb.get("abstract", ""))]
        yield from prose(verb.get("discussion"))
        yield from (text for text in arguments(verb) if text not in common)


def rows(title, pairs):
    yield f".SH {title}"
    for name, what in pairs:
        yield from [".TP", f"\\fB{escape(name)}\\fR", escape(what)]


def main(version, date):
    command = json.load(sys.stdin)["command"]
    found = list(verbs(command))
    common = shared(found)
    print("\n".join([
        f".TH CONVOY 1 {date} \"convoy {version}\"", ".nh", ".ad l",
        ".SH NAME", "convoy \\- runs fleets of MCP servers",
        ".SH SYNOPSIS", "\\fBconvoy\\fR \\fIverb\\fR [\\fIoption\\fR...]", ".br",
        "\\fBconvoy help\\fR \\fIverb\\fR",
        ".SH DESCRIPTION", escape(command["abstract"]), *prose(command["discussion"]),
        ".SH OPTIONS", "Most verbs take these; \\fBconvoy help\\fR \\fIverb\\fR says which.", *common,
        ".SH VERBS", *sections(found, common), *rows("UNITS", UNITS), *rows("FILES", FILES),
        ".SH SEE ALSO", "systemctl(1), journalctl(1), nginx(8), nft(8), /usr/share/doc/convoy/README.Debian"]))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(__doc__)
        sys.exit(0 if {"-h", "--help"} & set(sys.argv) else 64)
    main(*sys.argv[1:])
