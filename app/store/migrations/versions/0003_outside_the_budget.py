"""Runs without a privacy guarantee: entries outside the budget, and datasets that forbid them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OUTSIDE = "outside"


def upgrade() -> None:
    """Let an entry have no ε, and every dataset say whether it may have such entries."""
    _require_a_loss(is_required=False)
    op.add_column("datasets", sa.Column("allows_unprotected", sa.Boolean(), nullable=False, server_default=sa.true()))


def downgrade() -> None:
    """Drop the column; an entry without an ε has no place in the older tables and is never turned into a number.

    Raises:
        ValueError: there is such an entry.
    """
    entries = sa.table("ledger_entries", sa.column("state"))
    outside = sa.select(sa.func.count()).where(entries.c.state == OUTSIDE)
    if op.get_bind().scalar(outside):
        raise ValueError("the ledger has runs without a privacy guarantee, which older versions cannot show")
    op.drop_column("datasets", "allows_unprotected")
    _require_a_loss(is_required=True)


def _require_a_loss(*, is_required: bool) -> None:
    with op.batch_alter_table("ledger_entries") as entries:
        entries.alter_column("epsilon_micro", existing_type=sa.BigInteger(), nullable=not is_required)
        entries.alter_column("delta", existing_type=sa.Double(), nullable=not is_required)
