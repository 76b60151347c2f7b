"""All screens. Order and titles come from here; the URL of a screen is its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

FOLDER = Path(__file__).resolve().parents[2] / "pages"


@dataclass(frozen=True)
class Screen:
    """One page.

    Args:
        name: file name without ending, and URL.
        title: title in the menu and in the browser's tab.
        icon: material icon.
        in_menu: whether the menu shows it; steps of the wizard are reached from a dataset.
    """

    name: str
    title: str
    icon: str
    in_menu: bool = False


SCREENS = (
    Screen("home", "Home", "home", in_menu=True),
    Screen("datasets", "Datasets", "table", in_menu=True),
    Screen("runs", "Runs", "play_circle", in_menu=True),
    Screen("audits", "Audits", "policy", in_menu=True),
    Screen("verify", "Verify", "verified", in_menu=True),
    Screen("account", "Account", "person", in_menu=True),
    Screen("upload", "Add data", "upload"),
    Screen("columns", "Columns", "view_column"),
    Screen("protect", "Who is protected", "shield_person"),
    Screen("budget", "Privacy budget", "speed"),
    Screen("model", "Model", "account_tree"),
    Screen("review", "Review", "fact_check"),
    Screen("run", "Run", "monitoring"),
    Screen("report", "Report", "lab_profile"),
    Screen("compare", "Compare runs", "compare_arrows"),
    Screen("release", "Release", "download"),
    Screen("evidence", "Evidence", "approval"),
    Screen("ask", "Ask the table", "query_stats"),
    Screen("ledger", "Ledger", "receipt_long"),
    Screen("audit", "Audit log", "manage_search"),
)


def path(name: str) -> str:
    """A screen's file, as `st.switch_page` and `st.page_link` take it."""
    return str(FOLDER / f"{name}.py")


def choose(*, signed_in: bool) -> StreamlitPage:
    """Register all screens and return the asked one; without a user the menu is hidden."""
    pages = [
        st.Page(
            FOLDER / f"{screen.name}.py",
            title=screen.title,
            icon=f":material/{screen.icon}:",
            url_path=screen.name,
            default=screen.name == "home",
            visibility="visible" if screen.in_menu else "hidden",
        )
        for screen in SCREENS
    ]
    return st.navigation(pages, position="top" if signed_in else "hidden")


def go(name: str, **ids: str) -> None:
    """Open a screen; ids travel in its URL, so that it can be refreshed and bookmarked."""
    st.switch_page(path(name), query_params=ids)


def link(name: str, label: str, *, icon: str | None = None, disabled: bool = False, **ids: str) -> None:
    """A link to a screen."""
    mark = f":material/{icon}:" if icon else None
    st.page_link(path(name), label=label, icon=mark, disabled=disabled, query_params=ids)
