"""The whole pipeline: damaged photos get better, clean ones stay, whatever their shape."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from restorer import pipeline
from tests.restorer import pictures
from tests.restorer.pictures import Picture, change, colour_error, psnr


def restore(image: Picture, scale: int = 1) -> Picture:
    return pipeline.restore(image, scale, lambda fraction, stage: None).rgb


@pytest.mark.parametrize("name", ["astronaut", "rocket", "cat"])
def test_a_clean_photo_is_left_as_it_is(name: str) -> None:
    photo = pictures.photo(name)
    assert np.array_equal(restore(photo), photo)


@pytest.mark.parametrize(
    "make",
    [
        pictures.gradient,
        pictures.text,
        pictures.wires,
        pictures.stars,
        pictures.fog,
        pictures.toned,
    ],
)
def test_what_only_looks_like_damage_is_left_as_it_is(make: Callable[[], Picture]) -> None:
    assert np.array_equal(restore(make()), make())


@pytest.mark.parametrize("name", ["astronaut", "rocket", "cat"])
def test_a_photo_saved_as_a_good_jpeg_hardly_changes(name: str) -> None:
    saved = pictures.jpeg(pictures.photo(name), 85)
    assert change(restore(saved), saved) < 0.5


def test_a_print_with_every_damage_comes_closer_to_the_truth() -> None:
    truth = pictures.photo("astronaut")
    damaged = pictures.grainy(pictures.scratched(pictures.faded(truth)), 5)
    restored = restore(damaged)
    assert psnr(restored, truth) > psnr(damaged, truth) + 6
    assert colour_error(restored, truth) < colour_error(damaged, truth) / 2


@pytest.mark.parametrize(
    ("name", "contrast"),
    [("astronaut", 1.1), ("camera", 1.1), ("portrait-1961", 1.3), ("rocket", 1.3)],
)
def test_a_sample_regains_contrast(name: str, contrast: float) -> None:
    damaged = pictures.sample(name)
    assert restore(damaged).std() > contrast * damaged.std()


@pytest.mark.parametrize("name", ["astronaut", "camera", "portrait-1961"])
def test_a_sample_loses_its_scratches_and_grain(name: str) -> None:
    notes = [
        stage.note
        for stage in pipeline.restore(pictures.sample(name), 1, lambda fraction, stage: None).stages
    ]
    assert any("scratches and specks repaired" in note for note in notes)
    assert any(note.startswith("grain of") for note in notes)


def test_a_yellowed_print_in_black_and_white_becomes_neutral() -> None:
    restored = restore(pictures.sample("camera"))
    assert np.ptp(restored.astype(int), axis=2).max() == 0


def test_the_same_photo_gives_the_same_restore() -> None:
    damaged = pictures.sample("portrait-1961")
    assert np.array_equal(restore(damaged), restore(damaged))


def test_the_photo_that_was_handed_in_is_not_written_to() -> None:
    damaged = pictures.sample("astronaut")
    before = damaged.copy()
    restore(damaged, 2)
    assert np.array_equal(damaged, before)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (2, 2), (7, 900), (65, 64)])
@pytest.mark.parametrize("fill", ["black", "white", "noise"])
@pytest.mark.parametrize("scale", [1, 2])
def test_any_shape_goes_through(shape: tuple[int, int], fill: str, scale: int) -> None:
    values = {"black": 0, "white": 255, "noise": np.random.default_rng(0).integers(0, 256, shape)}
    image = np.repeat(np.full(shape, values[fill], np.uint8)[:, :, None], 3, axis=2)
    restored = pipeline.restore(
        image, scale, lambda fraction, stage: None, alpha=image[:, :, 0], jpeg_quality=30
    )
    assert restored.rgb.shape == (shape[0] * scale, shape[1] * scale, 3)
    assert restored.alpha is not None
    assert restored.alpha.shape == restored.rgb.shape[:2]


def test_progress_only_grows_and_names_every_stage_in_order() -> None:
    heard: list[tuple[float, str]] = []
    pipeline.restore(
        pictures.sample("astronaut"), 2, lambda fraction, stage: heard.append((fraction, stage))
    )
    assert all(earlier[0] <= later[0] for earlier, later in pairwise(heard))
    assert 0 <= heard[0][0] <= heard[-1][0] <= 1
    assert list(dict.fromkeys(stage for _, stage in heard)) == [
        name for name, _, _ in pipeline.STAGES
    ]


def test_every_stage_reports_its_seconds_and_says_what_it_did() -> None:
    stages = pipeline.restore(pictures.text(), 1, lambda fraction, stage: None).stages
    assert len(stages) == len(pipeline.STAGES)
    assert all(stage.note and stage.seconds >= 0 for stage in stages)
