"""The audit log on a page."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from html import escape
from typing import Any

import streamlit as st

from app.services.audit import AuditFilter, ChainView
from app.services.views import AuditView, UserView
from app.ui import messages, session

LINES_AT_ONCE = 50
LONGEST_DETAIL = 400
EMPTY = ' class="empty"'
_CHECK = "audit_check_result"
_BEFORE = "audit_before"
_SHOWN = "audit_shown_filter"

_STYLE = """<style>
.studio-audit {width: 100%; border-collapse: collapse; font-size: .88rem;}
.studio-audit th {text-align: left; font-weight: 600; opacity: .75; padding: .35rem .6rem .35rem 0;
  border-bottom: 1px solid color-mix(in srgb, currentColor 30%, transparent);}
.studio-audit td {vertical-align: top; padding: .45rem .6rem .45rem 0; overflow-wrap: anywhere; min-width: 0;
  border-bottom: 1px solid color-mix(in srgb, currentColor 12%, transparent);}
.studio-audit td:first-child, .studio-audit time {font-variant-numeric: tabular-nums; white-space: nowrap;}
.studio-audit small {display: block; opacity: .75; font-size: .82rem;}
.studio-audit code {font-size: .78rem; background: none; padding: 0; color: inherit; white-space: nowrap;}
.studio-audit strong {white-space: nowrap;}
.studio-audit td[data-label=Who] {min-width: 6.5rem;}
.studio-audit .erased {font-style: italic; opacity: .75;}
@media (max-width: 640px) {
  .studio-audit thead {position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);}
  .studio-audit tr {display: grid; grid-template-columns: 4.2rem 1fr; padding: .55rem 0;
    border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent);}
  .studio-audit td {display: contents; border: 0;}
  .studio-audit td.empty {display: none;}
  .studio-audit time small {display: inline; margin-left: .5rem;}
  .studio-audit td::before {content: attr(data-label); opacity: .7; font-size: .8rem; padding-top: .1rem;}
  .studio-audit td > div {padding: .08rem 0; min-width: 0; overflow-wrap: anywhere;}
}
</style>"""


def chain(user: UserView) -> None:
    """The check of the whole log, and its export."""
    services = session.services()
    with st.container(horizontal=True):
        if st.button("Check the chain", type="primary", icon=":material/link:", key="audit_check"):
            with st.spinner("Checking every line"), messages.showing():
                st.session_state[_CHECK] = services.audit.verify(user)
        st.download_button(
            "Export the whole log, signed" if user.is_admin else "Export my lines",
            data=lambda: session.services().audit_export.export(user).read(),
            file_name=f"audit-log-{datetime.now(UTC):%Y-%m-%d}.jsonl",
            mime="application/jsonl",
            key="audit_export",
            icon=":material/download:",
            on_click="ignore",
        )
    found = st.session_state.get(_CHECK)
    if isinstance(found, ChainView):
        result(found)


def result(found: ChainView) -> None:
    """What a check found, each changed place by its number and id."""
    at = f"Checked on {moment(found.checked_at)}."
    if found.is_whole:
        st.success(
            f"**The chain is whole.** {messages.plural(found.entries, 'line')}, none changed. {at}",
            icon=":material/link:",
        )
        if found.erased:
            erased = messages.plural(found.erased, "line")
            st.caption(f"User name and address of {erased} were erased, which the chain allows.")
        st.caption("Seal of the last line:")
        st.code(found.head, language=None, wrap_lines=True)
        return
    places = messages.plural(found.n_breaks, "place")
    st.error(f"**The log was changed** at {places}: do not rely on it. {at}", icon=":material/link_off:")
    items = "".join(
        f'<tr><td data-label="Line"><div>{place.sequence}</div></td>'
        f'<td data-label="Found"><div>{escape(place.kind.capitalize())}</div></td>'
        f'<td data-label="Which"><div>{escape(place.sentence)}</div></td></tr>'
        for place in found.breaks
    )
    _table(("Line", "Found", "Which"), items, "Places where the log was changed")
    if found.n_breaks > len(found.breaks):
        st.caption(f"{found.n_breaks - len(found.breaks):,} further places are not listed.")


def filters(user: UserView) -> AuditFilter:
    """Which lines to show."""
    choices = session.services().audit.choices(user)
    beginnings = [action.partition(".")[0] for action in choices.actions if "." in action]
    areas = {area: f"{area}, all" for area in beginnings}
    with st.expander("Filter", icon=":material/filter_list:", expanded=bool(st.query_params.get("object"))):
        left, right = st.columns(2)
        name = _choice(left, "User", choices.usernames, "audit_user") if user.is_admin else ""
        action = _choice(right, "Action", tuple(sorted({*areas, *choices.actions})), "audit_action", areas)
        kind = _choice(left, "Kind of object", choices.object_kinds, "audit_kind")
        object_id = right.text_input(
            "Id of the object", value=st.query_params.get("object", ""), key="audit_object", max_chars=64
        )
        since = left.date_input("From", value=None, key="audit_since")
        until = right.date_input("To, with that day", value=None, key="audit_until")
    return AuditFilter(
        username=name,
        action=action,
        object_kind=kind,
        object_id=object_id.strip(),
        since=_midnight(since),
        until=_midnight(until, days=1),
    )


def lines(user: UserView, wanted: AuditFilter) -> None:
    """The lines, newest first, page by page."""
    if st.session_state.get(_SHOWN) != wanted:
        st.session_state[_SHOWN] = wanted
        st.session_state.pop(_BEFORE, None)
    before = st.session_state.get(_BEFORE)
    found = session.services().audit.list(user, LINES_AT_ONCE + 1, wanted=wanted, before=before)
    if not found:
        st.info("No lines are like that.", icon=":material/search_off:")
    else:
        shown = found[:LINES_AT_ONCE]
        rows = "".join(map(_row, shown))
        _table(("Line", "When", "Who", "What", "On what", "Detail"), rows, "Lines of the audit log, newest first")
    with st.container(horizontal=True):
        if before is not None and st.button("Newest lines", icon=":material/first_page:", key="audit_newest"):
            st.session_state.pop(_BEFORE)
            st.rerun()
        if len(found) > LINES_AT_ONCE and st.button("Older lines", icon=":material/arrow_downward:", key="audit_older"):
            st.session_state[_BEFORE] = found[LINES_AT_ONCE - 1].sequence
            st.rerun()


def offline(user: UserView) -> None:
    """How to check the log without the pages, and what no check of it alone can find."""
    with st.expander("Check it without this page", icon=":material/terminal:"):
        st.markdown("An exported log, on any machine, without the database:")
        st.code("python -m engine verify-audit audit-log.jsonl --fingerprint KEY", language="bash", wrap_lines=True)
        st.markdown("The database of this installation; the exit status is 1 where a line was changed:")
        st.code("python -m app.verify_audit", language="bash")
        st.markdown(
            "Whoever may write to the database can seal all lines anew from one on. That shows against a head that was "
            "kept elsewhere: every export and the evidence of every report hold one. Give them with `--earlier FILE`. "
            "What was done before the log became a chain is sealed as it stood then."
        )
        if not user.is_admin:
            st.caption("An administrator exports the whole log; your own lines make no chain.")


def erasure(user: UserView) -> None:
    """Erasing somebody's name and addresses, for an administrator."""
    services = session.services()
    with st.expander("Erase a user's name and addresses", icon=":material/person_off:"):
        st.write(
            "The lines stay, with the user's id but without name and address, and the chain stays whole. The log keeps "
            "that you did it. Exports that were made before still hold both."
        )
        people = {person.id: person.username for person in services.accounts.list_users(user)}
        chosen = st.selectbox(
            *("User", list(people)),
            index=None,
            format_func=lambda id_: people[id_],
            key="audit_erase_user",
            placeholder="Choose a user",
        )
        sure = st.checkbox("Nobody can take this back.", key="audit_erase_sure")
        if st.button("Erase", disabled=chosen is None or not sure, key="audit_erase") and chosen is not None:
            with messages.reporting():
                count = services.audit.erase_person(user, chosen)
            messages.saved(f"Erased from {messages.plural(count, 'line')}")
            st.rerun()


def moment(value: datetime) -> str:
    """A moment in UTC, to the second."""
    return value.astimezone(UTC).strftime("%d %b %Y, %H:%M:%S UTC")


def detail(value: dict[str, Any]) -> str:
    """A line's detail in words, bounded."""
    said = " · ".join(f"{name.replace('_', ' ')} {_plain(part)}" for name, part in value.items())
    return said if len(said) <= LONGEST_DETAIL else f"{said[:LONGEST_DETAIL]}…"


def _plain(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list):
        return ", ".join(map(_plain, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    return str(value)


def _row(entry: AuditView) -> str:
    at = entry.created_at.astimezone(UTC)
    who = '<span class="erased">erased</span>' if entry.is_erased else escape(entry.username or "no user")
    where = f"<small>{escape(entry.address)}</small>" if entry.address else ""
    what = escape(entry.object_kind)
    which = f"<small><code>{escape(entry.object_id)}</code></small>" if entry.object_id else ""
    cells = (
        ("Line", str(entry.sequence)),
        ("When", f'<time datetime="{at.isoformat()}">{at:%d %b %Y}<small>{at:%H:%M:%S} UTC</small></time>'),
        ("Who", f"{who}{where}"),
        ("What", f"<strong>{escape(entry.action)}</strong>"),
        ("On what", f"{what}{which}"),
        ("Detail", escape(detail(entry.detail))),
    )
    told = "".join(f'<td data-label="{label}"{"" if cell else EMPTY}><div>{cell}</div></td>' for label, cell in cells)
    return f"<tr>{told}</tr>"


def _table(names: tuple[str, ...], rows: str, caption: str) -> None:
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    st.html(_STYLE)
    st.html(
        f'<table class="studio-audit" aria-label="{escape(caption)}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )


def _choice(place: Any, label: str, values: tuple[str, ...], key: str, words: dict[str, str] | None = None) -> str:
    """One of some values, or all."""
    titles = {"": "All"} | (words or {})
    found = place.selectbox(label, ["", *values], key=key, format_func=lambda value: titles.get(value, value))
    return str(found or "")


def _midnight(day: Any, *, days: int = 0) -> datetime | None:
    return datetime.combine(day + timedelta(days=days), time(), UTC) if isinstance(day, date) else None
