"""A training that ends early and goes on: steps and charges are those of one training, whatever happened to it."""

import json
import pickle
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from engine.certificate import recompute
from engine.checkpoints import FolderCheckpoints
from engine.data.schema import DomainSource, Field, FieldType, TableSchema
from engine.errors import PlanError
from engine.pipeline import synthesize
from engine.privacy.plan import UnitKind, UnitOfProtection
from engine.privacy.price import price_plan
from engine.synthesizers import deep_training
from engine.synthesizers.deep_state import DeepState, unpack
from engine.synthesizers.registry import synthesizer_class
from tests.doors import RecordingTable, fit
from tests.tables import MARKER, SMALL_SCHEMA, small_plan, small_table

METHODS = ["dp-ctgan", "dp-tvae"]
STEPS, PARTS = 20, 4
GRADIENTS = "noisy_gradient_sum"
PERSON_SCHEMA = TableSchema(
    (Field("person", FieldType.STRING, source=DomainSource.PUBLIC, enum=("x",)), *SMALL_SCHEMA.fields)
)
PERSON = UnitOfProtection(UnitKind.PERSON, "person", 3)


@pytest.fixture(autouse=True)
def few_parts(monkeypatch):
    """A checkpoint after every five of the twenty steps."""
    monkeypatch.setattr(deep_training, "PARTS", PARTS)


class Killed(BaseException):
    """The process is gone."""


class DyingCheckpoints(FolderCheckpoints):
    """Ends the process at one of its calls.

    Args:
        path: the folder.
        dies_at: name and number of the call, such as ("save", 1) before anything of it is done, or ("saved", 1) after.
    """

    def __init__(self, path, dies_at=("never", 0)):
        super().__init__(path)
        self._dies_at = dies_at
        self._counts = {}

    def _pass(self, name):
        self._counts[name] = self._counts.get(name, 0) + 1
        if self._dies_at == (name, self._counts[name]):
            raise Killed

    def save(self, state):
        self._pass("save")
        super().save(state)
        self._pass("saved")

    def begin(self, steps):
        self._pass("begin")
        super().begin(steps)
        self._pass("begun")

    def after_step(self):
        self._pass("step")

    def after_event(self, event):
        self._pass(event.stage)


class Door(RecordingTable):
    """Keeps itself in a list, so that it can be looked at after its process ended.

    Args:
        doors: the list.
        after_step: called after each noisy sum.
    """

    def __init__(self, *arguments, doors, after_step, **options):
        super().__init__(*arguments, **options)
        self.after_step = after_step
        doors.append(self)

    def _release(self, call, exact, draw):
        released = super()._release(call, exact, draw)
        if call.mechanism == GRADIENTS:
            self.after_step()
        return released

    @property
    def steps(self):
        return [call.key[0] for call, _, _ in self.calls if call.mechanism == GRADIENTS]

    @property
    def n_measurements(self):
        return len(self.calls) - len(self.steps)


def attempt(plan, table, path, doors, dies_at=("never", 0)):
    """One process; the model, or None where it ended early."""
    checkpoints = DyingCheckpoints(path, dies_at)
    watched = type("Watched", (synthesizer_class(plan.method),), {"checkpoints": checkpoints})
    options = {"doors": doors, "after_step": checkpoints.after_step}
    with suppress(Killed):
        return fit(plan, table, Door, watched, progress=checkpoints.after_event, **options)[1]
    return None


def plan_and_table(method, unit=None):
    if unit is None:
        return small_plan(method, epsilon=3.0, declared_rows=400), small_table()
    table = small_table(300)
    table.insert(0, "person", pd.Series(np.repeat(np.arange(75), 4).astype(str), dtype="string"))
    return small_plan(method, epsilon=3.0, declared_rows=300, schema=PERSON_SCHEMA, unit=unit), table


PHASES = [
    ("measuring", 1),
    ("fitting", 1),
    ("save", 1),
    ("saved", 1),
    ("training", 1),
    ("begin", 1),
    ("begun", 1),
    ("step", 3),
    ("save", 2),
    ("saved", 2),
    ("step", 7),
    ("begun", 3),
    ("begin", 4),
    ("step", 20),
    ("save", 5),
    ("saved", 5),
]


def phase_name(phase):
    return f"{phase[0]}-{phase[1]}"


def check_attempts(plan, table, path, deaths):
    """Let one process after the other die, then one finish; gives the doors and the model."""
    doors, whole = [], []
    assert attempt(plan, table, path / "whole", whole) is not None
    for dies_at in deaths:
        assert attempt(plan, table, path / "killed", doors, dies_at) is None
    model = attempt(plan, table, path / "killed", doors)
    assert doors[-1].budget.events() == whole[0].budget.events()
    assert doors[-1].budget.used_mu_squared == pytest.approx(whole[0].budget.used_mu_squared, rel=1e-12)
    steps = [step for door in doors for step in door.steps]
    assert len(set(steps)) == len(steps) <= STEPS
    assert max(steps) <= STEPS
    assert FolderCheckpoints(path / "killed").begun() == STEPS
    assert len(model.sample(50, np.random.default_rng(0))) == 50
    return doors, model


@pytest.mark.parametrize("phase", PHASES, ids=phase_name)
@pytest.mark.parametrize("method", METHODS)
def test_a_killed_training_goes_on_within_its_charge(method, phase, tmp_path):
    plan, table = plan_and_table(method)
    (first, second), _ = check_attempts(plan, table, tmp_path, [phase])
    saved_before = PHASES.index(phase) >= PHASES.index(("saved", 1))
    assert (second.n_measurements == 0) == saved_before, "what was measured and kept is not measured again"
    lost = max(first.steps, default=0)
    assert not second.steps or second.steps[0] > lost
    if second.steps:
        assert second.steps == list(range(second.steps[0], STEPS + 1))


@pytest.mark.parametrize("method", METHODS)
def test_one_death_after_another(method, tmp_path):
    plan, table = plan_and_table(method)
    deaths = [("saved", 1), ("training", 3), ("step", 4), ("begun", 1), ("save", 1)]
    doors, _ = check_attempts(plan, table, tmp_path, deaths)
    assert sum(door.n_measurements > 0 for door in doors) == 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("phase", [("saved", 1), ("step", 7)], ids=phase_name)
def test_persons_with_several_rows_go_on(method, phase, tmp_path):
    plan, table = plan_and_table(method, PERSON)
    (_, second), _ = check_attempts(plan, table, tmp_path, [phase])
    assert second.n_measurements == 0


@pytest.mark.parametrize("method", METHODS)
def test_all_steps_begun_and_none_kept_still_ends(method, tmp_path):
    """The one part is lost, so the networks are those that the marginals made."""
    plan, table = plan_and_table(method)
    attempt(plan, table, tmp_path, [], ("saved", 1))
    FolderCheckpoints(tmp_path).begin(STEPS)
    doors = []
    model = attempt(plan, table, tmp_path, doors)
    assert doors[0].calls == []
    assert len(model.sample(50, np.random.default_rng(0))) == 50


@pytest.mark.parametrize("method", METHODS)
def test_what_was_saved_is_loaded_to_the_last_bit(method, tmp_path, monkeypatch):
    """Weights, latent points and both moments and the step of every optimizer."""
    plan, table = plan_and_table(method)
    attempt(plan, table, tmp_path, [], ("saved", 3))
    kept = DeepState.from_bytes(FolderCheckpoints(tmp_path).load(), plan).networks
    loaded, honest = [], deep_training._load

    def load(networks, arrays):
        honest(networks, arrays)
        loaded.append({name: array.copy() for name, array in deep_training._saved(networks).items()})

    monkeypatch.setattr(deep_training, "_load", load)
    attempt(plan, table, tmp_path, [])
    assert set(loaded[0]) == set(kept)
    assert all(loaded[0][name].tobytes() == kept[name].tobytes() for name in kept)
    assert all(loaded[0][name].shape == kept[name].shape for name in kept)
    parts = {name.partition(" optimizer.")[0] for name in kept if " optimizer." in name}
    assert parts >= {"private", "moments"}
    assert any(name.endswith("exp_avg_sq") and kept[name].any() for name in kept)
    counters = [name for name in kept if name.startswith("private optimizer") and name.endswith("step")]
    assert {float(kept[name]) for name in counters} == {10.0}


@pytest.mark.parametrize("kept", [True, False])
def test_a_training_goes_on_from_what_was_kept(kept, tmp_path):
    """Along the same noisy sums it ends near the weights of a training that nothing ended, as without them it does not.

    Its marginals are fitted anew to the same counts, so it does not end exactly there.
    """
    plan, table = plan_and_table("dp-tvae")
    whole = []
    expected = attempt(plan, table, tmp_path / "whole", whole).weights_
    checkpoints = FolderCheckpoints(tmp_path / "killed")
    attempt(plan, table, checkpoints.path, [], ("saved", 3))
    if not kept:
        state = DeepState.from_bytes(checkpoints.load(), plan)
        checkpoints.save(replace(state, networks={}).to_bytes())
    released = {call.key[0]: value for call, _, value in whole[0].calls if call.mechanism == GRADIENTS}

    class Replayed(Door):
        def _release(self, call, exact, draw):
            return released[call.key[0]].clone()

    watched = type("Watched", (synthesizer_class("dp-tvae"),), {"checkpoints": checkpoints})
    _, model, _ = fit(plan, table, Replayed, watched, doors=[], after_step=lambda: None)
    away = max(float(np.abs(model.weights_[name] - array).max()) for name, array in expected.items())
    assert (away < 0.4) == kept


@pytest.mark.parametrize("method", METHODS)
def test_a_checkpoint_of_another_plan_is_refused(method, tmp_path):
    plan, table = plan_and_table(method)
    attempt(plan, table, tmp_path, [], ("saved", 2))
    doors = []
    for other in (replace(plan, epsilon=2.0), replace(plan, declared_rows=200), replace(plan, target="smoker")):
        with pytest.raises(PlanError, match="another plan: start a new run"):
            attempt(other, table, tmp_path, doors)
    assert [door.calls for door in doors] == [[], [], []], "nothing is read for it"


@pytest.mark.parametrize("method", METHODS)
def test_a_damaged_checkpoint_is_refused(method, tmp_path):
    """Any changed bit, wherever it is, and any end that is missing."""
    plan, table = plan_and_table(method)
    checkpoints = FolderCheckpoints(tmp_path)
    attempt(plan, table, tmp_path, [], ("saved", 2))
    content = checkpoints.load()
    rng = np.random.default_rng(3)
    places = [*rng.integers(0, len(content), 10), *rng.integers(0, 3000, 10), 0, 8, len(content) - 1]
    damaged = [content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :] for place in places]
    for state in [*damaged, content[:-1], content[: len(content) // 2], b"", b"{}", pickle.dumps({})]:
        checkpoints.save(state)
        doors = []
        with pytest.raises(PlanError, match="damaged"):
            attempt(plan, table, tmp_path, doors)
        assert doors[0].calls == []


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["latents", "generator.last.weight"])
def test_a_checkpoint_whose_networks_are_of_another_shape_is_refused(method, name, tmp_path):
    """As after an update of the program that changed the networks."""
    plan, table = plan_and_table(method)
    checkpoints = FolderCheckpoints(tmp_path)
    attempt(plan, table, tmp_path, [], ("saved", 2))
    state = DeepState.from_bytes(checkpoints.load(), plan)
    missing = {key: array for key, array in state.networks.items() if key != name}
    for networks in (missing, state.networks | {name: np.zeros((3, 3), dtype=np.float32)}):
        checkpoints.save(replace(state, networks=networks).to_bytes())
        doors = []
        with pytest.raises(PlanError, match="damaged"):
            attempt(plan, table, tmp_path, doors)
        assert doors[0].calls == []


@pytest.mark.parametrize("method", METHODS)
def test_no_row_is_in_a_checkpoint(method, tmp_path):
    """A marker in a text column, and a number that no other row holds, at every time that a state is saved."""
    schema = TableSchema((Field("note", FieldType.STRING, source=DomainSource.MEASURED), *SMALL_SCHEMA.fields))
    table = small_table()
    table.insert(0, "note", pd.Series([MARKER, *["common"] * (len(table) - 1)], dtype="string"))
    table.loc[0, "cost"] = 777.123456
    states = []

    class Keeping(FolderCheckpoints):
        def save(self, state):
            states.append(state)

    watched = type("Watched", (synthesizer_class(method),), {"checkpoints": Keeping(tmp_path)})
    fit(small_plan(method, epsilon=20.0, schema=schema), table, synthesizer=watched)
    assert len(states) == 1 + PARTS
    for state in states:
        assert b"common" in state, "a category that was learned and charged is there"
        assert MARKER.encode() not in state
        assert np.float64(777.123456).tobytes() not in state
        assert np.float32(777.123456).tobytes() not in state
        assert b"777.12" not in state
        _, arrays = unpack(state)
        assert all(len(table) not in array.shape for array in arrays.values()), "nothing is as long as the table"


@pytest.mark.parametrize("method", METHODS)
def test_a_checkpoint_is_arrays_and_text(method, tmp_path):
    """A header of JSON, numbers that it describes to the last byte: nothing is left that could be code."""
    plan, table = plan_and_table(method)
    attempt(plan, table, tmp_path, [], ("saved", 3))
    content = FolderCheckpoints(tmp_path).load()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    parts = [part for name, part in header.items() if name != "__metadata__"]
    assert {part["dtype"] for part in parts} <= {"F32", "F64", "I32", "I64"}
    borders = sorted(tuple(part["data_offsets"]) for part in parts)
    assert [first for first, _ in borders] == [0, *(last for _, last in borders[:-1])]
    assert borders[-1][1] == len(content) - 8 - length
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(content)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("killed", [False, True])
def test_epsilon_rises_to_the_certificates(method, killed, tmp_path):
    plan, table = plan_and_table(method)
    events = []
    checkpoints = DyingCheckpoints(tmp_path, ("saved", 3) if killed else ("never", 0))
    for _ in range(2 if killed else 1):
        with suppress(Killed):
            result = synthesize(table, plan, checkpoints=checkpoints, progress=events.append)
    numbers = [event.training for event in events if event.training is not None]
    epsilons = [each.epsilon for each in numbers]
    assert epsilons == sorted(set(epsilons))
    assert epsilons[-1] == pytest.approx(result.certificate["privacy"]["epsilon"], rel=1e-6)
    assert max(epsilons) <= price_plan(plan).epsilon <= plan.epsilon
    assert [each.step for each in numbers] == list(range(1, STEPS + 1))
    assert recompute(result.certificate)["agrees"]
    assert all(np.isfinite(each.generator_loss) for each in numbers)
    assert all((each.discriminator_loss is None) == (method == "dp-tvae") for each in numbers)
