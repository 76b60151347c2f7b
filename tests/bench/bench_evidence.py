"""All files of a report: evidence, PDF, Word, HTML, model card, registry entry, signatures.

make bench BENCH="evidence --columns 15"

The peer prints our own HTML page to PDF in Chromium, which is how pages are made into PDFs where no typesetter is used;
it makes that one file, unsigned and not archivable, and is started before the clock.
"""

import argparse
import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from app.reporting.evidence import Evidence
from app.reporting.package import REPORT_HTML, make_documents
from engine.certificate import recompute
from engine.evidence.keys import make_signer
from engine.evidence.names import REPORT_NAME
from engine.pipeline import synthesize
from engine.privacy.plan import SynthesisPlan
from tests.app.reporting.evidence_samples import evidence
from tests.bench.bench_scale import schema_of, simulate
from tests.bench.isolation import in_own_process, medians, peak_mib, timed
from tests.browser.studio import chromium
from tests.tables import typed

N_ROWS = 20_000
ROUNDS = 5


def evidence_of(n_columns, signer):
    """The evidence of a run with a charged report on a simulated table, arranged for every framework."""
    schema = schema_of(n_columns)
    plan = SynthesisPlan(schema=schema, method="aim", epsilon=1.0, declared_rows=N_ROWS, evaluation_share=0.1)
    table = typed(simulate(schema, N_ROWS, np.random.default_rng(0)).to_pandas(), schema)
    made = synthesize(table, plan, sample_seed=0)
    agreed = recompute(made.certificate)
    whole = dict(evidence("mst").json)
    whole |= {"certificate": made.certificate, "released_report": made.released_report}
    whole |= {"recomputed": {key: agreed[key] for key in ("epsilon", "delta", "agrees")}}
    whole |= {"signing": signer.identity()}
    whole["document"] = whole["document"] | {"created": datetime.now(UTC).isoformat(timespec="seconds")}
    return Evidence(whole)


def run_ours(n_columns, folder):
    """The first report of a process, which loads every library, and the median of further ones."""
    signer = make_signer(datetime.now(UTC))
    found = evidence_of(n_columns, signer)
    files, first = timed(make_documents, found, signer)
    further = medians([timed(make_documents, found, signer)[1] for _ in range(ROUNDS)])
    for name in (REPORT_HTML, REPORT_NAME):
        (Path(folder) / name).write_bytes(files[name])
    sizes = {name: len(content) for name, content in files.items()}
    return {"first": first, "further": further, "bytes": sizes, "peak_mib": peak_mib()}


def run_peer(folder):
    """Seconds to print the page; Chromium's work is in processes of its own, so only the wall clock is told."""
    page_address = (Path(folder) / REPORT_HTML).as_uri()
    with chromium() as browser:

        def printed():
            page = browser.new_page()
            page.goto(page_address)
            content = page.pdf(format="A4")
            page.close()
            return content

        content = printed()
        return {"seconds": medians([timed(printed)[1] for _ in range(ROUNDS)])["seconds"], "bytes": len(content)}


def main(arguments):
    parser = argparse.ArgumentParser(prog="make bench BENCH=evidence")
    parser.add_argument("--columns", type=int, default=15)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        ours = in_own_process(run_ours, options.columns, folder)
        peer = run_peer(folder)
    print(
        json.dumps(
            {
                "benchmark": "evidence",
                "columns": options.columns,
                "first_report": {name: round(value, 2) for name, value in ours["first"].items()},
                "further_report": {name: round(value, 2) for name, value in ours["further"].items()},
                "pdf_bytes": ours["bytes"][REPORT_NAME],
                "peak_mib": ours["peak_mib"],
                "chromium_print_seconds": round(peer["seconds"], 2),
                "chromium_pdf_bytes": peer["bytes"],
                "time_of_all_files_to_one_print": round(ours["further"]["seconds"] / peer["seconds"], 2),
            }
        )
    )
