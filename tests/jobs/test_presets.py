"""What is offered on the pages: what the endpoint in use can do, and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from jobs import presets
from jobs.models import Job
from tests import factories

pytestmark = pytest.mark.django_db
BOTH = json.dumps({"image": "$photo_url", "upscale": "$scale", "colorize": "$colour"})


def generic(settings: Any, template: str) -> None:
    settings.RUNPOD_ENDPOINT_KIND = "generic"
    settings.RUNPOD_GENERIC_INPUT = template


def shown(html: str, name: str) -> list[str]:
    return re.findall(rf'type="radio" name="{name}" value="(.*?)"', html)


def test_ours_repairs_and_enlarges(browser: Client, user: User) -> None:
    job = factories.job(user)
    for path in ("/", f"/photos/{job.photo_id}/"):
        html = browser.get(path).content.decode()
        assert shown(html, "preset") == ["repair", "enlarge-2", "enlarge-4"]
        assert "Repaired, and twice as large" in html
        assert "Colours" not in html


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("image-url", ["restore"]),
        ("codeformer", ["restore"]),
        ("real-esrgan", ["restore", "enlarge-2", "enlarge-4"]),
        ("real-esrgan-serve", ["enlarge"]),
        ("ddcolor", ["colour"]),
        ('{"image": "$photo_url", "colorize": "$colour"}', ["restore", "colour"]),
        (BOTH, ["restore", "colour", "enlarge-2", "enlarge-4", "everything"]),
    ],
)
def test_others_do_what_their_input_has_a_place_for(
    browser: Client, settings: Any, template: str, names: list[str]
) -> None:
    generic(settings, template)
    html = browser.get("/").content.decode()
    assert shown(html, "preset") == names
    assert "Repaired" not in html
    assert ('name="scale"' in html) is ("enlarge-2" in names)
    assert ('name="colour"' in html) is (names[1:2] == ["colour"])


def test_everything_is_what_it_says(browser: Client, user: User, settings: Any) -> None:
    generic(settings, BOTH)
    photo = factories.job(user).photo
    browser.post(f"/photos/{photo.pk}/restore/", {"preset": "everything"})
    assert Job.objects.newest().get().options == {"scale": 2, "colour": True}
    # Details stand in place of the preset's.
    more = {"preset": "everything", "colour": "False", "scale": "4"}
    browser.post(f"/photos/{photo.pk}/restore/", more)
    assert Job.objects.newest().get().options == {"scale": 4, "colour": False}


def test_what_is_not_offered_is_refused(browser: Client, user: User) -> None:
    job = factories.job(user)
    answer = browser.post(f"/photos/{job.photo_id}/restore/", {"preset": "colour"}, follow=True)
    assert "Choose what shall be done." in answer.content.decode()
    assert Job.objects.count() == 1


def test_yes_and_no_are_not_sizes(browser: Client, settings: Any) -> None:
    generic(settings, BOTH)
    html = browser.get("/").content.decode()
    [colour] = re.findall(r'<select name="colour".*?</select>', html, re.DOTALL)
    assert re.findall(r"<option[^>]*>(.*?)<", colour) == ["As chosen above", "Yes", "No"]
    [scale] = re.findall(r'<select name="scale".*?</select>', html, re.DOTALL)
    assert "Same size" in scale


def test_every_kind_has_something_to_choose(settings: Any) -> None:
    for kind in ("photorestore", "generic", "comfyui"):
        settings.RUNPOD_ENDPOINT_KIND = kind
        assert presets.offered()
