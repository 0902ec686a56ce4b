"""Every page in every state that somebody may see: where, who, what they do there first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from playwright.sync_api import Page

Act = Callable[[Page], None]


@dataclass(frozen=True)
class Scene:
    """A page: its path, or the name of one that the stage made; whose; what is done there."""

    path: str
    who: str = "full"
    act: Act | None = None


def filled(**fields: str) -> Act:
    """Fill fields of the page's form, by their names, and send it."""

    def act(page: Page) -> None:
        for name, value in fields.items():
            page.locator(f"main [name={name}]").fill(value)
        sent(page)

    return act


def sent(page: Page) -> None:
    """Send the page's form."""
    with page.expect_navigation():
        page.locator("main form.panel [type=submit]").first.click()


def tried_too_often(page: Page) -> None:
    """Sign in with a name that nobody has until the answer is 429."""
    for _ in range(30):
        filled(username="nobody", password="wrong")(page)
        if not page.locator("[name=username]").count():
            return
        page.goto("/accounts/sign-in/")
    raise AssertionError("One may try as often as one likes.")


def token_made(page: Page) -> None:
    """Make an API token, which is shown."""
    page.locator("[name=scopes]").first.check()
    filled(name="Laptop")(page)


def webhook_refused(page: Page) -> None:
    """Ask for a webhook to an address that is not called."""
    filled(url="https://127.0.0.1/hook")(page)


def secret_replaced(page: Page) -> None:
    """Have the webhook's new secret shown."""
    with page.expect_navigation():
        page.locator("form[action$='/secret/'] button").click()


def several_chosen(page: Page) -> None:
    """Choose photos and ask for their end."""
    for box in page.locator(".card [type=checkbox]").all()[:3]:
        box.check()
    with page.expect_navigation():
        page.locator("[name=action][value=delete]").click()


def chosen(page: Page) -> None:
    """Choose photos, so that what may be done with them is at hand."""
    for box in page.locator(".card [type=checkbox]").all()[:3]:
        box.check()


def wide_compare(page: Page) -> None:
    """Have the two pictures side by side."""
    page.locator("[data-mode=sides]").click()


def opened(page: Page) -> None:
    """Open all that can be opened."""
    page.evaluate("document.querySelectorAll('details').forEach((more) => { more.open = true; })")


def calls_shown(page: Page) -> None:
    """Wait for the script that shows the calls."""
    page.locator(".opblock").first.wait_for()


def calls_opened(page: Page) -> None:
    """Open the description of some calls."""
    calls_shown(page)
    for call in page.locator(".opblock-summary-control").all()[:3]:
        call.click()
    page.locator(".opblock-body").nth(2).wait_for()


_WRONG = filled(password="wrong")
SCENES: Mapping[str, Scene] = {
    # The photos, then one of them.
    "photos": Scene("/"),
    "photos-chosen": Scene("/", act=chosen),
    "photos-options": Scene("/", act=opened),
    "no-photos": Scene("/", who="empty"),
    "running-photos": Scene("/?state=running"),
    "done-photos": Scene("/?state=done"),
    "failed-photos": Scene("/?state=failed"),
    "no-failed-photos": Scene("/?state=failed", who="empty"),
    "photo-new": Scene("photo-new"),
    "photo-queued": Scene("photo-queued"),
    "photo-running": Scene("photo-running"),
    "photo-done": Scene("photo-done"),
    "photo-sides": Scene("photo-done", act=wide_compare),
    "photo-options": Scene("photo-done", act=opened),
    "photo-failed": Scene("photo-failed"),
    "delete": Scene("delete"),
    "delete-several": Scene("/", act=several_chosen),
    # By link.
    "shared": Scene("shared", who=""),
    "shared-locked": Scene("shared-locked", who=""),
    "shared-wrong-password": Scene("shared-locked", who="", act=_WRONG),
    "shared-unlocked": Scene("shared-locked", who="", act=filled(password="x")),
    "shared-expired": Scene("shared-expired", who=""),
    # Who comes.
    "sign-in": Scene("/accounts/sign-in/", who=""),
    "sign-in-refused": Scene(
        "/accounts/sign-in/", who="", act=filled(username="ada", password="wrong")
    ),
    "too-many-tries": Scene("/accounts/sign-in/", who="", act=tried_too_often),
    "sign-up": Scene("/accounts/sign-up/", who=""),
    "sign-up-refused": Scene(
        "/accounts/sign-up/",
        who="",
        act=filled(username="demo", email="", password1="12345", password2="54321"),
    ),
    "reset": Scene("/accounts/reset/", who=""),
    "reset-sent": Scene("/accounts/reset/sent/", who=""),
    "reset-link": Scene("reset-link", who=""),
    "reset-link-old": Scene("/accounts/reset/MQ/made-up/", who=""),
    # Their account.
    "account": Scene("/account/"),
    "password": Scene("/account/password/"),
    "email": Scene("/account/email/"),
    "email-link": Scene("email-link"),
    "email-link-old": Scene("/account/email/made-up/"),
    "delete-account": Scene("/account/delete/"),
    "delete-account-refused": Scene("/account/delete/", act=_WRONG),
    "tokens": Scene("/account/tokens/"),
    "no-tokens": Scene("/account/tokens/", who="empty"),
    "token-made": Scene("/account/tokens/", who="other", act=token_made),
    "tokens-refused": Scene("/account/tokens/", act=filled(name="Laptop")),
    "webhooks": Scene("/account/webhooks/"),
    "no-webhooks": Scene("/account/webhooks/", who="empty"),
    "webhook-refused": Scene("/account/webhooks/", who="empty", act=webhook_refused),
    "webhook": Scene("webhook"),
    "webhook-silent": Scene("webhook-silent", act=secret_replaced),
    "docs": Scene("/api/v1/docs", who="", act=calls_shown),
    "docs-call": Scene("/api/v1/docs", who="", act=calls_opened),
    # What goes wrong.
    "not-found": Scene("/nowhere/", who=""),
    "not-found-signed-in": Scene("/nowhere/"),
    **{name: Scene(name, who="") for name in ("400", "403", "403-csrf", "405")},
    **{name: Scene(name, who="") for name in ("413", "500", "503")},
}
