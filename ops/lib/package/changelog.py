"""Writes CHANGELOG.md as Debian wants a changelog; prints it.

usage: changelog.py CHANGELOG.md VERSION MAINTAINER SECONDS

"## Unreleased" is what VERSION brings; "## 1.2.3" are versions before. All are dated SECONDS since 1970, since
the file has no dates.
"""

import email.utils
import pathlib
import re
import sys
import textwrap


def sections(text):
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        yield title.strip(), [" ".join(item.split()) for item in re.split(r"^- ", body, flags=re.MULTILINE)[1:]]


def main(path, version, maintainer, seconds):
    for title, items in sections(pathlib.Path(path).read_text()):
        found = re.match(r"\d[0-9A-Za-z.+~]*", title)
        print(f"convoy ({found.group(0) if found else version}) bookworm; urgency=medium\n")
        for item in items:
            print(textwrap.fill(item, 76, initial_indent="  * ", subsequent_indent="    "))
        print(f"\n -- {maintainer}  {email.utils.formatdate(int(seconds))}\n".replace("-0000", "+0000"))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        print(__doc__)
        sys.exit(0 if {"-h", "--help"} & set(sys.argv) else 64)
    main(*sys.argv[1:])
