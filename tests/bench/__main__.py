"""`python -m tests.bench NAME [options]`: one benchmark; without a name, the quick ones that need no file."""

import sys
from importlib import import_module

QUICK = ("ingest", "startup")
ON_REQUEST = (
    *("mst", "aim", "deep", "dpsgd", "ctgan", "tables", "scale", "cost"),
    *("evaluation", "attacks", "evidence", "resources", "score"),
)
MODULES = {"score": "tests.bench.score"}


def main():
    names = sys.argv[1:2] or QUICK
    for name in names:
        if name not in (*QUICK, *ON_REQUEST):
            sys.exit(f"benchmarks: {', '.join((*QUICK, *ON_REQUEST))}")
        import_module(MODULES.get(name, f"tests.bench.bench_{name}")).main(sys.argv[2:])


main()
