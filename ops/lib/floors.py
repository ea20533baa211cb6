"""Checks that arrows between modules point down only, and that the domain stays pure.

Prints one line for each breach, with file and line; exits 1 when there is any.
"""

import pathlib
import re
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]

# What each module may import besides Swift, Foundation and the modules named here.
DOMAIN = {
    "Fleet": set(),
    "Planning": {"Fleet"},
    "Admission": {"Fleet"},
    "Templates": set(),
    "Rendering": {"Fleet", "Planning", "Templates"},
    "Ports": {"Fleet", "Planning"},
    "Daemons": {"Fleet"},
    "Operations": {"Fleet", "Planning", "Rendering", "Admission", "Ports"},
}
ADAPTER_FLOOR = {"Fleet", "Planning", "Admission", "Rendering", "Ports", "Daemons"}
C_MODULES = {"CLibMongoC", "CMongoC", "CProcess", "CSystemd", "COpenSSL"}
TOP = "convoy"

IMPORT = re.compile(r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|private)\s+)?import\s+(?:\w+\s+)?(\w+)")
# Clocks, files and processes come in through ports.
EFFECTS = re.compile(r"\b(Date\(|Task\.sleep|FileManager|Process\(|ProcessInfo|ContinuousClock\(|getenv|arc4random)")
PURE = ["Fleet", "Planning", "Rendering", "Admission", "Operations"]
NEVER = re.compile(r"\btry!|fatalError\(\"not impl|DispatchSemaphore\(|Thread\.sleep|\busleep\(")


def modules():
    return {path.name for path in (REPOSITORY / "Sources").iterdir() if path.is_dir()}


def allowed(module, ours):
    if module == TOP:
        return ours
    if module in DOMAIN:
        return DOMAIN[module]
    return ADAPTER_FLOOR | C_MODULES


def code_lines(path):
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        code = line.split("//", 1)[0] if '"' not in line else line
        if not line.lstrip().startswith("//"):
            yield number, code


def breaches(module, ours):
    may = allowed(module, ours)
    for path in sorted((REPOSITORY / "Sources" / module).rglob("*.swift")):
        where = path.relative_to(REPOSITORY)
        for number, line in code_lines(path):
            found = IMPORT.match(line)
            if found and found.group(1) in ours and found.group(1) not in may:
                yield f"{where}:{number}: error: {module} must not import {found.group(1)}: arrows point down only"
            if module in PURE and (effect := EFFECTS.search(line)):
                yield f"{where}:{number}: error: {effect.group(1)} in {module}: effects come in through ports"
            if never := NEVER.search(line):
                yield f"{where}:{number}: error: {never.group(0)} is not for this project"


def main():
    if len(sys.argv) > 1:
        print(__doc__)
        return 0
    ours = (modules() | {"Templates"}) - {TOP}
    rows = [row for module in sorted(ours | {TOP}) if (REPOSITORY / "Sources" / module).is_dir()
            for row in breaches(module, ours)]
    print("\n".join(rows), end="\n" if rows else "")
    return 1 if rows else 0


if __name__ == "__main__":
    sys.exit(main())
