"""Invented values that have nothing to do with the real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.errors import PlanError

if TYPE_CHECKING:
    import pandas as pd

PROVIDERS: dict[str, str] = {
    "name": "Person's full name",
    "first_name": "First name",
    "last_name": "Last name",
    "email": "E-mail address",
    "phone_number": "Phone number",
    "street_address": "Street address",
    "city": "City",
    "postcode": "Postal code",
    "company": "Company",
    "user_name": "User name",
    "ipv4": "IP address",
    "iban": "IBAN",
    "credit_card_number": "Card number",
    "ssn": "Social security number",
    "uuid4": "Random identifier",
    "license_plate": "Licence plate",
    "row_number": "Running number",
}
"""What can be faked: the key that a schema names, and a title to show."""

_LARGEST_SEED = 2**63
_POOL_SIZE = 5_000
_SLOW = frozenset({"name", "first_name", "last_name", "email", "street_address", "city", "company", "user_name"})


def fake_column(provider: str, n_rows: int, rng: np.random.Generator) -> pd.Series:
    """Invented values, shape (n_rows,): texts, or whole numbers where they count the rows.

    Long columns of names and the like repeat values from a pool, as real ones do; numbers and codes do not.

    Args:
        provider: a key of `PROVIDERS`.
        n_rows: how many.
        rng: generator that seeds the invention; it reads nothing private.

    Raises:
        PlanError: the provider is unknown.
    """
    if provider not in PROVIDERS:
        raise PlanError(f"nothing fakes {provider!r}: choose one of {', '.join(PROVIDERS)}")
    import pandas as pd

    if provider == "row_number":
        return pd.Series(np.arange(1, n_rows + 1), dtype="Int64")
    from faker import Faker  # slow to load, and most plans fake nothing

    faker = Faker("en_US")
    faker.seed_instance(int(rng.integers(_LARGEST_SEED)))
    invent = getattr(faker, provider)
    n_invented = min(n_rows, _POOL_SIZE) if provider in _SLOW else n_rows
    invented = pd.Series([str(invent()) for _ in range(n_invented)], dtype="string")
    if n_invented == n_rows:
        return invented
    return invented.take(rng.integers(n_invented, size=n_rows)).reset_index(drop=True)
