#!/usr/bin/env python3
"""Holds fleet.schema.json to the parser's own cases.

usage: check.py CASES-DIRECTORY

Each case says what a schema can know: `Schema: accepts`, `refuses`, or `cannot tell: why`, which are
then only read. Needs jsonschema and PyYAML. Exit 0: schema and cases agree; 1: they don't.
"""

import json
import pathlib
import sys


def main() -> int:
    if sys.argv[1:] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 64
    # Not before: --help must answer where nothing is installed.
    import jsonschema
    import yaml

    schema = json.loads(pathlib.Path(__file__).with_name("fleet.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    checked = wrong = 0
    for file in sorted(pathlib.Path(sys.argv[1]).glob("*.txt")):
        head, _, _ = file.read_text().partition("=== says\n")
        header, _, body = head.partition("=== ")
        name, _, text = body.partition("\n")
        verdict = next(line[8:] for line in header.splitlines() if line.startswith("Schema: "))
        if verdict.startswith("cannot tell: ") or name != "fleet.yaml":
            continue
        errors = [e.message for e in validator.iter_errors(yaml.safe_load(text))]
        checked += 1
        if (verdict == "accepts") == bool(errors):
            wrong += 1
            print(f"{file.name}: should be {verdict[:-1]}ed: {errors or 'no error'}")
    print(f"{checked} cases checked, {wrong} wrong")
    return 1 if wrong or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
