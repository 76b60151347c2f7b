"""`python -m engine interval`: a count, a share or a mean from a kept model, each with its interval."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.answers.query import Query
    from engine.data.schema import Field


def add(commands: Any) -> None:
    """Add the command to a parser's commands."""
    command = commands.add_parser(
        "interval", help="answer a question from a kept model's noisy counts, with an interval, at no privacy loss"
    )
    command.add_argument("model", type=Path, metavar="MODEL.npz")
    asked = command.add_mutually_exclusive_group(required=True)
    asked.add_argument("--count", action="store_true", help="the number of rows")
    asked.add_argument(
        "--share",
        metavar="COLUMN[=VALUE,VALUE or LOW..HIGH]",
        help="the share of rows with these values of a column, or with each of its values",
    )
    asked.add_argument("--mean", metavar="COLUMN", help="the mean of a column of numbers")
    command.add_argument(
        "--by", action="append", default=[], metavar="COLUMN", help="a column whose values make groups; at most two"
    )
    command.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="COLUMN=VALUE,VALUE or COLUMN=LOW..HIGH",
        help="what rows have to meet, nothing after the sign for missing; may be repeated for further columns",
    )
    command.add_argument("--confidence", type=float, default=0.95, help="chance that an interval holds; default: 0.95")
    command.add_argument(
        "--population", action="store_true", help="about the population that the rows were drawn from, not the table"
    )
    command.add_argument("--simultaneous", action="store_true", help="all intervals hold at once, rather than each")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Answer the question of a command line; raises InputError where it or the model is not good for an answer."""
    from engine.answers.answer import answer
    from engine.answers.query import Terms
    from engine.synthesizers.model_file import load_model

    terms = Terms(options.confidence, options.population, options.simultaneous)
    synthesizer = load_model(options.model)
    query = _query(options, [column.field for column in synthesizer.domain_.columns])
    return answer(synthesizer, query, terms).to_json()


def _query(options: argparse.Namespace, fields: Sequence[Field]) -> Query:
    from engine.answers.query import Condition, Measure, Query

    where = [Condition.from_text(text, fields).to_json() for text in options.where]
    asked: dict[str, Any] = {"where": where, "by": options.by}
    if options.count:
        return Query.from_json(asked | {"measure": Measure.COUNT.value}, fields)
    if options.mean is not None:
        return Query.from_json(asked | {"measure": Measure.MEAN.value, "column": options.mean}, fields)
    if not options.share:
        raise InputError("say of which column the share is asked")
    asked |= {"measure": Measure.SHARE.value}
    if any(field.name == options.share for field in fields):
        return Query.from_json(asked | {"column": options.share}, fields)
    of = Condition.from_text(options.share, fields)
    return Query.from_json(asked | {"column": of.field.name, "of": of.to_json()}, fields)
