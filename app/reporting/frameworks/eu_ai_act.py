"""EU AI Act, Article 10: data of a high-risk system."""

from __future__ import annotations

from app.reporting.document import Block, Heading, Note, Paragraph, Statement, Statements
from app.reporting.evidence import Evidence
from app.reporting.frameworks import facts
from app.reporting.frameworks.base import DATA_OWNER, PRIVACY_OFFICER, Framework, Kind, Question
from app.reporting.frameworks.common import DATA_COLLECTION, POPULATION
from app.reporting.frameworks.parts import declared

RULES = "/certificate/schema/x-synthesis/rules"

DATES = (
    "The duties on high-risk systems of Annex III apply from 2 December 2027, and those on systems of Annex I from 2 "
    "August 2028, by the Digital Omnibus on AI as adopted in June 2026 and read in July 2026. The same text also "
    "changed the rule on special categories in 10(5). Read the text in force before you rely on either."
)
"""When the article binds, and that whoever relies on it has to look again."""

PROVIDER = "the provider of the system"

SYSTEM = Question(
    "eu-ai-act-system",
    "System that is trained, validated or tested on the table",
    "Its name, and the point of Annex III or of Annex I under which it is high-risk; or that it is not.",
    Kind.LONG,
    PROVIDER,
)
DESIGN = Question(
    "eu-ai-act-design",
    "10(2)(a) Design choices",
    "Why synthetic rows, why this method, and which share of the data of the system they are.",
    Kind.LONG,
    PROVIDER,
)
ORIGIN = Question(
    "eu-ai-act-origin",
    "10(2)(b) Original purpose of the collection",
    "What the private rows were collected for; how they were collected is asked in general.",
    Kind.LONG,
    DATA_OWNER,
)
PREPARATION = Question(
    "eu-ai-act-preparation",
    "10(2)(c) Preparation before the upload",
    "Annotation, labelling, cleaning, updating, enrichment and aggregation of the private rows.",
    Kind.LONG,
    DATA_OWNER,
)
ASSUMPTIONS = Question(
    "eu-ai-act-assumptions",
    "10(2)(d) Assumptions",
    "What the columns are supposed to measure and to represent.",
    Kind.LONG,
    PROVIDER,
)
SUITABILITY = Question(
    "eu-ai-act-suitability",
    "10(2)(e) Availability, quantity and suitability",
    "Which data are needed, whether there are enough, and why these rows suit the system.",
    Kind.LONG,
    PROVIDER,
)
BIAS = Question(
    "eu-ai-act-bias",
    "10(2)(f) Examination for biases",
    "What was examined for effects on health, safety, fundamental rights and discrimination, and what was found.",
    Kind.LONG,
    PROVIDER,
)
MITIGATION = Question(
    "eu-ai-act-mitigation",
    "10(2)(g) Measures against biases",
    "What was done to find, prevent and lessen them.",
    Kind.LONG,
    PROVIDER,
)
GAPS = Question(
    "eu-ai-act-gaps",
    "10(2)(h) Gaps and shortcomings",
    "What the data lack, and how that is dealt with.",
    Kind.LONG,
    PROVIDER,
)
REPRESENTATIVE = Question(
    "eu-ai-act-representative",
    "10(3) Relevance and representativeness",
    "For whom the system is used, and why the rows stand for them.",
    Kind.LONG,
    PROVIDER,
)
ERRORS = Question(
    "eu-ai-act-errors",
    "10(3) Errors and completeness",
    "Known errors and missing parts of the private rows, and whether the errors of section 8 are small enough.",
    Kind.LONG,
    PROVIDER,
)
SETTING = Question(
    "eu-ai-act-setting",
    "10(4) Geographical, contextual, behavioural and functional setting",
    "Where and among whom the system is used, and how the rows reflect it.",
    Kind.LONG,
    PROVIDER,
)
SPECIAL_CATEGORIES = Question(
    "eu-ai-act-special-categories",
    "10(5) Why special categories of personal data were or were not needed",
    "Whether biases could be found and corrected with synthetic rows alone, and what else was used.",
    Kind.LONG,
    PRIVACY_OFFICER,
)
QUESTIONS = (
    *(SYSTEM, DESIGN, ORIGIN, PREPARATION, ASSUMPTIONS, SUITABILITY, BIAS, MITIGATION, GAPS),
    *(REPRESENTATIVE, ERRORS, SETTING, SPECIAL_CATEGORIES),
)


def annex(evidence: Evidence) -> tuple[Block, ...]:
    """What the article asks of data, what was computed on it, and what people declared."""
    return (
        Paragraph(
            "The article asks for practices of data governance where data train, validate or test a high-risk system. "
            "It asks the provider of the system, for its use; this annex says what the synthetic rows contribute."
        ),
        Note(DATES),
        declared(evidence, SYSTEM),
        Heading("10(2)(a): design choices"),
        Statements(
            (facts.method(evidence), facts.privacy_loss(evidence), facts.unit(evidence), DESIGN.statement(evidence))
        ),
        Heading("10(2)(b): collection, origin and original purpose"),
        declared(evidence, DATA_COLLECTION, ORIGIN),
        Heading("10(2)(c): preparation"),
        Statements((*facts.treated(evidence), *_rules(evidence), PREPARATION.statement(evidence))),
        Heading("10(2)(d): assumptions"),
        Statements((facts.domains(evidence), ASSUMPTIONS.statement(evidence))),
        Heading("10(2)(e): availability, quantity and suitability"),
        Statements((facts.sizes(evidence), SUITABILITY.statement(evidence))),
        Heading("10(2)(f) and (g): biases and measures against them"),
        Paragraph("Noise and rare values weigh on small groups most. Section 8 shows what is known of each."),
        declared(evidence, BIAS, MITIGATION),
        Heading("10(2)(h): gaps and shortcomings"),
        Statements((facts.not_covered(evidence), GAPS.statement(evidence))),
        Heading("10(3): relevant, representative, free of errors as far as possible, complete"),
        Statements(facts.quality(evidence)),
        declared(evidence, POPULATION, REPRESENTATIVE, ERRORS),
        Heading("10(4): the setting in which the system is used"),
        declared(evidence, SETTING),
        Heading("10(5): special categories of personal data"),
        declared(evidence, SPECIAL_CATEGORIES),
    )


def _rules(evidence: Evidence) -> tuple[Statement, ...]:
    """How many rules between columns were stated, where any were."""
    if not evidence.items(RULES):
        return ()
    return (
        evidence.computed(
            "Stated rules between columns", RULES, text=lambda rules: f"{len(rules)}; section 3 says which were kept"
        ),
    )


FRAMEWORK = Framework(
    id="eu-ai-act",
    title="EU AI Act, Article 10: data and data governance",
    reference="Regulation (EU) 2024/1689, Art. 10, for systems that are high-risk under its Annex I or Annex III",
    can_say="How the synthetic rows were made, what is known of their errors, and what the provider declared on each "
    "point.",
    cannot_say="That a system's data fulfil Article 10: that is judged for the system and its use, by its provider.",
    questions=QUESTIONS,
    annex=annex,
)
