"""Plans: what a run would do, what it costs, what error it will have. No private row is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.errors import ForbiddenError, InvalidInputError, InvalidPlanError, NotReadyError
from app.services.dataset_checks import check_holdout_share
from app.services.dataset_view import is_protected
from app.services.datasets import DatasetsService
from app.services.ledger import UNPROTECTED_FORBIDDEN, LedgerService
from app.services.release_views import CriterionChoice
from app.services.sources import sentence
from app.services.views import DatasetView, Feasibility, UserView
from engine.data.schema import TableSchema, Treatment
from engine.errors import EngineError
from engine.privacy.plan import SynthesisPlan, UnitOfProtection

if TYPE_CHECKING:
    from engine.privacy.forecast import Forecast
    from engine.privacy.price import PlanPrice
    from engine.privacy.query_forecast import CellQuery, CurvePoint, QueryForecast
    from engine.resources import Resources
    from engine.synthesizers.registry import MethodInfo

DEFAULT_HOLDOUT_SHARE = 0.2

_STEPS = {
    "columns": "Confirm what the columns are first.",
    "protect": "Say who is protected first.",
    "budget": "Set the dataset's privacy budget first.",
}


class PlansService:
    """Plans from a dataset's saved choices.

    Args:
        datasets: where the choices are.
        ledger: what is left.
    """

    def __init__(self, datasets: DatasetsService, ledger: LedgerService) -> None:
        self._datasets = datasets
        self._ledger = ledger

    def methods(self) -> tuple[MethodInfo, ...]:
        """All methods to choose from; those without a privacy guarantee come last."""
        from engine.synthesizers.registry import list_methods

        return list_methods()

    def is_protected(self, method: object) -> bool:
        """Whether a method has a privacy guarantee; one that nobody knows is refused when a plan is made."""
        return is_protected(method)

    def default_method(self, user: UserView, dataset_id: str) -> str:
        """The method to offer first for a dataset; raises NotReadyError where an earlier step is missing."""
        return _first_method(*_require_ready(self._datasets.get(user, dataset_id)))

    def draft_plan(self, user: UserView, dataset_id: str, **choices: Any) -> SynthesisPlan:
        """The plan that the dataset's saved choices make.

        Args:
            user: the owner.
            dataset_id: the dataset.
            choices: what to take in place of a saved choice, such as `epsilon`. A method without a privacy guarantee
                takes no ε, and passes over a saved one.

        Raises:
            NotReadyError: an earlier step is missing; it names the step.
            InvalidPlanError: the choices do not make a plan.
        """
        dataset = self._datasets.get(user, dataset_id)
        draft = dataset.draft | choices
        is_unprotected = draft.get("method") is not None and not is_protected(draft["method"])
        schema, unit = _require_ready(dataset, needs_budget=not is_unprotected)
        epsilon = choices.get("epsilon") if is_unprotected else draft.get("epsilon")
        if epsilon is None and not is_unprotected:
            raise NotReadyError("model", "Choose ε for this run first.")
        _check_chosen_columns(draft, _modelled(schema, unit))
        try:
            return SynthesisPlan(
                schema=schema,
                method=str(draft.get("method") or _first_method(schema, unit)),
                epsilon=epsilon,
                delta=None if epsilon is None else dataset.delta,
                unit=unit,
                n_rows=draft.get("n_rows"),
                declared_rows=dataset.declared_rows,
                target=draft.get("target"),
                important=_important(draft),
                evaluation_share=0.0 if is_unprotected else draft.get("evaluation_share") or 0.0,
            )
        except EngineError as error:
            raise InvalidPlanError(sentence(error)) from None

    def check(self, user: UserView, dataset_id: str, plan: SynthesisPlan) -> None:
        """Refuse a plan that is not about this dataset as its owner confirmed it.

        Raises:
            NotReadyError: an earlier step is missing.
            ForbiddenError: it has no privacy guarantee, and the dataset forbids such runs.
            InvalidPlanError: schema or unit are not those that were confirmed.
        """
        dataset = self._datasets.get(user, dataset_id)
        is_unprotected = not is_protected(plan.method)
        schema, unit = _require_ready(dataset, needs_budget=not is_unprotected)
        if is_unprotected and not dataset.allows_unprotected:
            raise ForbiddenError(UNPROTECTED_FORBIDDEN)
        if plan.schema != schema:
            raise InvalidPlanError("The plan's schema is not the one that was confirmed for this dataset.")
        if plan.unit != unit:
            raise InvalidPlanError("The plan protects somebody else than was said for this dataset.")

    def price(self, user: UserView, dataset_id: str, plan: SynthesisPlan) -> PlanPrice:
        """The envelope that the plan would be charged; raises InvalidPlanError where it cannot be priced."""
        from engine.privacy.price import price_plan

        self.check(user, dataset_id, plan)
        try:
            return price_plan(plan)
        except EngineError as error:
            raise InvalidPlanError(sentence(error)) from None

    def forecast(self, user: UserView, dataset_id: str, plan: SynthesisPlan) -> Forecast:
        """The plan's expected error; raises InvalidPlanError where it cannot be priced."""
        from engine.privacy.forecast import forecast

        self.check(user, dataset_id, plan)
        try:
            return forecast(plan)
        except EngineError as error:
            raise InvalidPlanError(sentence(error)) from None

    def cell_query(self, plan: SynthesisPlan, question: Any) -> CellQuery:
        """What a question adds up under a plan.

        Args:
            plan: the plan.
            question: `measure` (`count` or `mean`), and where wanted `column`, `where` and `by`.

        Raises:
            InvalidInputError: it is malformed, or about something that the plan lacks.
        """
        from engine.answers.query import Query
        from engine.privacy.query_forecast import cell_query
        from engine.synthesizers.marginals import modelled_fields

        try:
            return cell_query(plan, Query.from_json(question, modelled_fields(plan)))
        except EngineError as error:
            raise InvalidInputError(sentence(error)) from None

    def query_forecast(
        self, user: UserView, dataset_id: str, plan: SynthesisPlan, query: CellQuery
    ) -> tuple[QueryForecast, tuple[CurvePoint, ...]]:
        """Expected error of a query, and its curve against ε where there is a forecast.

        Raises:
            InvalidPlanError: the plan cannot be priced, or does not model the query.
        """
        from engine.privacy.query_forecast import error_curve, forecast_query

        self.check(user, dataset_id, plan)
        try:
            found = forecast_query(plan, query)
            return found, () if found.half_width is None else error_curve(plan, query)
        except EngineError as error:
            raise InvalidPlanError(sentence(error)) from None

    def epsilon_for_error(
        self, user: UserView, dataset_id: str, plan: SynthesisPlan, query: CellQuery, accepted: float
    ) -> float:
        """The least ε whose 95 % interval reaches no further than what is accepted.

        Raises:
            InvalidPlanError: no ε suffices, or there is no forecast; it says what to change.
        """
        from engine.privacy.query_forecast import epsilon_for_error

        self.check(user, dataset_id, plan)
        try:
            return epsilon_for_error(plan, query, accepted)
        except EngineError as error:
            raise InvalidPlanError(sentence(error)) from None

    def resources(self, user: UserView, dataset_id: str, plan: SynthesisPlan) -> Resources:
        """About how long the run takes and how much memory; raises InvalidPlanError where it cannot be priced."""
        from engine.resources import estimate_resources

        self.check(user, dataset_id, plan)
        try:
            return estimate_resources(plan, plan.declared_rows or 1)
        except EngineError as error:
            raise InvalidPlanError(sentence(error)) from None

    def memory_refusal(self, resources: Resources) -> str | None:
        """Why a run cannot be made on this machine now, as a sentence; None where it can."""
        from engine.resources import check_memory

        try:
            check_memory(resources)
        except EngineError as error:
            return sentence(error)
        return None

    def feasibility(self, user: UserView, dataset_id: str, plan: SynthesisPlan) -> Feasibility:
        """Whether the plan would be granted now; raises InvalidPlanError where it is outside the budget."""
        price = self.price(user, dataset_id, plan)
        if price.epsilon is None:
            raise InvalidPlanError(
                "A run without a privacy guarantee is outside the budget: there is nothing to weigh."
            )
        return self._ledger.weigh(user, dataset_id, price.to_json())

    def criteria_catalogue(self) -> tuple[CriterionChoice, ...]:
        """All measures that a criterion may be about, in the order of the report."""
        from engine.evaluation.charged_metrics import NOISY_DISTANCES, NOISY_UTILITY
        from engine.evaluation.criteria import criteria_catalogue

        return tuple(
            CriterionChoice(
                metric=entry.metric.name,
                measure=entry.measure.name,
                title=entry.title,
                question=entry.metric.question,
                goal=entry.measure.goal.value,
                unit=entry.measure.unit.value,
                lowest=entry.measure.lowest,
                highest=entry.measure.highest,
                suggested_limit=entry.suggested_limit,
                is_covered=not entry.metric.reads_real_rows,
                needs_share=entry.metric in (NOISY_DISTANCES, NOISY_UTILITY),
            )
            for entry in criteria_catalogue()
        )

    def criteria(
        self, user: UserView, dataset_id: str, plan: SynthesisPlan, stated: object = None
    ) -> list[dict[str, Any]]:
        """Limits that the release of the plan's run is held against, as JSON.

        Args:
            user: the owner.
            dataset_id: the dataset.
            plan: the plan; without a privacy guarantee it is never released, so saved criteria are passed over.
            stated: what to take in place of the saved criteria.

        Raises:
            InvalidPlanError: they are no criteria, or stated for a run that is never released.
        """
        from engine.evaluation.criteria import read_criteria

        is_released = is_protected(plan.method)
        if stated and not is_released:
            raise InvalidPlanError("A run without a privacy guarantee is never released, so it has no criteria.")
        saved = self._datasets.get(user, dataset_id).draft.get("criteria", []) if stated is None else stated
        try:
            criteria = read_criteria(saved)
        except EngineError as error:
            raise InvalidPlanError(sentence(error)) from None
        return [criterion.to_json() for criterion in criteria] if is_released else []

    def holdout_share(self, user: UserView, dataset_id: str) -> float:
        """Share of units that the next run sets aside for its report."""
        share = self._datasets.get(user, dataset_id).draft.get("holdout_share", DEFAULT_HOLDOUT_SHARE)
        try:
            check_holdout_share(share)
        except InvalidInputError as error:
            raise InvalidPlanError(error.user_message) from None
        return float(share)


def _require_ready(dataset: DatasetView, *, needs_budget: bool = True) -> tuple[TableSchema, UnitOfProtection]:
    if needs_budget and dataset.epsilon_cap is None and dataset.next_step not in _STEPS:
        raise NotReadyError("budget", _STEPS["budget"])
    if dataset.next_step in _STEPS and (needs_budget or dataset.next_step != "budget"):
        raise NotReadyError(dataset.next_step, _STEPS[dataset.next_step])
    if dataset.schema is None or dataset.unit is None:
        raise NotReadyError("columns", _STEPS["columns"])
    return dataset.schema, dataset.unit


def _first_method(schema: TableSchema, unit: UnitOfProtection) -> str:
    from engine.synthesizers.registry import default_method

    return default_method(len(_modelled(schema, unit)))


def _modelled(schema: TableSchema, unit: UnitOfProtection) -> list[str]:
    return [
        field.name
        for field in schema.fields
        if field.treatment is Treatment.SYNTHESIZE and field.name != unit.id_column
    ]


def _important(draft: Mapping[str, Any]) -> tuple[str, ...]:
    names = draft.get("important") or ()
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise InvalidPlanError("The columns that matter most are a list of names.")
    return tuple(names)


def _check_chosen_columns(draft: Mapping[str, Any], modelled: Sequence[str]) -> None:
    """Refuse a choice that has outlived its column, and say where to choose again."""
    chosen = [draft["target"]] if isinstance(draft.get("target"), str) else []
    for name in (*chosen, *_important(draft)):
        if name not in modelled:
            raise InvalidPlanError(
                f"Column {name!r} was chosen on the model step, but it is not synthesized. Choose again there."
            )
