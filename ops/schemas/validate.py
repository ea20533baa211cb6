#!/usr/bin/env python3
"""Checks one JSON document against one of the schemas here.

usage: validate.py NAME < DOCUMENT      (NAME such as status, for status.schema.json)

Needs jsonschema. Exit 0: it fits; 1: it does not, and why.
"""

import json
import pathlib
import sys


def main() -> int:
    if sys.argv[1:] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 64
    # Not before: --help must answer where nothing is installed.
    import jsonschema

    schema = json.loads(pathlib.Path(__file__).with_name(f"{sys.argv[1]}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    faults = list(jsonschema.Draft202012Validator(schema).iter_errors(json.load(sys.stdin)))
    for fault in faults:
        print(f"{fault.json_path}: {fault.message}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
