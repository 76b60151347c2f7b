import numpy as np
import pytest
from scipy.stats import chi2, kstest

from engine.data.schema import Field, FieldType, TableSchema, Treatment
from engine.evaluation.noise_check import Residuals, VarianceRatio, _alarms, _of_cells, _of_totals
from engine.pipeline import synthesize
from engine.privacy.plan import UnitKind, UnitOfProtection
from engine.synthesizers.graphical_model import Measurement
from engine.synthesizers.independent import IndependentSynthesizer
from engine.synthesizers.model_file import load_model, save_model
from tests.doors import fit
from tests.leaks import DrawsHalfTheNoise, IgnoresEpsilon, LessNoise
from tests.metrics import found, measure
from tests.tables import SMALL_SCHEMA, small_plan, small_table, typed

TABLE = small_table(1500)
METHODS = ["aim", "mst", "independent"]


def check(model, train=TABLE, schema=SMALL_SCHEMA):
    synthetic = model.sample(50, np.random.default_rng(0))
    return measure("noise-check", train, None, synthetic, schema, synthesizer=model)


def fitted(method, seed, synthesizer=None, epsilon=1.0):
    """A door that recorded what was released, and the model."""
    door, model, _ = fit(small_plan(method, epsilon), TABLE, synthesizer=synthesizer, seed=seed)
    return door, model


@pytest.mark.parametrize("method", METHODS)
def test_the_ratio_is_that_of_what_the_door_released(method):
    """Every marginal that was measured once, as the door's recorder saw it, exact counts and all."""
    door, model = fitted(method, 3)
    details = check(model)["details"]
    measured = {}
    for call, exact, released in door.calls:
        if call.mechanism == "gaussian_marginal":
            columns, _, scale = call.key
            measured.setdefault(columns, []).append((released - exact).ravel() / np.sqrt(scale**2 + 1 / 12))
    names = model.domain_.names
    once = {tuple(names[c] for c in columns): runs[0] for columns, runs in measured.items() if len(runs) == 1}
    assert len(details["sets"]) == len(measured)
    compared = 0
    for entry in details["sets"]:
        if (residual := once.get(tuple(entry["columns"]))) is not None:
            assert entry["ratio"] == pytest.approx(np.mean(residual**2), rel=1e-5)
            assert entry["cells"] == residual.size
            compared += 1
    assert compared > 0


@pytest.mark.parametrize("method", METHODS)
def test_noise_as_stated_agrees(method):
    part = check(fitted(method, 1)[1])
    for name in ("cells", "totals"):
        low, high = found(part, name)["interval"]
        assert low < 1.1
        assert high > 0.9
    assert part["alarms"] == []


class HalfIndependent(LessNoise, IndependentSynthesizer):
    """Columns alone, with half of the noise."""


def test_p_values_of_sound_runs_are_uniform():
    # 40 runs: a sound check fails a Kolmogorov-Smirnov test at 1e-4 in one of 10,000 worlds; half the noise gives
    # p-values that are all next to 0.
    found_values = [
        [check(fitted("independent", seed, twin, 4.0)[1])["details"]["cells"]["p_value"] for seed in range(40)]
        for twin in (None, HalfIndependent)
    ]
    sound, twin = (kstest(values, "uniform").pvalue for values in found_values)
    assert sound > 1e-4 > twin


@pytest.mark.parametrize(("twin", "highest"), [(IgnoresEpsilon, 0.001), (DrawsHalfTheNoise, 0.4)])
def test_missing_noise_is_named(twin, highest):
    part = check(fitted("aim", 5, twin)[1])
    assert found(part, "cells")["value"] < highest
    assert [alarm["code"] for alarm in part["alarms"]] == ["noise_missing"]


def test_totals_alone_name_missing_noise_without_a_private_row():
    """Of persons, random rows are counted: which is not known, but the totals are."""
    schema = TableSchema((*SMALL_SCHEMA.fields, Field("person", FieldType.STRING, treatment=Treatment.DROP)))
    table = typed(TABLE.assign(person=np.arange(len(TABLE)).astype(str)), schema)
    plan = small_plan("aim", schema=schema, unit=UnitOfProtection(UnitKind.PERSON, "person", 2))
    for synthesizer, expected in ((None, []), (IgnoresEpsilon, ["noise_missing"])):
        _, model, _ = fit(plan, table, synthesizer=synthesizer)
        part = check(model)
        assert "which" in found(part, "cells")["value"]["unavailable"]
        assert [alarm["code"] for alarm in part["alarms"]] == expected


def test_other_rows_than_those_that_were_counted_show_as_too_much():
    part = check(fitted("mst", 1)[1], train=small_table(900, 7))
    assert found(part, "cells")["interval"][0] > 2.0
    assert "not the rows that were counted" in found(part, "cells")["sentence"]
    assert part["alarms"] == []


def test_a_sample_of_the_rows_cannot_be_counted(monkeypatch):
    monkeypatch.setattr("engine.evaluation.noise_check.MAXIMUM_ROWS", len(TABLE))
    part = check(fitted("independent", 1)[1])
    assert "sample" in found(part, "cells")["value"]["unavailable"]
    assert found(part, "totals")["value"] > 0


def test_noise_below_a_row_is_a_reason():
    assert "smaller than 1 row" in check(fitted("independent", 1, epsilon=80.0)[1])["unavailable"]


def test_methods_without_counts_and_unknown_ones_are_reasons(tmp_path):
    copula = synthesize(TABLE, small_plan("gaussian-copula"), sample_seed=0).synthesizer
    assert "did not measure" in check(copula)["unavailable"]
    assert "only the rows" in measure("noise-check", TABLE, None, TABLE, SMALL_SCHEMA)["unavailable"]
    save_model(fitted("mst", 1)[1], tmp_path / "model")
    restored = load_model(tmp_path / "model")
    restored.released_ = None  # as of a file that an earlier version wrote
    assert "not kept" in check(restored)["unavailable"]


@pytest.mark.parametrize("method", ["independent", "mst", "aim"])
def test_a_model_from_its_file_is_checked_as_the_fitted_one(tmp_path, method):
    synthesizer = fitted(method, 1)[1]
    save_model(synthesizer, tmp_path / "model")
    assert check(load_model(tmp_path / "model")) == check(synthesizer)


def test_a_ratio_and_its_interval_follow_from_chi_squared():
    found_ratio = VarianceRatio.of(12.0, 10)
    assert found_ratio.ratio == pytest.approx(1.2)
    for end, level in zip(found_ratio.interval, (0.975, 0.025), strict=True):
        assert 12.0 / end == pytest.approx(chi2.ppf(level, 10))
    assert found_ratio.p_value == pytest.approx(chi2.cdf(12.0, 10))


def test_few_totals_of_whole_rows_that_agree_are_no_alarm():
    """Two totals with noise of some 10 rows are the same in 4 % of all runs; the twin takes them for Gaussian."""
    counts = [Measurement((0,), np.full(40, 3.0), np.array(2.0)), Measurement((1,), np.full(3, 40.0), np.array(2.0))]
    found_ratio = _of_totals(counts)
    assert found_ratio.p_value == 0.0
    assert found_ratio.p_bound > 0.04
    assert _alarms(found_ratio) == ()
    many = [Measurement((column,), np.full(3, 40.0), np.array(2.0)) for column in range(40)]
    assert [alarm.code for alarm in _alarms(_of_totals(many))] == ["noise_missing"]


def test_few_cells_without_noise_are_no_alarm_where_chance_makes_them():
    """Three counts whose noise rounds to no row, which happens in one of 20 runs at the finest noise."""
    assert _alarms(_of_cells([Residuals(("a",), np.zeros(3), 1.0)])) == ()
    assert _alarms(_of_cells([Residuals(("a",), np.zeros(300), 1.0)])) != ()
