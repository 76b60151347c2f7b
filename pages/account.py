"""The user's own account: password, API tokens, sign-out, and users for an administrator."""

import streamlit as st

from app.ui import layout, messages, navigation, session

user = session.require_user()
accounts = session.services().accounts
layout.page_header("Account", f"{user.username} · {user.email}" + (" · administrator" if user.is_admin else ""))
if st.button("Sign out", icon=":material/logout:", key="account_sign_out"):
    session.end()
navigation.link("audit", "Audit log" if user.is_admin else "What the audit log keeps of you", icon="manage_search")

st.header("Password", anchor=False)
with st.form("account_password", clear_on_submit=False):
    old = st.text_input("Present password", type="password", key="account_old", autocomplete="current-password")
    new = st.text_input("New password", type="password", key="account_new", autocomplete="new-password")
    if st.form_submit_button("Change the password"):
        with messages.reporting():
            accounts.change_password(user, old, new, keep_session=session.secret())
        st.success("The password is changed, and other browsers are signed out.", icon=":material/check:")

st.header("API tokens", anchor=False)
st.write("A program sends a token as `Authorization: Bearer …` to the routes under `/api`.")
with st.form("account_token", clear_on_submit=True):
    name = st.text_input("What is the token for?", key="account_token_name", max_chars=80)
    if st.form_submit_button("Make a token"):
        with messages.reporting():
            token, secret = accounts.create_token(user, name)
        st.success(f"Copy the token “{token.name}” now. It is shown this once.", icon=":material/key:")
        st.code(secret, language=None)
for token in accounts.list_tokens(user):
    with st.container(horizontal=True, vertical_alignment="center", key=f"token_{token.id}"):
        state = "revoked" if token.revoked_at else f"last used {messages.when(token.last_used_at)}"
        st.markdown(f"**{token.name}**  `{token.prefix}…`  {state}")
        if token.revoked_at is None and st.button("Revoke", key=f"revoke_{token.id}", type="tertiary"):
            with messages.reporting():
                accounts.revoke_token(user, token.id)
            st.rerun()

if user.is_admin:
    st.header("Users", anchor=False)
    st.dataframe(
        [
            {
                "User": other.username,
                "E-mail": other.email,
                "Administrator": other.is_admin,
                "Since": messages.when(other.created_at),
            }
            for other in accounts.list_users(user)
        ],
        hide_index=True,
        key="account_users",
    )
    with st.form("account_user", clear_on_submit=True), st.expander("Add a user", icon=":material/person_add:"):
        username = st.text_input("User name", key="account_user_name")
        email = st.text_input("E-mail", key="account_user_email")
        password = st.text_input("First password", type="password", key="account_user_password")
        if st.form_submit_button("Add the user"):
            with messages.reporting():
                accounts.create_user(user, username, email, password)
            messages.saved(f"User {username} added")
            st.rerun()
