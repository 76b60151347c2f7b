"""`python -m tests.bench NAME [options]`: one benchmark; without a name, the ones that need no file."""

import sys
from importlib import import_module

NEED_NO_FILE = ("ingest", "startup")
ON_DEMAND = ("resources",)
NEED_A_FILE = ("mst",)


def main():
    names = sys.argv[1:2] or NEED_NO_FILE
    for name in names:
        if name not in (*NEED_NO_FILE, *NEED_A_FILE, *ON_DEMAND):
            sys.exit(f"benchmarks: {', '.join((*NEED_NO_FILE, *NEED_A_FILE, *ON_DEMAND))}")
        import_module(f"tests.bench.bench_{name}").main(sys.argv[2:])


main()
