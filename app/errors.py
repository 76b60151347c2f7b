"""Errors of the application. `user_message` is safe to show and to log: it never quotes a cell value.

AppError
├── NotSignedInError          no valid session or token came with the request
├── ForbiddenError            the user may not do this, whoever owns the thing
├── NotFoundError             there is no such thing, or it belongs to somebody else
├── CredentialsError
│   ├── WrongCredentialsError  user name and password do not belong together
│   └── LockedOutError         too many failed sign-ins
├── InvalidInputError         what was sent cannot be used; says what to change
│   ├── InvalidDataError       the uploaded file or the schema cannot be used
│   ├── InvalidPlanError       the plan cannot be carried out
│   └── TooLargeError          the upload passes a limit
├── NotReadyError             an earlier step of the wizard is missing
├── ConflictError             the thing's state does not allow this now
│   ├── BudgetRefusedError     the plan would pass the dataset's cap
│   ├── AlreadyCommittedError  the reservation was committed or released before
│   ├── ReleaseClosedError     the run does not meet the criteria that its plan stated for a release
│   ├── OutdatedReportError    a report was made by an earlier version and must be made again
│   └── SupersededError        another attempt of the run took over, or the run has ended
└── UnavailableError          a part that is needed does not answer, or a result could not be made
    └── QueueUnavailableError  Redis does not answer
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar


class AppError(Exception):
    """Raised when the application refuses or fails.

    Args:
        user_message: what happened and what to do, without any cell value.
    """

    code: ClassVar[str] = "app_error"
    http_status: ClassVar[int] = 500

    def __init__(self, user_message: str) -> None:
        super().__init__(user_message)
        self.user_message = user_message


class NotSignedInError(AppError):
    """Raised when a request carries no valid session or token."""

    code = "not_signed_in"
    http_status = 401

    def __init__(self, user_message: str = "Sign in to continue.") -> None:
        super().__init__(user_message)


class ForbiddenError(AppError):
    """Raised when the user may not do this."""

    code = "forbidden"
    http_status = 403


class NotFoundError(AppError):
    """Raised when there is no such thing for this user; another owner's thing looks the same.

    Args:
        kind: `dataset`, `run`, `report`, `file`, `token` or `user`.
    """

    code = "not_found"
    http_status = 404

    def __init__(self, kind: str) -> None:
        super().__init__(f"There is no such {kind}.")
        self.kind = kind


class CredentialsError(AppError):
    """Raised when a sign-in does not succeed."""

    code = "credentials"
    http_status = 401


class WrongCredentialsError(CredentialsError):
    """Raised when user name and password do not belong together; it does not say which is wrong."""

    code = "wrong_credentials"

    def __init__(self, user_message: str = "The user name or the password is wrong.") -> None:
        super().__init__(user_message)


class LockedOutError(CredentialsError):
    """Raised after too many failed sign-ins.

    Args:
        retry_at: when the next attempt is possible.
        minutes: minutes until then, rounded up.
    """

    code = "locked_out"
    http_status = 429

    def __init__(self, retry_at: datetime, minutes: int) -> None:
        unit = "minute" if minutes == 1 else "minutes"
        super().__init__(f"Too many failed sign-ins. Try again in {minutes} {unit}.")
        self.retry_at = retry_at


class InvalidInputError(AppError):
    """Raised when what was sent cannot be used."""

    code = "invalid_input"
    http_status = 422


class InvalidDataError(InvalidInputError):
    """Raised when an uploaded file or a schema cannot be used."""

    code = "invalid_data"


class InvalidPlanError(InvalidInputError):
    """Raised when a plan cannot be carried out."""

    code = "invalid_plan"


class TooLargeError(InvalidInputError):
    """Raised when an upload passes a limit."""

    code = "too_large"
    http_status = 413


class NotReadyError(AppError):
    """Raised when an earlier step is missing.

    Args:
        step: `columns`, `protect`, `budget` or `model`.
        user_message: what to do first.
    """

    code = "not_ready"
    http_status = 409

    def __init__(self, step: str, user_message: str) -> None:
        super().__init__(user_message)
        self.step = step


class ConflictError(AppError):
    """Raised when a thing's state does not allow this now."""

    code = "conflict"
    http_status = 409


class BudgetRefusedError(ConflictError):
    """Raised when a plan would pass the dataset's cap; nothing was reserved.

    Args:
        cost_epsilon: ε of the plan alone.
        composed_epsilon: ε of everything reserved and spent with this plan; infinite where δ is used up.
        epsilon_left: largest ε of a further run that still fits.
        epsilon_cap: the cap.
    """

    code = "budget_refused"

    def __init__(
        self, *, cost_epsilon: float, composed_epsilon: float, epsilon_left: float, epsilon_cap: float
    ) -> None:
        outcome = (
            f"bring the dataset to ε {composed_epsilon:.4g} of {epsilon_cap:.4g}"
            if math.isfinite(composed_epsilon)
            else "use up the dataset's δ"
        )
        left = (
            f"A further run of up to ε {_floor(epsilon_left):g} still fits."
            if epsilon_left > 0.0
            else "No further run like this fits."
        )
        super().__init__(f"This run costs ε {cost_epsilon:.4g} and would {outcome}. {left} Nothing was spent.")
        self.cost_epsilon = cost_epsilon
        self.composed_epsilon = composed_epsilon
        self.epsilon_left = epsilon_left
        self.epsilon_cap = epsilon_cap


def _floor(epsilon: float) -> float:
    """ε cut to four decimals: a rounded-up number would be refused again."""
    return math.floor(epsilon * 1e4) / 1e4


class AlreadyCommittedError(ConflictError):
    """Raised when a reservation is committed that is not reserved any more."""

    code = "already_committed"


class ReleaseClosedError(ConflictError):
    """Raised when a releasable file is asked for, but the run does not meet the criteria of its plan.

    Args:
        failed: a sentence per criterion that is not met.
    """

    code = "release_closed"

    def __init__(self, failed: Sequence[str]) -> None:
        count = "One criterion is" if len(failed) == 1 else f"{len(failed)} criteria are"
        super().__init__(
            f"The release is closed. {count} not met. {' '.join(failed)} "
            "The owner can open it on the release page, with a reason."
        )
        self.failed = tuple(failed)


class OutdatedReportError(ConflictError):
    """Raised when a report was made by an earlier version, in a form that this one does not show."""

    code = "outdated_report"

    def __init__(
        self,
        user_message: str = "An earlier version made this report, in another form. Make the report again to see it.",
    ) -> None:
        super().__init__(user_message)


class SupersededError(ConflictError):
    """Raised when an attempt of a run wants to write after another attempt took over, or after the run has ended."""

    code = "superseded"

    def __init__(self, user_message: str = "Another worker took this run over, or it has ended.") -> None:
        super().__init__(user_message)


class UnavailableError(AppError):
    """Raised when a part that is needed does not answer, or a result could not be made."""

    code = "unavailable"
    http_status = 503


class QueueUnavailableError(UnavailableError):
    """Raised when Redis does not answer."""

    code = "queue_unavailable"

    def __init__(
        self, user_message: str = "The queue does not answer. Nothing was spent; try again in a minute."
    ) -> None:
        super().__init__(user_message)
