"""What each kind of worker is given, and what may be chosen."""

from __future__ import annotations

import base64
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from jobs import callbacks, endpoints, presets, runpod, submission
from jobs.endpoints import Addresses, InputError, OptionsError, SettingError, generic, inputs
from jobs.endpoints.workflows import SHIPPED, Workflow, load
from jobs.models import Job, Photo, Status
from jobs.runpod import RunPodError
from tests import factories
from tests.cloud import Cloud

ADDRESSES = Addresses(
    photo="https://photos.example/x",
    progress="https://photos.example/p",
    upload="https://photos.example/u",
)
KINDS = sorted(endpoints.KINDS)
WORKFLOWS = sorted(path.stem for path in SHIPPED.glob("*.json"))


@pytest.fixture
def photo(user: Any) -> Photo:
    return factories.job(user).photo


@pytest.fixture
def comfyui(settings: Any) -> Any:
    settings.RUNPOD_ENDPOINT_KIND = "comfyui"
    settings.RUNPOD_COMFYUI_WORKFLOWS = ["enlarge", "redraw"]
    return endpoints.current()


@pytest.fixture
def worker(settings: Any) -> Any:
    settings.RUNPOD_ENDPOINT_KIND = "generic"
    return endpoints.current()


def clean(endpoint: Any, **options: Any) -> dict[str, Any]:
    chosen: dict[str, Any] = endpoint.clean(options, width=100, height=100)
    return chosen


def stored(photo: Photo) -> bytes:
    with photo.image.open("rb") as file:
        data: bytes = file.read()
    return data


def noise(width: int, height: int, mode: str = "RGB") -> bytes:
    """Return a PNG that nothing makes smaller."""
    bands = len(mode)
    image = Image.frombytes(mode, (width, height), os.urandom(width * height * bands))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_the_defaults_are_among_what_is_offered(kind: str, settings: Any) -> None:
    settings.RUNPOD_ENDPOINT_KIND = kind
    endpoint = endpoints.current()
    chosen = clean(endpoint)
    for name, option in endpoint.offered().items():
        assert option.clean(name, chosen.get(name, option.default)) is not None
    with pytest.raises(OptionsError, match="Unknown option: colour"):
        clean(endpoint, colour=True)


@pytest.mark.parametrize("kind", KINDS)
def test_a_photo_is_built_into_json(kind: str, settings: Any, photo: Photo, media: Path) -> None:
    settings.RUNPOD_ENDPOINT_KIND = kind
    endpoint = endpoints.current()
    json.dumps(endpoint.build(clean(endpoint), ADDRESSES, photo), allow_nan=False)
    # What was asked for while another kind was in use, or in an older version.
    json.dumps(endpoint.build({"scale": 2}, ADDRESSES, photo), allow_nan=False)
    json.dumps(endpoint.build({}, ADDRESSES, photo), allow_nan=False)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_the_shipped_workflows_are_whole(name: str) -> None:
    [workflow] = load([name]).values()
    links = [
        link[0]
        for node in workflow.graph.values()
        for link in node["inputs"].values()
        if isinstance(link, list)
    ]
    assert set(links) <= set(workflow.graph)
    assert {"photo", "prefix"} <= set(workflow.bind)
    [save] = [node for node in workflow.graph.values() if node["class_type"] == "SaveImage"]
    assert save["inputs"]["filename_prefix"]


def test_a_workflow_is_filled_in_on_a_copy() -> None:
    [workflow] = load(["enlarge"]).values()
    graph = workflow.filled(photo="a.png", prefix="a", scale=4)
    assert graph["1"]["inputs"]["image"] == "a.png"
    assert graph["4"]["inputs"]["scale_by"] == 1.0
    assert workflow.graph["1"]["inputs"]["image"] == "photo.png"


def test_comfyui_gets_the_graph_and_the_photo_by_a_name_that_never_comes_twice(
    comfyui: Any, photo: Photo
) -> None:
    names = set()
    for _ in range(2):
        given = comfyui.build(clean(comfyui, scale=1), ADDRESSES, photo)
        [image] = given["images"]
        assert set(given) == {"workflow", "images"}
        assert base64.b64decode(image["image"], validate=True) == stored(photo)
        assert given["workflow"]["1"]["inputs"]["image"] == image["name"]
        assert given["workflow"]["5"]["inputs"]["filename_prefix"] == image["name"][:32]
        assert given["workflow"]["4"]["inputs"]["scale_by"] == 0.25
        names.add(image["name"])
    assert len(names) == 2
    assert all(name.endswith(".jpg") for name in names)


def test_a_seed_is_drawn_and_kept_unless_it_is_chosen(comfyui: Any, photo: Photo) -> None:
    first, second = (clean(comfyui, workflow="redraw") for _ in range(2))
    assert first["seed"] != second["seed"]
    assert clean(comfyui, workflow="redraw", seed=7)["seed"] == 7
    graph = comfyui.build(first, ADDRESSES, photo)["workflow"]
    assert graph["7"]["inputs"]["seed"] == first["seed"]
    assert clean(comfyui, **first) == first


def test_the_seed_is_stored_with_the_job(comfyui: Any, user: Any) -> None:
    job = factories.job(user, options={"workflow": "redraw"})
    assert isinstance(Job.objects.get(pk=job.pk).options["seed"], int)


def test_every_workflow_has_options_of_its_own(comfyui: Any) -> None:
    assert clean(comfyui) == {"workflow": "enlarge", "scale": 2}
    chosen = clean(comfyui, workflow="redraw", strength=0.5, prompt="a ship")
    assert (chosen["strength"], chosen["prompt"], chosen["megapixels"]) == (0.5, "a ship", 1.0)
    assert set(comfyui.offered()) == {
        *("workflow", "scale", "seed", "strength", "megapixels", "prompt"),
    }


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"workflow": "faces"}, "workflow must be enlarge or redraw."),
        ({"workflow": ["enlarge"]}, "workflow must be enlarge or redraw."),
        ({"scale": 3}, "scale must be 1, 2 or 4."),
        ({"scale": True}, "scale must be 1, 2 or 4."),
        ({"scale": "2"}, "scale must be 1, 2 or 4."),
        ({"strength": 0.5}, "Unknown option: strength. Known: scale."),
        ({"workflow": "redraw", "strength": 2}, "strength must be a number from 0.05 to 0.8."),
        ({"workflow": "redraw", "strength": float("nan")}, "strength must be a number"),
        ({"workflow": "redraw", "strength": True}, "strength must be a number"),
        (
            {"workflow": "redraw", "seed": -1},
            "a whole number from 0 to 9007199254740991",
        ),
        ({"workflow": "redraw", "seed": 2**53}, "seed must be a whole number"),
        ({"workflow": "redraw", "prompt": "x" * 1001}, "prompt must be a text of up to 1000"),
        ({"workflow": "redraw", "prompt": 7}, "prompt must be a text"),
    ],
)
def test_what_a_workflow_does_not_take_is_refused_by_a_sentence(
    comfyui: Any, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(OptionsError) as caught:
        clean(comfyui, **options)
    assert sentence in str(caught.value)


def test_no_photo_is_enlarged_beyond_the_limit(comfyui: Any) -> None:
    with pytest.raises(OptionsError, match="100 megapixels"):
        comfyui.clean({"scale": 4}, width=4000, height=3000)


def test_a_workflow_of_one_s_own_is_a_file(tmp_path: Path, settings: Any, photo: Photo) -> None:
    document = json.loads((SHIPPED / "redraw.json").read_text())
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(document))
    settings.RUNPOD_ENDPOINT_KIND = "comfyui"
    settings.RUNPOD_COMFYUI_WORKFLOWS = [str(path)]
    assert clean(endpoints.current())["workflow"] == "mine"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"bind": {}}, "nothing is bound to photo"),
        ({"bind": {"photo": ["9", "image"]}}, "photo is bound to 9.image, which is not there"),
        ({"bind": {"photo": ["1", "picture"]}}, "1.picture, which is not there"),
        ({"bind": {"photo": ["2", "image"]}}, "photo would overwrite the link at 2.image"),
        (
            {"bind": {"photo": ["1", "image"], "size": ["2", "size"]}},
            "not both in bind and in options",
        ),
        ({"options": {"size": {"default": 1}}}, "not both in bind and in options: size"),
        ({"bind": {"photo": "1"}}, "as it should be"),
        ({"bind": [1]}, "as it should be"),
        ({"graph": None}, "which is not there"),
        ({"options": {"size": {}}}, "as it should be"),
    ],
)
def test_a_file_that_is_no_workflow_is_refused_with_the_reason(
    change: dict[str, Any], sentence: str
) -> None:
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "x.png"}},
        "2": {"class_type": "SaveImage", "inputs": {"image": ["1", 0], "size": 1}},
    }
    whole = {"graph": graph, "bind": {"photo": ["1", "image"]}}
    assert Workflow.parse("mine", whole)
    with pytest.raises(SettingError) as caught:
        Workflow.parse("mine", whole | change)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("names", [[], ["nothing"], ["/nowhere/x.json"], ["enlarge", "../base"]])
def test_a_file_that_cannot_be_read_is_named(names: list[str]) -> None:
    with pytest.raises(SettingError):
        load(names)


@pytest.mark.parametrize("name", sorted(generic.WORKERS))
def test_known_workers_get_the_photo_as_they_take_it(
    name: str, settings: Any, worker: Any, photo: Photo
) -> None:
    settings.RUNPOD_GENERIC_INPUT = name
    given = worker.build(clean(worker), ADDRESSES, photo)
    assert "$" not in json.dumps(given)
    text = base64.b64encode(stored(photo)).decode()
    assert {text, ADDRESSES.photo} & set(map(str, given.values()))


def test_a_template_of_one_s_own_is_filled_in(worker: Any, settings: Any, photo: Photo) -> None:
    settings.RUNPOD_GENERIC_INPUT = json.dumps(
        {
            "images": [{"uri": "$photo_data_uri"}],
            "upscale": "$scale",
            "seed": "$seed",
            "keep": "$ 5",
        }
    ).replace('"$ 5"', "5")
    chosen = clean(worker, scale=4)
    given = worker.build(chosen, ADDRESSES, photo)
    assert given["images"][0]["uri"].startswith("data:image/jpeg;base64,/9j/")
    assert (given["upscale"], given["seed"], given["keep"]) == (4, chosen["seed"], 5)
    assert set(worker.offered()) == {"scale", "seed"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("real-esrgam", "neither JSON nor one of"),
        ("[]", "has to be a JSON object"),
        ('{"image": "$photo"}', "unknown places: $photo"),
        ('{"scale": "$scale"}', "the photo nowhere"),
        ("[" * 100_000, "neither JSON"),
    ],
)
def test_a_template_that_makes_no_sense_is_refused(
    text: str, sentence: str, worker: Any, settings: Any
) -> None:
    settings.RUNPOD_GENERIC_INPUT = text
    with pytest.raises(SettingError) as caught:
        worker.offered()
    assert sentence in str(caught.value)


def test_a_large_photo_goes_encoded_anew(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = factories.job(user, file=noise(200, 150, "RGBA")).photo
    monkeypatch.setattr(inputs, "MAX_BYTES", photo.image.size - 1)
    text, extension = inputs.base64_of(photo)
    data = base64.b64decode(text)
    assert extension == "jpg"
    assert len(data) < photo.image.size
    assert Image.open(io.BytesIO(data)).size == (200, 150)


def test_a_photo_that_cannot_fit_is_refused_before_anything_is_submitted(
    user: Any, settings: Any, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RUNPOD_ENDPOINT_KIND = "comfyui"
    job = factories.job(user, options={})
    monkeypatch.setattr(inputs, "MAX_BYTES", 100)
    with pytest.raises(RunPodError):
        submission.submit(job_id=str(job.pk))
    job.refresh_from_db()
    assert (job.status, job.error_code) == (Status.FAILED, "photo_too_large")
    assert "too large" in job.error_message
    assert cloud.calls == []
    assert not job.attempts.exists()


def test_the_largest_photo_in_base64_fits_into_a_request(
    comfyui: Any, photo: Photo, cloud: Cloud
) -> None:
    given = comfyui.build(clean(comfyui), ADDRESSES, photo)
    given["images"][0]["image"] = "x" * (inputs.MAX_BYTES * 4 // 3)
    attempt, token = callbacks.open_attempt(photo.jobs.get())
    assert attempt
    assert runpod.run(input=given, webhook=callbacks.completion_url(token))


def test_what_is_not_offered_any_more_fails_by_a_sentence(comfyui: Any, photo: Photo) -> None:
    with pytest.raises(InputError) as caught:
        comfyui.build({"workflow": "gone"}, ADDRESSES, photo)
    assert caught.value.code == "workflow_gone"


def test_pages_offer_the_workflows_by_what_they_do(comfyui: Any) -> None:
    found = [(preset.label, preset.options) for preset in presets.offered()]
    assert found == [("Enlarge", {"workflow": "enlarge"}), ("Redraw", {"workflow": "redraw"})]
    assert all(preset.hint for preset in presets.offered())
    assert presets.can({"scale": 4})
