"""Makes the sample table: simulated patient encounters that belong to nobody.

    python -m engine.data.samples.make_encounters

Age drives the department, the department drives the length of stay, severity drives both cost and readmission,
and some values are missing more often in the emergency department. The same seed gives the same file.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from engine.data.export import write_csv
from engine.data.schema import DomainSource, Field, FieldType, TableSchema

FOLDER = Path(__file__).resolve().parent
TABLE_PATH = FOLDER / "encounters.csv"
SCHEMA_PATH = FOLDER / "encounters.schema.json"
N_ROWS = 5_000
SEED = 20_260_101

DEPARTMENTS = ("Emergency", "Surgery", "Internal medicine", "Paediatrics", "Maternity", "Geriatrics")
REGIONS = ("North", "East", "South", "West", "Centre")
INSURANCE = ("Public", "Private", "Self-paid")
SEVERITIES = ("Low", "Moderate", "High", "Critical")
FIRST_DAY, LAST_DAY = date(2023, 1, 1), date(2024, 12, 31)


def encounters_schema() -> TableSchema:
    """The public codebook of the sample table."""
    public = DomainSource.PUBLIC
    integer, number, text = FieldType.INTEGER, FieldType.NUMBER, FieldType.STRING
    return TableSchema(
        (
            Field("admitted_on", FieldType.DATE, FIRST_DAY, LAST_DAY, required=True, source=public),
            Field("age", integer, 0, 110, required=True, source=public),
            Field("sex", text, enum=("Female", "Male"), required=True, source=public),
            Field("region", text, enum=REGIONS, source=public),
            Field("insurance", text, enum=INSURANCE, source=public),
            Field("department", text, enum=DEPARTMENTS, required=True, source=public),
            Field("severity", text, enum=SEVERITIES, required=True, source=public),
            Field("length_of_stay", integer, 0, 60, required=True, source=public),
            Field("systolic_pressure", integer, 70, 230, source=public),
            Field("smoker", FieldType.BOOLEAN, source=public),
            Field("total_cost", number, 0.0, 50_000.0, source=public, decimals=2),
            Field("readmitted", FieldType.BOOLEAN, required=True, source=public),
        )
    )


def make_encounters(n_rows: int = N_ROWS, seed: int = SEED) -> pd.DataFrame:
    """Simulated encounters, shape (n_rows, 12)."""
    rng = np.random.default_rng(seed)
    age = _ages(n_rows, rng)
    female = rng.random(n_rows) < 0.53
    department = _departments(age, female, rng)
    severity = _severities(age, department, rng)
    stay = np.minimum(rng.poisson(0.6 + 1.7 * severity**1.4 + 1.5 * (department == 5)), 60)
    smoker = rng.random(n_rows) < np.where((age > 17) & (age < 70), 0.26, 0.05)
    pressure = np.clip(np.round(rng.normal(104 + 0.38 * age + 6 * smoker, 13)), 70, 230)
    cost = np.clip(np.exp(rng.normal(6.2 + 0.45 * severity, 0.45, n_rows)) + 640 * stay, 0, 50_000)
    readmitted = rng.random(n_rows) < 1 / (1 + np.exp(3.1 - 0.75 * severity - 0.02 * np.maximum(age - 50, 0)))
    insurance = rng.random(n_rows) < np.where(cost > np.quantile(cost, 0.7), 0.40, 0.18)
    span = (LAST_DAY - FIRST_DAY).days + 1
    table = pd.DataFrame(
        {
            "admitted_on": pd.Timestamp(FIRST_DAY) + pd.to_timedelta(rng.integers(0, span, n_rows), unit="D"),
            "age": age,
            "sex": np.where(female, "Female", "Male"),
            "region": rng.choice(REGIONS, n_rows, p=[0.26, 0.17, 0.22, 0.15, 0.20]),
            "insurance": np.where(insurance, "Private", np.where(rng.random(n_rows) < 0.08, "Self-paid", "Public")),
            "department": np.array(DEPARTMENTS)[department],
            "severity": np.array(SEVERITIES)[severity],
            "length_of_stay": stay,
            "systolic_pressure": pressure.astype(np.int64),
            "smoker": smoker,
            "total_cost": np.round(cost, 2),
            "readmitted": readmitted,
        }
    )
    return _with_missing(table, department == 0, rng)


def _ages(n_rows: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    children = rng.integers(0, 18, n_rows)
    adults = rng.normal(44, 15, n_rows)
    elderly = rng.normal(77, 8, n_rows)
    group = rng.choice(3, n_rows, p=[0.16, 0.54, 0.30])
    ages = np.clip(np.round(np.choose(group, [children, adults, elderly])), 0, 110)
    return np.asarray(ages, dtype=np.int64)


def _departments(
    age: npt.NDArray[np.int64], female: npt.NDArray[np.bool_], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    department = rng.choice([0, 1, 2], len(age), p=[0.42, 0.24, 0.34])
    department = np.where((age < 16) & (rng.random(len(age)) < 0.75), 3, department)
    giving_birth = female & (age > 18) & (age < 46) & (rng.random(len(age)) < 0.28)
    department = np.where(giving_birth, 4, department)
    return np.where((age > 74) & (rng.random(len(age)) < 0.45), 5, department)


def _severities(
    age: npt.NDArray[np.int64], department: npt.NDArray[np.int64], rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    burden = rng.normal(0.7 + 0.012 * age + 0.5 * (department == 1) - 0.4 * (department == 4), 0.8)
    return np.asarray(np.clip(np.round(burden), 0, 3), dtype=np.int64)


def _with_missing(table: pd.DataFrame, emergency: npt.NDArray[np.bool_], rng: np.random.Generator) -> pd.DataFrame:
    table = table.astype({"smoker": "boolean", "systolic_pressure": "Int64", "total_cost": "Float64"})
    rates = {"region": 0.01, "insurance": 0.03, "systolic_pressure": 0.05, "smoker": 0.12, "total_cost": 0.02}
    for name, rate in rates.items():
        table[name] = table[name].mask(rng.random(len(table)) < np.where(emergency, 2 * rate, rate))
    return table


def main() -> None:
    """Write the table and its codebook."""
    write_csv(make_encounters(), TABLE_PATH)
    encounters_schema().save(SCHEMA_PATH)


if __name__ == "__main__":
    main()
