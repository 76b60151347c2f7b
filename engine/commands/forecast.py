"""`python -m engine forecast`: the error to expect of a plan's counts, before a row is read and anything is spent."""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InputError

if TYPE_CHECKING:
    from engine.privacy.plan import SynthesisPlan
    from engine.privacy.query_forecast import CellQuery


def add(commands: Any) -> None:
    """Add the command to a parser's commands."""
    command = commands.add_parser(
        "forecast", help="the error to expect of counts, and the ε that an accepted error takes; reads no rows"
    )
    command.add_argument("--schema", type=Path, required=True)
    command.add_argument("--method", required=True)
    command.add_argument("--declared-rows", type=int, required=True, help="about how many rows the table has")
    command.add_argument("--epsilon", type=float, help="privacy loss; with --accept it may be left out")
    command.add_argument("--delta", type=float)
    command.add_argument("--unit-column", help="column that tells persons apart; default: protect single rows")
    command.add_argument("--max-rows-per-unit", type=int, default=1)
    command.add_argument(
        "--query",
        metavar="COLUMN=VALUE,VALUE;COLUMN=LOW..HIGH",
        help="rows to count: conditions on columns, apart by semicolons; nothing after the sign for missing",
    )
    command.add_argument("--mean", metavar="COLUMN", help="the mean of this column in place of a count of rows")
    command.add_argument(
        "--by", action="append", default=[], metavar="COLUMN", help="a column whose values make groups; at most two"
    )
    command.add_argument(
        "--accept",
        type=float,
        metavar="ROWS",
        help="half-width of the 95 %% interval that is accepted, in rows or in the unit of the mean: which ε?",
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Forecast the errors of a command line's plan; raises InputError or PlanError where they cannot be told."""
    from engine.privacy.forecast import forecast
    from engine.privacy.query_forecast import epsilon_for_error, error_curve, forecast_query

    plan = _plan(options)
    query = _query(options, plan)
    if options.accept is not None and query is None:
        raise InputError("say with --query, --mean or --by of what the error is accepted")
    enough = None if options.accept is None or query is None else epsilon_for_error(plan, query, options.accept)
    if options.epsilon is None and enough is not None:
        plan = replace(plan, epsilon=enough)
    result: dict[str, Any] = {"method": plan.method, "epsilon": plan.epsilon, "delta": plan.delta}
    result |= forecast(plan).to_json()
    if query is not None:
        found = forecast_query(plan, query)
        result["query"] = found.to_json()
        result["curve"] = [] if found.half_width is None else [asdict(point) for point in error_curve(plan, query)]
    return result if enough is None else result | {"accepted": options.accept, "epsilon_for_accepted": enough}


def _plan(options: argparse.Namespace) -> SynthesisPlan:
    from engine.data.sdv_metadata import load_schema
    from engine.privacy.plan import SynthesisPlan, UnitKind, UnitOfProtection

    if options.epsilon is None and options.accept is None:
        raise InputError("state with --epsilon how much may be spent, or with --accept which error is accepted")
    kind = UnitKind.ROW if options.unit_column is None else UnitKind.PERSON
    return SynthesisPlan(
        schema=load_schema(options.schema),
        method=options.method,
        epsilon=1.0 if options.epsilon is None else options.epsilon,
        delta=options.delta,
        unit=UnitOfProtection(kind, options.unit_column, options.max_rows_per_unit),
        declared_rows=options.declared_rows,
    )


def _query(options: argparse.Namespace, plan: SynthesisPlan) -> CellQuery | None:
    """What is asked about, or None."""
    from engine.answers.query import Condition, Measure, Query
    from engine.privacy.query_forecast import cell_query
    from engine.synthesizers.marginals import modelled_fields

    if options.query is None and options.mean is None and not options.by:
        return None
    fields = modelled_fields(plan)
    texts = [text.strip() for text in (options.query or "").split(";") if text.strip()]
    asked: dict[str, Any] = {"where": [Condition.from_text(text, fields).to_json() for text in texts]}
    asked |= {"by": options.by, "measure": (Measure.COUNT if options.mean is None else Measure.MEAN).value}
    return cell_query(plan, Query.from_json(asked | ({"column": options.mean} if options.mean else {}), fields))
