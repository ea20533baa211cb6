"""Where the parts are, and how a script comes to run under the client part's Python."""

import os
import pathlib
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PARTS = pathlib.Path(os.environ.get("CONVOY_PARTS") or REPOSITORY / ".build-parts")


def run_under(part):
    """Starts the running script again under a part's Python unless it runs there already."""
    prefix = PARTS / part
    if pathlib.Path(sys.prefix).resolve() == prefix.resolve():
        return
    python = prefix / "bin" / "python"
    if not python.exists():
        if {"-h", "--help"} & set(sys.argv[1:]):
            sys.exit(print(sys.modules["__main__"].__doc__))
        sys.exit(f"{sys.argv[0]}: error: no Python at {python}: run ops/parts first")
    os.execv(python, [str(python), *sys.argv])


def python(part):
    """The Python of a part."""
    return PARTS / part / "bin" / "python"
