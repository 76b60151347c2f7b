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
}
"""What can be faked: the key that a schema names, and a title to show."""

_LARGEST_SEED = 2**63


def fake_column(provider: str, n_rows: int, rng: np.random.Generator) -> pd.Series:
    """Invented texts, shape (n_rows,).

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
    from faker import Faker  # slow to load, and most plans fake nothing

    faker = Faker("en_US")
    faker.seed_instance(int(rng.integers(_LARGEST_SEED)))
    invent = getattr(faker, provider)
    return pd.Series([str(invent()) for _ in range(n_rows)], dtype="string")
