"""Audits: what many runs on simulated tables prove of each method's privacy loss."""

from app.services import audits
from app.ui import audits_view, layout, session

session.require_user()
found = audits.recorded()

layout.page_header(
    "Audits",
    "Each method with a privacy guarantee was fitted again and again to simulated tables, with one further row and "
    "without it. How well an adversary tells the two apart proves that the method loses **at least** so much.",
)
audits_view.standing(found)
audits_view.bounds(found.audits)
audits_view.table(found.audits)
audits_view.how(found)
