"""`python -m app.verify_audit`: whether the audit log of this installation is whole.

Exit status 0: it is. 1: it was changed, and every place is named on standard output. 2: it cannot be read.
"""

from __future__ import annotations

import sys

from app.clock import utc_now
from app.services.audit import AuditService, chain_view
from app.settings import SettingError, Settings
from app.store.session import Database

WHOLE, CHANGED, UNREADABLE = 0, 1, 2


def main() -> int:
    """Check the log in the database that the settings name; nothing is written."""
    try:
        settings = Settings.from_environment()
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        return UNREADABLE
    database = Database(settings.database_url)
    try:
        if not database.has_table("audit_heads"):
            sys.stderr.write("The database of DATABASE_URL does not answer, or has no audit log of this version.\n")
            return UNREADABLE
        found = chain_view(AuditService(database, utc_now).check(), utc_now())
    finally:
        database.close()
    for place in found.breaks:
        sys.stdout.write(f"{place.sentence}\n")
    if not found.is_whole:
        sys.stdout.write(f"The audit log of {found.entries} entries was changed at {found.n_breaks} places.\n")
        return CHANGED
    sys.stdout.write(
        f"The audit log is whole: {found.entries} entries, {found.erased} of them with name and address erased.\n"
        f"Its head is {found.head}\n"
    )
    return WHOLE


if __name__ == "__main__":
    sys.exit(main())
