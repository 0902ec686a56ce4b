"""What a downloaded picture is called."""

from __future__ import annotations

import pytest
from django.utils import translation

from jobs import names
from jobs.models import Photo


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Gran, 1961", "Gran, 1961"),
        ("Oma/Opa: 1961?", "Oma Opa 1961"),
        ("..\\..\\etc", "etc"),
        (".hidden.", "hidden"),
        ("", "photo"),
        ("///", "photo"),
        ("CON", "_CON"),
        ("lpt1.old", "_lpt1.old"),
        ("Console", "Console"),
        # As one writes it, whatever machine wrote it.
        ("Cafe\u0301", "Caf\u00e9"),
        ("\u202egpj.exe", "gpj.exe"),
        (
            "\U0001f468\u200d\U0001f469\u200d\U0001f467 1961",
            "\U0001f468\u200d\U0001f469\u200d\U0001f467 1961",
        ),
        ("\u05e9\u05dc\u05d5\u05dd", "\u05e9\u05dc\u05d5\u05dd"),
        ("x" * 200, "x" * 100),
    ],
)
def test_a_name_is_the_title_as_far_as_file_systems_let_it(title: str, name: str) -> None:
    assert names.original(Photo(title=title)) == name


def test_a_name_fits_however_many_bytes_its_letters_have() -> None:
    name = names.restored(Photo(title="\U0001f475" * 200))
    assert len(f"{name} (200).webp".encode()) <= 255


def test_a_result_is_called_so_in_the_reader_s_language() -> None:
    with translation.override("de"):
        assert names.restored(Photo(title="Oma")) == "Oma-restauriert"
