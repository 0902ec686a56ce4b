"""The translations: gathered from the sources, kept in .po files, compiled beside them.

`make messages` brings both up to date. No gettext is needed, on no machine.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
from babel.messages import Catalog, mofile, pofile
from babel.messages.extract import extract
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("de", "es")
_CODE = ("photorestore", "webhooks", "jobs", "events", "restorer")
_KEYWORDS: dict[str, Any] = {
    # Knows no Django; a page translates what it says of a photo.
    "RestoreError": None,
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop")),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
_TEXT = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_CALL = re.compile(rf"(?:\bn?p?gettext|\b_)\({_TEXT}(?:, {_TEXT})*(?:, [\w.|]+)?\)")
# What Django says on our pages. Its Spanish calls people usted, and ours does not.
# ruff: noqa: E501 - to be found as they are
DJANGO_S: tuple[str | tuple[str, str], ...] = (
    "Username",
    "Password",
    "Password confirmation",
    "Old password",
    "New password",
    "New password confirmation",
    "Enter the same password as before, for verification.",
    "Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.",
    "This field is required.",
    "Enter a valid email address.",
    "Select a valid choice. %(value)s is not one of the available choices.",
    "Enter a whole number.",
    "Enter a number.",
    "Ensure this value is less than or equal to %(limit_value)s.",
    "Ensure this value is greater than or equal to %(limit_value)s.",
    "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.",
    "A user with that username already exists.",
    "Please enter a correct %(username)s and password. Note that both fields may be case-sensitive.",
    "The two password fields didn’t match.",
    "Your old password was entered incorrectly. Please enter it again.",
    "Your password can’t be too similar to your other personal information.",
    "The password is too similar to the %(verbose_name)s.",
    "Your password can’t be a commonly used password.",
    "This password is too common.",
    "Your password can’t be entirely numeric.",
    "This password is entirely numeric.",
    (
        "Your password must contain at least %(min_length)d character.",
        "Your password must contain at least %(min_length)d characters.",
    ),
    (
        "This password is too short. It must contain at least %(min_length)d character.",
        "This password is too short. It must contain at least %(min_length)d characters.",
    ),
    (
        "Ensure this value has at most %(limit_value)d character (it has %(show_value)d).",
        "Ensure this value has at most %(limit_value)d characters (it has %(show_value)d).",
    ),
)


def gathered() -> Catalog:
    """Return everything that is said to people, as the sources say it."""
    catalog = Catalog(project="PhotoRestore", charset="utf-8")
    for path, source in sources():
        place = (path.relative_to(ROOT).as_posix(), 0)
        found = extract("python", io.BytesIO(source.encode()), _KEYWORDS)
        for _, message, _, context in found:
            catalog.add(message, None, [place], context=context)
    for message in DJANGO_S:
        catalog.add(message, None, [("django", 0)])
    return catalog


def sources() -> Iterator[tuple[Path, str]]:
    """Yield each file as Python; of others, the calls that they amount to."""
    for folder in _CODE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path, path.read_text()
    for path in sorted((ROOT / "jobs" / "endpoints" / "workflows").glob("*.json")):
        yield path, f"_({json.loads(path.read_text())['about']!r})\n_({path.stem.capitalize()!r})"
    for path in sorted((ROOT / "templates").rglob("*.*")):
        calls = _CALL.findall(templatize(path.read_text(), origin=str(path)))
        yield path, "\n".join(calls)


def file(language: str) -> Path:
    """Return the path of the language's translations."""
    return ROOT / "photorestore" / "locale" / language / "LC_MESSAGES" / "django.po"


def kept(language: str) -> Catalog:
    """Return the translations that there are."""
    with file(language).open("rb") as opened:
        return pofile.read_po(opened, locale=language)


def compiled(language: str) -> bytes:
    """Return the translations as Django reads them."""
    buffer = io.BytesIO()
    mofile.write_mo(buffer, kept(language))
    return buffer.getvalue()


def update(language: str) -> None:
    """Add what is new to the translations, drop what is not said any more, and compile them."""
    path = file(language)
    catalog = kept(language)
    template = gathered()
    template.creation_date = catalog.creation_date
    catalog.update(template, no_fuzzy_matching=True)
    catalog.obsolete.clear()
    with path.open("wb") as opened:
        pofile.write_po(opened, catalog, width=100, include_lineno=False, sort_by_file=True)
    path.with_suffix(".mo").write_bytes(compiled(language))


if __name__ == "__main__":
    django.setup()
    for each in LANGUAGES:
        update(each)
