"""GDPR: what a controller needs for its own assessment."""

from __future__ import annotations

from app.reporting.document import Block
from app.reporting.evidence import Evidence
from app.reporting.frameworks.base import DATA_OWNER, PRIVACY_OFFICER, Framework, Kind, Question
from app.reporting.frameworks.parts import declared

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


def annex(evidence: Evidence) -> tuple[Block, ...]:
    """What the articles ask, what was computed on it, and what people declared."""
    return (declared(evidence, *QUESTIONS),)


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
