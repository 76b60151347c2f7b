"""The audit log: for an administrator all of it, for everybody else their own lines."""

from app.ui import audit_view, layout, session

user = session.require_user()
layout.page_header(
    "Audit log",
    "Who did what, when, from where and to which thing. Lines are added and never changed, and each is sealed together "
    f"with the one before. {'You see all lines.' if user.is_admin else 'You see your own lines.'}",
)
audit_view.chain(user)
wanted = audit_view.filters(user)
audit_view.lines(user, wanted)
audit_view.offline(user)
if user.is_admin:
    audit_view.erasure(user)
