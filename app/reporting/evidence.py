"""The evidence: one JSON value that holds everything a report says, and nothing that no budget paid for.

Every format is rendered from it, its canonical form (RFC 8785) is what is signed and attached, and whatever is not in
it is printed as not provided. The parts, by their names:

`evidence_version`  form of this value.
`document`          `id`, `version`, `status` (`draft` or `final`), `edition` (`releasable` or `internal`), `created`,
                    `generator` (`name`, `version`), `supersedes` (`id` and `version` of the one before, or null) and
                    `frameworks`, the chosen ones.
`signing`           the keys: `statement_key` and `document_key`, as `Signer.identity` gives them.
`dataset`           `id`, `name`, `owner`, `declared_rows`, `schema_confirmed_at`, `is_sample`.
`private_file`      `algorithm`, `commitment`: what binds the private file without telling anything about it; or null.
`run`               `id`, `user`, `requested_at`, `finished_at`, `target`, `holdout_share`, `note`, `release`
                    (`state`, `outcomes`, `override`), and `attacks`: names of the privacy metrics that the internal
                    report has, whatever they found; null where there is no such report.
`synthetic_files`   per file `name`, `media_type`, `size_bytes`, `sha256`.
`certificate`       what the run did, as the engine wrote it.
`recomputed`        `epsilon`, `delta`, `agrees`: the engine's `recompute` at the time of the report.
`ledger`            the dataset's ledger then: `epsilon_cap`, `delta`, `epsilon_spent`, `epsilon_reserved`,
                    `epsilon_left`, `sum_of_epsilons`, and `entries` with `id`, `run_id`, `user`, `state`, `guarantee`,
                    `epsilon`, `delta`, `event` (the envelope that was charged), `created_at`, `purpose`;
                    null for a run without a privacy guarantee, whose report prints no ε of any run.
`audit_log`         `entries`, `head`: how long the audit log was then, and the hash that seals it.
`access`            what the installation does for security, as its settings say: `storage`, `session_days`,
                    `lockout_attempts`, `lockout_minutes`, `raw_rows_kept`, `who_sees_rows`.
`released_report`   findings on quality that were charged or are free, as the engine wrote them; or null.
`evaluation`        the internal report, with attacks; in the internal edition only, null in every other.
`method_audits`     recorded audits of the run's method: `version`, `recorded_on`, `code_changed` (whether the run was
                    made by other code than was audited; null where that is not known), `audits`.
`declarations`      what people stated: `version`, `declared_by`, `declared_at`, `values` by question; or null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from app.reporting.document import Statement, Status
from app.reporting.printable import LONGEST_STATEMENT, NOT_PROVIDED, clean
from engine.privacy.guarantee import NOT_GUARANTEED

DRAFT, FINAL = "draft", "final"
RELEASABLE_EDITION, INTERNAL_EDITION = "releasable", "internal"

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Evidence:
    """The evidence, to be read by JSON pointers.

    Args:
        json: the whole value.
    """

    json: Json

    @property
    def is_protected(self) -> bool:
        """Whether the run has a privacy guarantee."""
        return bool(self.at("/certificate/guarantee") != NOT_GUARANTEED)

    @property
    def is_internal(self) -> bool:
        """Whether the report may hold numbers that no budget paid for."""
        return bool(self.at("/document/edition") == INTERNAL_EDITION)

    def at(self, pointer: str) -> Any:
        """What lies at a JSON pointer (RFC 6901); None where nothing does."""
        value: Any = self.json
        for token in pointer.split("/")[1:]:
            key = token.replace("~1", "/").replace("~0", "~")
            if isinstance(value, Mapping):
                value = value.get(key)
            elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
                value = value[int(key)]
            else:
                return None
        return value

    def items(self, pointer: str) -> list[Any]:
        """The list at a pointer; empty where there is none."""
        found = self.at(pointer)
        return list(found) if isinstance(found, list | tuple) else []

    def computed(self, name: str, *pointers: str, text: str | Callable[..., str] | None = None) -> Statement:
        """A fact that follows from what lies at some pointers.

        Args:
            name: what it is about.
            pointers: what it is made of; where nothing lies at the first one, it is not provided.
            text: the fact, or a function of the values at all pointers; by default, the first value as a text.
        """
        return Statement(name, self._text(pointers, text), Status.COMPUTED, source=pointers)

    def declared(
        self, name: str, *pointers: str, text: str | Callable[..., str] | None = None, by: str | None = None
    ) -> Statement:
        """The same for what the owner of the dataset stated in public.

        Args:
            name: what it is about.
            pointers: what it is made of.
            text: as in `computed`.
            by: who stated it; the dataset's owner by default.
        """
        who = clean(by if by is not None else self.at("/dataset/owner"))
        return Statement(name, self._text(pointers, text), Status.DECLARED, who, pointers)

    def answer(self, question_id: str, label: str, completed_by: str) -> Statement:
        """What was declared on a question; where nothing was, who has to complete it."""
        pointer = f"/declarations/values/{question_id}"
        value = self.at(pointer)
        if value is None or value in ("", []):
            return Statement(label, NOT_PROVIDED, Status.OPEN, completed_by, (pointer,))
        text = ", ".join(map(clean, value)) if isinstance(value, list) else clean(value, LONGEST_STATEMENT)
        return Statement(label, text, Status.DECLARED, clean(self.at("/declarations/declared_by")), (pointer,))

    def _text(self, pointers: tuple[str, ...], text: str | Callable[..., str] | None) -> str:
        values = [self.at(pointer) for pointer in pointers]
        if not values or values[0] is None:
            return NOT_PROVIDED
        if text is None:
            return clean(values[0], LONGEST_STATEMENT)
        return text(*values) if callable(text) else text
