"""Questions that every report asks, whatever framework it is arranged for."""

from __future__ import annotations

from app.reporting.frameworks.base import DATA_OWNER, EXPERT, PRIVACY_OFFICER, Kind, Question

PURPOSE = Question(
    "purpose",
    "Purpose of the synthesis",
    "What the synthetic table is made for, such as: to let an outside team develop a model of waiting times without "
    "access to the private rows.",
    Kind.LONG,
    DATA_OWNER,
)
INTENDED_USE = Question(
    "intended-use",
    "Intended use of the synthetic table",
    "Which analyses it is meant for, such as: shares and averages by region, training of a first model.",
    Kind.LONG,
    DATA_OWNER,
)
NOT_FOR = Question(
    "not-for",
    "Uses that are ruled out",
    "What nobody may do with it, such as: decisions about single people, or figures about groups of less than 100.",
    Kind.LONG,
    DATA_OWNER,
)
LEGAL_BASIS = Question(
    "legal-basis",
    "Legal basis for processing the private rows to this end",
    "Making a synthetic table reads personal data, which needs a basis of its own. Name the law and the article.",
    Kind.LONG,
    PRIVACY_OFFICER,
)
RECIPIENTS = Question(
    "recipients",
    "Who receives the synthetic table",
    "Names or kinds of recipients, and whether it is published. Answer this before any question on identifiability.",
    Kind.LONG,
    DATA_OWNER,
)
RECIPIENTS_MEANS = Question(
    "recipients-means",
    "What else the recipients hold about the same people",
    "Other tables, public registers, contacts with the people themselves, and who could hand them such data.",
    Kind.LONG,
    PRIVACY_OFFICER,
)
POPULATION = Question(
    "population",
    "Whom the private rows are about",
    "The people or things, how they came to be in the table, and who is missing from it.",
    Kind.LONG,
    DATA_OWNER,
)
DATA_COLLECTION = Question(
    "data-collection",
    "How the private rows were collected",
    "By whom, when, by which means and under which promise to the people; who could see the rows on their way.",
    Kind.LONG,
    DATA_OWNER,
)
UNIT_REASON = Question(
    "unit-reason",
    "Why the unit of protection matches the harm to be prevented",
    "Such as: a visit could reveal a diagnosis, and each person counts as one whatever the number of visits.",
    Kind.LONG,
    DATA_OWNER,
)
EPSILON_REASON = Question(
    "epsilon-reason",
    "Why this privacy loss was chosen",
    "What was weighed: the error that the use accepts, other releases, the harm to be prevented.",
    Kind.LONG,
    DATA_OWNER,
)
ACCESS_CONTROL = Question(
    "access-control",
    "Who may see the private rows, and what secures them",
    "Roles, how access is granted and withdrawn, encryption of disks and of connections, backups.",
    Kind.LONG,
    DATA_OWNER,
)
RETENTION = Question(
    "retention",
    "How long the private rows are kept here, and why",
    "Such as: until the release is approved, since it may have to be made again.",
    Kind.LONG,
    DATA_OWNER,
)
DELETION_DATE = Question(
    "deletion-date",
    "Date on which the private rows are deleted here",
    "A date; leave it open where none is set yet.",
    Kind.DATE,
    DATA_OWNER,
    required=False,
)
OTHER_RELEASES = Question(
    "other-releases",
    "Other releases of the same or overlapping data",
    "Tables, figures and models that were published or passed on, with and without differential privacy. Losses add up "
    "over all of them. State also that there are none.",
    Kind.LONG,
    DATA_OWNER,
)
TUNING = Question(
    "tuning",
    "Choices that were made after looking at the private rows",
    "Settings, columns or bounds that were chosen by results on these rows and that no entry of the ledger paid for. "
    "State also that there are none.",
    Kind.LONG,
    DATA_OWNER,
)
ORGANISATION = Question(
    "organisation",
    "Organisation that answers for the release",
    "Its full name, and where it can be reached.",
    Kind.TEXT,
    DATA_OWNER,
)
CONTACT = Question(
    "contact",
    "Contact for questions, and for results to be checked on the private rows",
    "A person or an office. Findings on synthetic rows should be checked on the private ones before anybody acts on "
    "them.",
    Kind.TEXT,
    DATA_OWNER,
)
DATA_OWNER_NAME = Question("data-owner", "Data owner: name", "Whoever decides about the data.", Kind.TEXT, DATA_OWNER)
DATA_OWNER_ROLE = Question(
    "data-owner-role", "Data owner: role", "Such as: head of the registry.", Kind.TEXT, DATA_OWNER
)
PRIVACY_OFFICER_NAME = Question(
    "privacy-officer",
    "Privacy officer: name",
    "Whoever reviewed this evidence, and does not depend on its outcome.",
    Kind.TEXT,
    PRIVACY_OFFICER,
)
PRIVACY_OFFICER_ROLE = Question(
    "privacy-officer-role", "Privacy officer: role", "Such as: data protection officer.", Kind.TEXT, PRIVACY_OFFICER
)
EXPERT_NAME = Question("expert", "Expert: name", "Where an expert was consulted.", Kind.TEXT, EXPERT, required=False)
EXPERT_ROLE = Question(
    "expert-role", "Expert: role and organisation", "Such as: statistician.", Kind.TEXT, EXPERT, required=False
)
DECISION = Question(
    "decision",
    "Decision on the release, in the words of whoever decides",
    "What may be done with the synthetic table, by whom, and under which conditions. This report decides nothing.",
    Kind.LONG,
    DATA_OWNER,
)
DECISION_DATE = Question("decision-date", "Date of the decision", "The day it was made.", Kind.DATE, DATA_OWNER)
NEXT_REVIEW_DATE = Question(
    "next-review-date",
    "Date of the next review",
    "When the decision is looked at again: techniques and other data change. It lies after the decision.",
    Kind.DATE,
    PRIVACY_OFFICER,
)
ORGANISATION_KIND = Question(
    "organisation-kind",
    "Kind of organisation that answers for the release",
    "As registries of deployments ask for it.",
    Kind.CHOICE,
    DATA_OWNER,
    required=False,
    choices=("Government", "Industry", "Nonprofit"),
)
REGION = Question(
    "region",
    "Region that the private rows describe",
    "Such as: Norway. Registries of deployments ask for it.",
    Kind.TEXT,
    DATA_OWNER,
    required=False,
)
PUBLICATION_DATE = Question(
    "publication-date",
    "Date on which the synthetic table is published",
    "Leave it open where it is not published.",
    Kind.DATE,
    DATA_OWNER,
    required=False,
)
LICENCE = Question(
    "licence",
    "Licence of the synthetic table",
    "Its name or identifier, such as: cc-by-4.0. Leave it open where nobody but named recipients may use the table.",
    Kind.TEXT,
    DATA_OWNER,
    required=False,
)
LANGUAGE = Question(
    "language",
    "Languages of the texts in the table",
    "Codes of ISO 639, such as: en, nb. Leave it open where the table has no words of a language.",
    Kind.TEXT,
    DATA_OWNER,
    required=False,
)

COMMON = (
    PURPOSE,
    INTENDED_USE,
    NOT_FOR,
    LEGAL_BASIS,
    RECIPIENTS,
    RECIPIENTS_MEANS,
    POPULATION,
    DATA_COLLECTION,
    UNIT_REASON,
    EPSILON_REASON,
    ACCESS_CONTROL,
    RETENTION,
    DELETION_DATE,
    OTHER_RELEASES,
    TUNING,
    ORGANISATION,
    CONTACT,
    DATA_OWNER_NAME,
    DATA_OWNER_ROLE,
    PRIVACY_OFFICER_NAME,
    PRIVACY_OFFICER_ROLE,
    EXPERT_NAME,
    EXPERT_ROLE,
    DECISION,
    DECISION_DATE,
    NEXT_REVIEW_DATE,
    ORGANISATION_KIND,
    REGION,
    PUBLICATION_DATE,
    LICENCE,
    LANGUAGE,
)
