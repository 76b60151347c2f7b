"""What is asked of a report before it is made, and why it may be refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.errors import InvalidInputError, UnavailableError
from app.reporting.evidence import INTERNAL_EDITION, RELEASABLE_EDITION
from app.reporting.frameworks.catalogue import missing
from app.services.declarations import check_frameworks
from app.services.evidence_views import DeclarationsView
from app.services.release import require_open
from app.store import runs as run_rows
from app.store.ledger import OUTSIDE
from app.store.models import Run

EDITIONS = (RELEASABLE_EDITION, INTERNAL_EDITION)


@dataclass(frozen=True)
class Choices:
    """What a caller asks for, unchecked.

    Args:
        final: whether the report is meant to be filed.
        frameworks: ids of frameworks; None takes those that were saved with the declarations.
        edition: `releasable` or `internal`; None takes the widest that the run can have and that may leave.
    """

    final: object
    frameworks: Sequence[str] | None
    edition: str | None


@dataclass(frozen=True)
class Request:
    """A report that is asked for.

    Args:
        run: the run, with its dataset, plan, user and ledger entry.
        edition: `releasable` or `internal`.
        is_final: whether it is meant to be filed.
        frameworks: ids of the frameworks that it has an annex for.
        declarations: what people stated so far.
    """

    run: Run
    edition: str
    is_final: bool
    frameworks: tuple[str, ...]
    declarations: DeclarationsView

    @property
    def is_internal(self) -> bool:
        """Whether it may hold numbers that no budget paid for."""
        return self.edition == INTERNAL_EDITION


def read_request(run: Run, declarations: DeclarationsView, choices: Choices) -> Request:
    """What is asked for, with what was left open filled in.

    Args:
        run: the run, with its dataset, plan, user and ledger entry.
        declarations: what people stated so far.
        choices: what the caller asks for.

    Raises:
        InvalidInputError: the choices contradict each other or the run.
    """
    if not isinstance(choices.final, bool):
        raise InvalidInputError("Say with true or false whether the report is final.")
    is_protected = run.ledger_entry.state != OUTSIDE
    if choices.frameworks is not None:
        frameworks = check_frameworks(choices.frameworks)
    else:
        frameworks = declarations.frameworks if is_protected else ()
    edition = choices.edition or (RELEASABLE_EDITION if is_protected else INTERNAL_EDITION)
    _check_edition(edition, frameworks, is_protected=is_protected)
    return Request(run, edition, choices.final, frameworks, declarations)


def checks(request: Request) -> list[Callable[[], None]]:
    """What has to hold before a report is made; each raises an error that says why it does not."""
    run = request.run
    found: list[Callable[[], None]] = [lambda: require_finished(run)]
    if not request.is_internal and run.status == run_rows.DONE:
        found.append(lambda: require_open(run))
    if request.is_final:
        found.append(lambda: _require_complete(request))
    return found


def _check_edition(edition: object, frameworks: Sequence[str], *, is_protected: bool) -> None:
    if edition not in EDITIONS:
        raise InvalidInputError(f"The edition of a report is one of {', '.join(EDITIONS)}.")
    if is_protected:
        return
    if edition == RELEASABLE_EDITION:
        raise InvalidInputError("A run without a privacy guarantee has an internal report only.")
    if frameworks:
        raise InvalidInputError("The report of a run without a privacy guarantee has no annexes: choose no framework.")


def require_finished(run: Run) -> None:
    """Refuse a run that has made no table; raises UnavailableError."""
    if run.status in run_rows.UNFINISHED:
        raise UnavailableError("The run is not finished yet.")
    if run.status != run_rows.DONE:
        raise UnavailableError("The run ended without a synthetic table, so there is nothing to report.")


def _require_complete(request: Request) -> None:
    """Refuse a final report that lacks something.

    Raises:
        InvalidInputError: it says what.
    """
    if request.is_internal:
        raise InvalidInputError(
            "An internal edition is never final: it holds numbers that must not be filed. Draft it."
        )
    lacking = missing(request.frameworks, request.declarations.values)
    if lacking:
        labels = "; ".join(question.label for question in lacking)
        raise InvalidInputError(
            f"A final report needs {len(lacking)} more {'answer' if len(lacking) == 1 else 'answers'}: {labels}. Save "
            "them with the declarations, or make a draft."
        )
