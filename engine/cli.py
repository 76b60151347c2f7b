"""The command line. Every command ends with one JSON line on standard output.

Bad input ends with exit status 2 and one line on standard error that says what to do; it never quotes a cell. A command
that judges ends with exit status 1 where its judgement is negative.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from engine.commands import audit, commitment, forecast, interval, recompute, verify, verify_audit
from engine.data.schema import TableSchema, Treatment
from engine.data.sdv_metadata import load_schema
from engine.errors import EngineError, InputError
from engine.privacy.plan import DEFAULT_DELTA, MAXIMUM_ROWS, SynthesisPlan, UnitKind, UnitOfProtection

if TYPE_CHECKING:
    import pandas as pd

    from engine.data.rows import Rows
    from engine.timing import StageClock

Result = dict[str, Any]
BAD_INPUT = 2


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints take one line."""

    def error(self, message: str) -> NoReturn:
        raise InputError(message)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status."""
    try:
        options = _parser().parse_args(arguments)
        result = options.run(options)
    except (EngineError, OSError) as error:
        sys.stderr.write(f"{_one_line(error)}\n")
        return BAD_INPUT
    print(json.dumps(result, ensure_ascii=False, allow_nan=False))
    return options.status(result) if "status" in options else 0


def _profile(options: argparse.Namespace) -> Result:
    from engine.data.ingest import read_table
    from engine.data.profiling import profile_table, propose_schema, without_proposed_bounds

    profile = profile_table(read_table(options.data).table)
    schema = propose_schema(profile)
    (schema if options.declare_bounds else without_proposed_bounds(schema)).save(options.out)
    return {
        "out": str(options.out),
        "rows": profile.n_rows,
        "columns": len(profile.columns),
        "classification": "owner only",
        "flagged": {
            column.name: sorted({finding.kind for finding in column.findings})
            for column in profile.columns
            if column.findings
        },
    }


def _synthesize(options: argparse.Namespace) -> Result:
    from engine.data.rows import open_rows
    from engine.pipeline import fit
    from engine.privacy.held_rows import READING
    from engine.synthesizers.model_file import save_model
    from engine.synthesizers.registry import default_method
    from engine.timing import StageClock

    plan = SynthesisPlan(
        schema=load_schema(options.schema),
        method=options.method or "",
        epsilon=options.epsilon,
        delta=options.delta,
        unit=_unit(options),
        n_rows=options.rows,
        declared_rows=options.declared_rows,
        target=options.target,
        important=tuple(options.important),
        evaluation_share=options.evaluation_share,
    )
    if options.method is None:
        plan = replace(plan, method=default_method(len(plan.synthesized_names())))
    _check_guarantee(plan, options)
    clock = StageClock()
    with clock.stage(READING):
        rows, holdout = _set_aside(open_rows(options.data, plan.schema), plan, options.holdout_share)
    run = fit(rows, plan, holdout=holdout, sample_seed=options.sample_seed, device=options.device, clock=clock)
    n_columns = _write_pieces(run.pieces(), run.clock, options.out, options.neutralise_formulas)
    _write_json(options.certificate, run.certificate)
    if options.report is not None:
        _write_json(options.report, run.released_report)
    if options.model is not None:
        save_model(run.synthesizer, options.model)
    privacy = run.certificate["privacy"]
    statement = _statement(privacy)
    return {
        "out": str(options.out),
        "certificate": str(options.certificate),
        "method": plan.method,
        "guarantee": run.certificate["guarantee"],
        "epsilon": privacy["epsilon"],
        "delta": privacy["delta"],
        "rows": run.n_rows,
        "columns": n_columns,
        "seconds": {stage: round(seconds, 3) for stage, seconds in run.clock.seconds.items()},
    } | ({} if statement is None else {"statement": statement})


def _set_aside(rows: Rows, plan: SynthesisPlan, share: float) -> tuple[Rows, Rows | None]:
    """Rows to learn from, and rows of other units that the releasable report may test predictions on."""
    from engine.data.rows import KeptRows
    from engine.privacy.contributions import held_out_units
    from engine.privacy.noise import SecureNoise

    if share == 0.0:
        return rows, None
    held_out = held_out_units(rows, plan.unit, share, SecureNoise())
    return KeptRows(rows, ~held_out), KeptRows(rows, held_out)


def _check_guarantee(plan: SynthesisPlan, options: argparse.Namespace) -> None:
    """Refuse what a method with a guarantee lacks, or one without cannot have, before anything is read."""
    from engine.synthesizers.registry import method_info

    is_private = method_info(plan.method).private
    if is_private and plan.epsilon is None:
        raise InputError("state with --epsilon how much privacy loss the run may spend")
    if not is_private and plan.epsilon is not None:
        raise InputError(f"the method {plan.method!r} has no privacy guarantee, so it has no ε: leave --epsilon out")
    if not is_private and options.model is not None:
        raise InputError(f"the model of the method {plan.method!r} cannot be kept: leave --model out")
    if not is_private and options.report is not None:
        raise InputError(f"nothing that the method {plan.method!r} makes can be released: leave --report out")


def _statement(privacy: dict[str, Any]) -> str | None:
    """That a run protects nobody, said on standard error too; None for a run with a guarantee."""
    statement: str | None = privacy.get("statement")
    if statement is not None:
        sys.stderr.write(f"{statement}\n")
    return statement


def _sample(options: argparse.Namespace) -> Result:
    import numpy as np

    from engine.answers.copies import draw_copies
    from engine.data.given import given_texts
    from engine.synthesizers.model_file import load_model
    from engine.timing import StageClock

    synthesizer = load_model(options.model)
    given = given_texts([column.field for column in synthesizer.domain_.columns], options.given)
    if not 1 <= options.rows <= MAXIMUM_ROWS:
        raise InputError(f"--rows is a whole number between 1 and {MAXIMUM_ROWS:,}")
    rng = np.random.default_rng(options.sample_seed)
    tables = draw_copies(synthesizer, 1 if options.copies is None else options.copies, options.rows, rng, given)
    files = _numbered(options.out, options.copies)
    for pieces, out in zip(tables, files, strict=True):
        n_columns = _write_pieces(pieces, StageClock(), out, options.neutralise_formulas)
    written = [str(out) for out in files]
    return {
        "out": written[0] if options.copies is None else written,
        "rows": options.rows,
        "columns": n_columns,
        "given": sorted(given),
    }


def _numbered(out: Path, copies: int | None) -> list[Path]:
    """The file itself, or one for each copy with its number before the suffix."""
    if copies is None:
        return [out]
    return [out.with_name(f"{out.stem}-{number}{out.suffix}") for number in range(1, copies + 1)]


def _write_pieces(pieces: Iterator[pd.DataFrame], clock: StageClock, out: Path, neutralise_formulas: bool) -> int:
    """Draw the rows part by part into a file that bears its name once it is whole; gives the number of columns."""
    from engine.data.export import TableWriter

    unfinished = out.with_name(f"{out.name}.part")
    n_columns = 0
    try:
        with TableWriter(unfinished, out.suffix, neutralise_formulas=neutralise_formulas) as writer:
            for piece in pieces:
                n_columns = piece.shape[1]
                with clock.stage("writing"):
                    writer.write(piece)
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return n_columns


def _evaluate(options: argparse.Namespace) -> Result:
    from engine.data.ingest import read_table
    from engine.evaluation.evaluate import evaluate

    schema = _compared(load_schema(options.schema), options.unit_column)
    train, holdout, synthetic = (
        read_table(path, schema=schema).table for path in (options.train, options.holdout, options.synthetic)
    )
    report = evaluate(train, holdout, synthetic, schema, target=options.target, seed=options.seed)
    _write_json(options.out, report)
    return {
        "out": str(options.out),
        "classification": report["classification"],
        "alarms": [alarm["title"] for alarm in report["alarms"]],
        "findings": {
            name: {finding["measure"]: finding["value"] for finding in metric.get("findings", ())}
            for name, metric in report["metrics"].items()
        },
    }


def _compared(schema: TableSchema, unit_column: str | None) -> TableSchema:
    """The columns that a synthetic table has in common with the real one."""
    fields = [field for field in schema.fields if field.treatment is Treatment.SYNTHESIZE and field.name != unit_column]
    if not fields:
        raise InputError("the schema synthesizes no column, so there is nothing to compare")
    return TableSchema(tuple(fields), schema.missing_values)


def _unit(options: argparse.Namespace) -> UnitOfProtection:
    if options.unit_column is None:
        return UnitOfProtection(UnitKind.ROW, None, options.max_rows_per_unit or 1)
    if options.max_rows_per_unit is None:
        raise InputError("say with --max-rows-per-unit how many rows of one person may count")
    return UnitOfProtection(UnitKind.PERSON, options.unit_column, options.max_rows_per_unit)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m engine", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    _add_profile(commands)
    _add_synthesize(commands)
    _add_sample(commands)
    _add_evaluate(commands)
    forecast.add(commands)
    interval.add(commands)
    recompute.add(commands)
    audit.add(commands)
    verify.add(commands)
    commitment.add(commands)
    verify_audit.add(commands)
    return parser


def _add_profile(commands: Any) -> None:
    profile = commands.add_parser("profile", help="describe a table, for its owner, and propose a schema")
    profile.add_argument("data", type=Path, metavar="DATA")
    profile.add_argument("--out", type=Path, required=True, metavar="SCHEMA.json")
    profile.add_argument(
        "--declare-bounds",
        action="store_true",
        help="keep the bounds read from the rows as your own statement; without it, a run learns them and pays",
    )
    profile.set_defaults(run=_profile)


def _add_synthesize(commands: Any) -> None:
    command = commands.add_parser(
        "synthesize",
        help="fit a method and draw rows, under differential privacy or, by a baseline, without a guarantee",
    )
    command.add_argument("data", type=Path, metavar="DATA")
    command.add_argument("--schema", type=Path, required=True)
    command.add_argument("--method", help="default: aim for 2 to 100 columns to synthesize, mst for more")
    command.add_argument("--epsilon", type=float, help="privacy loss; leave it out for a method without a guarantee")
    command.add_argument("--delta", type=float, help=f"default: {DEFAULT_DELTA:g}")
    command.add_argument(
        "--rows",
        type=int,
        help="synthetic rows; default: the noisy number of private rows, for a baseline the exact one",
    )
    command.add_argument("--declared-rows", type=int, help="about how many rows the table has, to check δ")
    command.add_argument("--unit-column", help="column that tells persons apart; default: protect single rows")
    command.add_argument("--max-rows-per-unit", type=int)
    command.add_argument("--target", metavar="COLUMN", help="column that models will predict; aim counts it double")
    command.add_argument(
        "--important",
        action="append",
        default=[],
        metavar="COLUMN",
        help="column whose relations aim counts double; may be repeated",
    )
    command.add_argument("--device", default="auto", help="where the model is fitted: auto, cpu or cuda")
    _add_drawing(command)
    command.add_argument("--certificate", type=Path, required=True, metavar="CERT.json")
    command.add_argument("--model", type=Path, metavar="MODEL.npz", help="keep the fitted model, to draw further rows")
    _add_report(command)
    command.set_defaults(run=_synthesize)


def _add_report(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--report", type=Path, metavar="REPORT.json", help="findings on quality that may leave with the rows"
    )
    command.add_argument(
        "--evaluation-share",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="part of the privacy loss, up to 0.5, that measures quality for the report; default: 0",
    )
    command.add_argument(
        "--holdout-share",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="part of the rows, up to 0.5, that nothing is learned from, to test predictions on; default: 0",
    )


def _add_sample(commands: Any) -> None:
    command = commands.add_parser("sample", help="draw further rows from a kept model, at no privacy loss")
    command.add_argument("model", type=Path, metavar="MODEL.npz")
    command.add_argument("--rows", type=int, required=True)
    command.add_argument(
        "--copies", type=int, metavar="M", help="draw so many tables of as many rows each, into numbered files"
    )
    command.add_argument(
        "--given",
        action="append",
        default=[],
        metavar="COLUMN=VALUE",
        help="a value that the column has in every row, nothing for missing; may be repeated for further columns",
    )
    _add_drawing(command)
    command.set_defaults(run=_sample)


def _add_drawing(command: argparse.ArgumentParser) -> None:
    command.add_argument("--sample-seed", type=int, help="seed of the sampling; noise cannot be seeded")
    command.add_argument(
        "--neutralise-formulas",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="put an apostrophe before text that a spreadsheet would run as a formula",
    )
    command.add_argument("--out", type=Path, required=True, metavar="OUT.csv or OUT.parquet")


def _add_evaluate(commands: Any) -> None:
    command = commands.add_parser("evaluate", help="compare synthetic rows with real ones; internal use only")
    for name in ("train", "holdout", "synthetic", "schema", "out"):
        command.add_argument(f"--{name}", type=Path, required=True)
    command.add_argument("--unit-column", help="column that told persons apart, which the synthetic table lacks")
    command.add_argument("--target", help="column that the utility check predicts")
    command.add_argument("--seed", type=int, default=0, help="seed of the models and subsamples")
    command.set_defaults(run=_evaluate)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"error: {error.strerror or 'cannot use the file'}: {error.filename or ''}"
    return f"error: {' '.join(str(error).split())}"
