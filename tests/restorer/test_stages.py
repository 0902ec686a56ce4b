"""Each stage alone: it repairs its own kind of damage, and only that."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restorer import noise
from restorer.facts import Facts
from restorer.stages import damage, enlargement, grain, jpeg_blocks, sharpness, tone
from tests.restorer import pictures
from tests.restorer.pictures import colour_error, psnr


def test_blocks_of_a_strongly_compressed_photo_are_smoothed() -> None:
    truth = pictures.photo("cat")
    saved = pictures.jpeg(truth, 30)
    smooth, note = jpeg_blocks.apply(saved, Facts(jpeg_quality=30))
    assert psnr(smooth, truth) > psnr(saved, truth) + 0.3
    assert jpeg_blocks.blocking(smooth) < jpeg_blocks.blocking(saved)
    assert note == "blocks of quality 30 smoothed"


@pytest.mark.parametrize("quality", [None, 85, 95])
def test_a_photo_without_strong_compression_keeps_its_pixels(quality: int | None) -> None:
    photo = pictures.jpeg(pictures.photo("cat"), 40)
    assert jpeg_blocks.apply(photo, Facts(jpeg_quality=quality))[0] is photo


def test_a_low_quality_file_that_shows_no_blocks_keeps_its_pixels() -> None:
    photo = pictures.photo("cat")
    assert jpeg_blocks.apply(photo, Facts(jpeg_quality=30))[0] is photo


@pytest.mark.parametrize("name", ["cat", "astronaut", "rocket"])
def test_scratches_on_a_grainy_print_are_filled(name: str) -> None:
    truth = pictures.grainy(pictures.photo(name))
    damaged = pictures.grainy(pictures.scratched(pictures.photo(name)))
    repaired, note = damage.apply(damaged, Facts())
    assert psnr(repaired, truth) > psnr(damaged, truth) + 3
    assert note.endswith("scratches and specks repaired")


def test_a_filled_scratch_has_the_grain_of_its_surroundings() -> None:
    flat = pictures.grainy(np.full((400, 400, 3), 128, np.uint8), 6)
    scratched = pictures.grainy(pictures.scratched(np.full((400, 400, 3), 128, np.uint8)), 6)
    repaired, _ = damage.apply(scratched, Facts())
    filled = repaired[np.abs(repaired.astype(int) - scratched).max(axis=2) > 60]
    assert 0.5 * flat.std() < filled.std() < 1.5 * flat.std()


def test_what_lies_beside_a_scratch_keeps_its_pixels() -> None:
    damaged = pictures.grainy(pictures.scratched(pictures.photo("cat")))
    repaired, _ = damage.apply(damaged, Facts())
    assert np.mean(np.any(repaired != damaged, axis=2)) < 0.08


@pytest.mark.parametrize("make", [pictures.wires, pictures.text, pictures.stars])
def test_thin_things_of_a_picture_without_grain_are_no_scratches(make: object) -> None:
    assert callable(make)
    picture = make()
    assert damage.apply(picture, Facts())[0] is picture


def test_a_hole_in_a_faded_print_is_filled() -> None:
    truth = pictures.grainy(pictures.faded(pictures.photo("astronaut")), 4)
    torn = truth.copy()
    cv2.circle(torn, (60, 60), 7, (255, 253, 250), -1)
    repaired, _ = damage.apply(torn, Facts())
    assert psnr(repaired[50:70, 50:70], truth[50:70, 50:70]) > 20


def test_white_dots_on_a_picture_without_grain_are_no_dust() -> None:
    dotted = pictures.gradient()
    for x, y in np.random.default_rng(4).integers((5, 5), (315, 235), (80, 2)):
        cv2.circle(dotted, (int(x), int(y)), 1, (250, 250, 250), -1, cv2.LINE_AA)
    assert damage.apply(dotted, Facts())[0] is dotted


def test_grain_alone_is_not_taken_for_damage() -> None:
    grainy = pictures.grainy(pictures.photo("astronaut"))
    assert damage.apply(grainy, Facts())[0] is grainy


@pytest.mark.parametrize("name", ["cat", "astronaut"])
def test_grain_is_calmed_without_making_the_photo_worse(name: str) -> None:
    truth = pictures.photo(name)
    grainy = pictures.grainy(truth, 9)
    calm, note = grain.apply(grainy, Facts())
    assert psnr(calm, truth) > psnr(grainy, truth) + 1
    assert note.startswith("grain of")


def test_the_fine_grain_of_film_stays() -> None:
    film = pictures.grainy(pictures.photo("astronaut"), 2.5)
    assert noise.measure(film).sigma > 2
    assert grain.apply(film, Facts())[0] is film


def test_a_little_grain_stays() -> None:
    flat = pictures.grainy(np.full((256, 256, 3), 128, np.uint8), 8)
    assert 1 < grain.apply(flat, Facts())[0].std() < 4


def test_texture_is_not_taken_for_grain() -> None:
    random = np.random.default_rng(0).normal(0, 1, (400, 400)).astype(np.float32)
    gravel = cv2.GaussianBlur(random, (0, 0), 2)
    picture = np.clip(128 + 20 * gravel / gravel.std(), 0, 255).astype(np.uint8)
    photo = np.repeat(picture[:, :, None], 3, axis=2)
    assert grain.apply(photo, Facts())[0] is photo


def test_the_measure_of_grain_is_about_right() -> None:
    flat = pictures.grainy(np.full((512, 512, 3), 128, np.uint8), 6)
    assert noise.measure(flat).sigma == pytest.approx(6, rel=0.15)


@pytest.mark.parametrize("name", ["astronaut", "rocket"])
def test_a_faded_print_gets_its_colours_back(name: str) -> None:
    truth = pictures.photo(name)
    faded = pictures.faded(truth)
    fresh, note = tone.apply(faded, Facts())
    assert colour_error(fresh, truth) < 0.85 * colour_error(faded, truth)
    assert psnr(fresh, truth) > psnr(faded, truth) + 5
    assert note == "colours had faded: cast removed"


def test_a_warm_photo_with_true_black_is_not_faded() -> None:
    warm = np.array([12.0, 4.0, 0.0]) + pictures.photo("astronaut") * np.array([0.9, 0.75, 0.6])
    lit = np.asarray(warm, np.uint8)
    assert tone.apply(lit, Facts())[0] is lit


def test_a_dark_photo_that_has_faded_stays_dark() -> None:
    faded = pictures.faded(pictures.photo("rocket"))
    assert tone.apply(faded, Facts())[0].mean() < faded.mean()


def test_a_toned_print_keeps_its_tone_unless_it_is_damaged() -> None:
    grey = pictures.photo("astronaut").mean(axis=2, keepdims=True).repeat(3, axis=2)
    print_ = pictures.faded(grey.astype(np.uint8))
    assert tone.apply(print_, Facts())[0] is print_
    neutral, _ = tone.apply(print_, Facts().after("damage", changed=True))
    assert np.ptp(neutral.astype(int), axis=2).max() == 0


def test_transparent_pixels_do_not_hide_fading() -> None:
    faded = pictures.faded(pictures.photo("astronaut"))
    alpha = np.full(faded.shape[:2], 255, np.uint8)
    alpha[:60], faded[:60] = 0, 0
    assert tone.apply(faded, Facts())[0] is faded
    assert tone.apply(faded, Facts(alpha=alpha))[0] is not faded


def test_a_blurred_photo_becomes_sharper() -> None:
    truth = pictures.photo("astronaut")
    blurred = cv2.GaussianBlur(truth, (0, 0), 2.5).astype(np.uint8)
    sharp, note = sharpness.apply(blurred, Facts())
    assert psnr(sharp, truth) > psnr(blurred, truth) + 0.7
    assert note.startswith("blur of")


def test_sharpening_makes_no_halo() -> None:
    step = np.full((200, 300, 3), 60, np.uint8)
    step[:, 150:] = 190
    blurred = cv2.GaussianBlur(step, (0, 0), 2.5).astype(np.uint8)
    sharp, _ = sharpness.apply(blurred, Facts())
    assert sharp is not blurred
    assert 59 <= sharp.min() <= sharp.max() <= 191


def test_an_enlargement_keeps_the_picture_and_makes_no_halo() -> None:
    photo = pictures.photo("cat")
    large, _ = enlargement.apply(photo, Facts(scale=2))
    again = cv2.resize(large, (photo.shape[1], photo.shape[0]), interpolation=cv2.INTER_AREA)
    assert psnr(again.astype(np.uint8), photo) > 33
    step = np.full((40, 40, 3), 60, np.uint8)
    step[:, 20:] = 190
    edge, _ = enlargement.apply(step, Facts(scale=4))
    assert (edge.min(), edge.max()) == (60, 190)
