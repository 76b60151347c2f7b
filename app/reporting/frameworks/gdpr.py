"""GDPR: what a controller needs for its own assessment."""

from __future__ import annotations

from app.reporting.document import Block, Heading, Paragraph, Statements
from app.reporting.evidence import Evidence
from app.reporting.frameworks import facts
from app.reporting.frameworks.base import DATA_OWNER, PRIVACY_OFFICER, Framework, Kind, Question
from app.reporting.frameworks.common import (
    ACCESS_CONTROL,
    DELETION_DATE,
    EPSILON_REASON,
    LEGAL_BASIS,
    NEXT_REVIEW_DATE,
    OTHER_RELEASES,
    PURPOSE,
    RECIPIENTS,
    RECIPIENTS_MEANS,
    RETENTION,
    UNIT_REASON,
)
from app.reporting.frameworks.parts import Item, answer_pointer, checklist, declared

KEY_KEPT = "A key or a mapping is kept"
MODEL_LEAVES = "The fitted model leaves too"

CONTROLLER = Question(
    "gdpr-controller",
    "Controller",
    "Name of the controller, and of a joint controller or a processor where there is one.",
    Kind.TEXT,
    PRIVACY_OFFICER,
)
KEY = Question(
    "gdpr-key",
    "Whether a key or a mapping from synthetic rows to people is kept",
    "The studio makes none. A key may still exist where a column was pseudonymised before the upload.",
    Kind.CHOICE,
    PRIVACY_OFFICER,
    choices=("No key and no mapping is kept", KEY_KEPT),
)
KEY_HOLDER = Question(
    "gdpr-key-holder",
    "Who holds the key, and how it is kept apart",
    "Person or office, place, and the measures that keep it from the recipients.",
    Kind.LONG,
    PRIVACY_OFFICER,
    required=False,
    required_when=("gdpr-key", KEY_KEPT),
)
MEANS = Question(
    "gdpr-means",
    "Means reasonably likely to be used to identify a person",
    "Weigh cost, time and technology, for the controller and for others: Recital 26. Say what was considered.",
    Kind.LONG,
    PRIVACY_OFFICER,
)
RECIPIENT_POSITION = Question(
    "gdpr-recipient-position",
    "What the recipient in particular could do",
    "Whether somebody can be identified is judged for whoever holds the data: CJEU C-413/23 P (EDPS v SRB).",
    Kind.LONG,
    PRIVACY_OFFICER,
)
IDENTIFIABILITY_DECISION = Question(
    "gdpr-decision",
    "The controller's decision on Recital 26, in their words",
    "Such as: we treat the table as personal data and pass it on under a contract. The evidence does not decide.",
    Kind.LONG,
    PRIVACY_OFFICER,
)
DECIDED_BY = Question("gdpr-decided-by", "Who decided for the controller", "Name and role.", Kind.TEXT, PRIVACY_OFFICER)
DECIDED_ON = Question(
    "gdpr-decided-on", "Date of the controller's decision", "The day it was made.", Kind.DATE, PRIVACY_OFFICER
)
TRANSPARENCY = Question(
    "gdpr-transparency",
    "How the people were told of the synthesis",
    "Privacy notice, or why none was needed: Art. 13 and 14.",
    Kind.LONG,
    PRIVACY_OFFICER,
)
COMPATIBILITY = Question(
    "gdpr-compatibility",
    "How the purpose stands to the one that the rows were collected for",
    "The original purpose, and why the synthesis is compatible with it: Art. 5(1)(b) and 6(4).",
    Kind.LONG,
    PRIVACY_OFFICER,
)
SPECIAL_CATEGORIES = Question(
    "gdpr-special-categories",
    "Special categories of data among the columns, and the exception relied on",
    "Such as health data, and the point of Art. 9(2). State also that there are none.",
    Kind.LONG,
    PRIVACY_OFFICER,
)
MINIMISATION = Question(
    "gdpr-minimisation",
    "Why the columns that were synthesized are needed",
    "Which columns were left out or dropped, and why the rest is not more than the purpose needs.",
    Kind.LONG,
    DATA_OWNER,
)
ACCOUNTABILITY = Question(
    "gdpr-records",
    "Where the processing is recorded",
    "Entry in the record of processing activities, Art. 30, or another reference.",
    Kind.TEXT,
    PRIVACY_OFFICER,
)
DESIGN = Question(
    "gdpr-design",
    "Choices of design and defaults, and why",
    "Why this method, this ε and this unit; what was considered and not chosen: Art. 25.",
    Kind.LONG,
    DATA_OWNER,
)
DPIA_NEED = Question(
    "gdpr-dpia-need",
    "For the impact assessment: need and proportionality",
    "Why the purpose could not be reached with less: Art. 35(7)(b). Or why no assessment is needed.",
    Kind.LONG,
    PRIVACY_OFFICER,
)
DPIA_RISKS = Question(
    "gdpr-dpia-risks",
    "For the impact assessment: risks to the people",
    "What could happen to whom, how likely, how grave: Art. 35(7)(c).",
    Kind.LONG,
    PRIVACY_OFFICER,
)
DPIA_MEASURES = Question(
    "gdpr-dpia-measures",
    "For the impact assessment: measures against them",
    "Safeguards beside the guarantee, such as contracts, access, training: Art. 35(7)(d).",
    Kind.LONG,
    PRIVACY_OFFICER,
)
DPIA_RESIDUAL = Question(
    "gdpr-dpia-residual",
    "For the impact assessment: what remains",
    "The risk that is left, who accepts it, and whether the authority has to be consulted: Art. 36.",
    Kind.LONG,
    PRIVACY_OFFICER,
)
INTRUDER = Question(
    "gdpr-intruder-test",
    "Test by a motivated intruder",
    "Who tried to identify somebody, with which means and for how long, and what came of it; or why nobody tried: ICO.",
    Kind.LONG,
    PRIVACY_OFFICER,
)
SPECTRUM = Question(
    "gdpr-spectrum",
    "Where the table lies on the spectrum of identifiability, and why",
    "Between data that name a person and data that nobody can be told from; for the recipients named: ICO.",
    Kind.LONG,
    PRIVACY_OFFICER,
)
REVIEW_TRIGGERS = Question(
    "gdpr-review-triggers",
    "What makes a review necessary before its date",
    "Such as: a new recipient, a release of overlapping data, a published attack on the method.",
    Kind.LONG,
    PRIVACY_OFFICER,
)
MODEL = Question(
    "gdpr-model",
    "What leaves: synthetic rows, or the fitted model too",
    "A model can be asked without end; EDPB Opinion 28/2024 wants more to be shown of it.",
    Kind.CHOICE,
    DATA_OWNER,
    choices=("Only synthetic rows leave", MODEL_LEAVES),
)
MODEL_EXTRACTION = Question(
    "gdpr-model-extraction",
    "How likely personal data are extracted from the model",
    "What was tried against the model's parameters, by whom, with what result, and where it is documented.",
    Kind.LONG,
    PRIVACY_OFFICER,
    required=False,
    required_when=("gdpr-model", MODEL_LEAVES),
)
MODEL_QUERIES = Question(
    "gdpr-model-queries",
    "How likely its answers give personal data away",
    "The same for what the model returns when it is used, on purpose or not.",
    Kind.LONG,
    PRIVACY_OFFICER,
    required=False,
    required_when=("gdpr-model", MODEL_LEAVES),
)

QUESTIONS = (
    *(CONTROLLER, KEY, KEY_HOLDER, MEANS, RECIPIENT_POSITION, IDENTIFIABILITY_DECISION, DECIDED_BY, DECIDED_ON),
    *(TRANSPARENCY, COMPATIBILITY, SPECIAL_CATEGORIES, MINIMISATION, ACCOUNTABILITY, DESIGN),
    *(DPIA_NEED, DPIA_RISKS, DPIA_MEASURES, DPIA_RESIDUAL, INTRUDER, SPECTRUM, REVIEW_TRIGGERS),
    *(MODEL, MODEL_EXTRACTION, MODEL_QUERIES),
)


EVIDENCE_ITEMS = (
    Item("Bound on what one unit changes", "section 2", ("/certificate/privacy/epsilon",)),
    Item("Loss over all releases", "section 4", ("/ledger/entries",), (OTHER_RELEASES,)),
    Item("What the guarantee leaves out", "section 7", ("/certificate/not_covered",)),
    Item("Audits of the method, and attacks", "section 9", ("/method_audits/audits",)),
    Item("Who receives the table, and what they hold", "below", (), (RECIPIENTS, RECIPIENTS_MEANS)),
    Item("The recipient's position", "below", (), (RECIPIENT_POSITION,)),
)


def annex(evidence: Evidence) -> tuple[Block, ...]:
    """What the articles ask, what was computed on it, and what people declared."""
    return (
        declared(evidence, CONTROLLER),
        *_identifiability(evidence),
        *_principles(evidence),
        *_measures(evidence),
        *_assessment(evidence),
        *_model(evidence),
    )


def _identifiability(evidence: Evidence) -> tuple[Block, ...]:
    """Art. 4(5) and Recital 26."""
    return (
        Heading("Art. 4(5): whether a key is kept"),
        Paragraph(
            "Data that a key could lead back to a person are pseudonymised, and stay personal data. The studio draws "
            "synthetic rows from a fitted model and keeps no list of who became which row; what was replaced by a code "
            "before the upload is a matter of its own."
        ),
        declared(evidence, KEY, *([KEY_HOLDER] if evidence.at(answer_pointer(KEY)) == KEY_KEPT else [])),
        Heading("Recital 26: means reasonably likely to be used"),
        Paragraph(
            "Whether a person can be identified depends on the means that the controller or somebody else is "
            "reasonably likely to use, by cost, time and technology, and on who holds the data. This table gathers the "
            "evidence."
        ),
        checklist(evidence, "Evidence on identifiability", EVIDENCE_ITEMS),
        Statements((facts.privacy_loss(evidence), facts.composed_loss(evidence), facts.unit(evidence))),
        declared(evidence, RECIPIENTS, RECIPIENTS_MEANS, MEANS, RECIPIENT_POSITION),
        Heading("Decision by the controller"),
        declared(evidence, IDENTIFIABILITY_DECISION, DECIDED_BY, DECIDED_ON, NEXT_REVIEW_DATE),
    )


def _principles(evidence: Evidence) -> tuple[Block, ...]:
    """Art. 5, for the synthesis itself."""
    return (
        Heading("Art. 5(1)(a): lawfulness, fairness, transparency"),
        Paragraph("To make a synthetic table is to process the private rows, whatever becomes of the table."),
        declared(evidence, LEGAL_BASIS, SPECIAL_CATEGORIES, TRANSPARENCY),
        Heading("Art. 5(1)(b): purpose limitation"),
        declared(evidence, PURPOSE, COMPATIBILITY),
        Heading("Art. 5(1)(c): data minimisation"),
        Statements((*facts.treated(evidence), MINIMISATION.statement(evidence))),
        Heading("Art. 5(1)(d): accuracy"),
        Paragraph("Synthetic rows describe nobody. How far the table is from the private rows stands in section 8."),
        Statements(facts.quality(evidence)),
        Heading("Art. 5(1)(e): storage limitation"),
        Statements((facts.rows_kept(evidence), RETENTION.statement(evidence), DELETION_DATE.statement(evidence))),
        Heading("Art. 5(1)(f): integrity and confidentiality"),
        Paragraph("The measures in force stand under Art. 32."),
        Statements((facts.commitment(evidence), *facts.files(evidence))),
        Heading("Art. 5(2): accountability"),
        Statements((facts.audit_log(evidence), ACCOUNTABILITY.statement(evidence))),
    )


def _measures(evidence: Evidence) -> tuple[Block, ...]:
    """Art. 25 and 32."""
    return (
        Heading("Art. 25: data protection by design and by default"),
        Statements(
            (
                facts.method(evidence),
                facts.neighbours(evidence),
                facts.domains(evidence),
                UNIT_REASON.statement(evidence),
                EPSILON_REASON.statement(evidence),
                DESIGN.statement(evidence),
            )
        ),
        Heading("Art. 32: security of processing"),
        Statements((*facts.access(evidence), ACCESS_CONTROL.statement(evidence))),
    )


def _assessment(evidence: Evidence) -> tuple[Block, ...]:
    """Art. 35, and what the ICO wants to be looked at."""
    return (
        Heading("Art. 35: inputs to an impact assessment"),
        Paragraph("These are inputs. The assessment itself is the controller's, with the advice of its officer."),
        declared(evidence, DPIA_NEED, DPIA_RISKS, DPIA_MEASURES, DPIA_RESIDUAL),
        Statements((facts.not_covered(evidence),)),
        Heading("ICO: motivated intruder, spectrum, review"),
        Paragraph(
            "Identifiability lies on a spectrum, and is looked at again when circumstances change. Section 9 tells "
            "what programs tried; a test by people is another one."
        ),
        declared(evidence, INTRUDER, SPECTRUM, REVIEW_TRIGGERS),
    )


def _model(evidence: Evidence) -> tuple[Block, ...]:
    """EDPB Opinion 28/2024, where the model itself is passed on."""
    leaves = evidence.at(answer_pointer(MODEL)) == MODEL_LEAVES
    return (
        Heading("EDPB Opinion 28/2024: where the model leaves"),
        Paragraph(
            "A fitted model is judged case by case: by how likely personal data are extracted from it or given away by "
            "its answers, and by the documents that show it. Differential privacy bounds what the model holds of one "
            "unit; the opinion asks for more than a parameter."
        ),
        declared(evidence, MODEL, *((MODEL_EXTRACTION, MODEL_QUERIES) if leaves else ())),
    )


FRAMEWORK = Framework(
    id="gdpr",
    title="GDPR: inputs for the controller's assessment",
    reference="Regulation (EU) 2016/679, Art. 4(5), 5, 25, 32, 35 and Recital 26; CJEU C-413/23 P; EDPB Opinion "
    "28/2024; ICO anonymisation guidance (2025)",
    can_say="What was done to the private rows, which measures are in force, and what the controller declared on each "
    "article.",
    cannot_say="Whether the table is personal data, or whether a processing is lawful: the controller decides, and an "
    "authority or a court may see it otherwise.",
    questions=QUESTIONS,
    annex=annex,
)
