"""Folders of parquet files as others leave them: read, or refused by file, split and row."""

import io

import numpy as np
import pytest

from simulations.datasets.image_dataset import load

pa = pytest.importorskip("pyarrow")
datasets = pytest.importorskip("datasets")
from PIL import Image, PngImagePlugin  # noqa: E402 - comes with the extra
from pyarrow import parquet  # noqa: E402


@pytest.fixture(autouse=True)
def no_bars():
    datasets.disable_progress_bars()


def grey(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 5, 4), dtype=np.uint8)


def encoded(image):
    file = io.BytesIO()
    image.save(file, "TIFF" if image.mode in ("I", "F", "CMYK", "PA") else "PNG")
    return file.getvalue()


def images(pixels):
    return [{"bytes": encoded(Image.fromarray(one)), "path": None} for one in pixels]


def write(folder, name, column, labels=None, **more):
    """A parquet file without a word of the `datasets` library in it."""
    labels = [i % 2 for i in range(len(column))] if labels is None else labels
    folder.mkdir(exist_ok=True)
    parquet.write_table(pa.table({"image": column, "label": labels, **more}), folder / name)


def scaled(pixels, reference=None):
    reference = pixels if reference is None else reference
    return ((pixels - reference.mean()) / reference.std()).astype(np.float32)


def one_line(folder, message, error=ValueError, **options):
    with pytest.raises(error, match=message) as raised:
        load(folder, balanced=False, **options)
    assert "\n" not in str(raised.value)


def test_a_table_without_the_librarys_metadata_is_read(tmp_path):
    write(tmp_path, "train-0.parquet", images(grey(4)))
    data = load(tmp_path)
    np.testing.assert_array_equal(data.inputs[:, 0].numpy(), scaled(grey(4)))
    assert data.labels.tolist() == [0, 1, 0, 1]
    assert data.n_classes == 2
    raw = tmp_path / "raw"
    write(raw, "train-0.parquet", [one["bytes"] for one in images(grey(4))])
    np.testing.assert_array_equal(load(raw).inputs[:, 0].numpy(), scaled(grey(4)))


@pytest.mark.parametrize("name", ["a[1]", "[train]", "what?", "all*", "{x,y}", "a b"])
def test_the_folders_name_is_no_pattern(tmp_path, name):
    folder = tmp_path / name
    write(folder, "train-0[1].parquet", images(grey(4)))
    write(folder, "test-0.parquet", images(grey(2, 1)))
    assert load(folder, split="test", balanced=False).labels.tolist() == [0, 1]
    np.testing.assert_array_equal(load(folder, split="train").inputs[:, 0].numpy(), scaled(grey(4)))


def test_other_columns_are_not_read_wherever_they_are(tmp_path):
    write(tmp_path, "train-0.parquet", images(grey(4)), caption=["a", "b", "c", "d"])
    write(tmp_path, "test-0.parquet", images(grey(2, 1)), score=[0.5, 0.25])
    both = np.concatenate([grey(4), grey(2, 1)])
    found = load(tmp_path, balanced=False).inputs[:, 0].numpy()
    np.testing.assert_array_equal(found, scaled(both, grey(4)))


def test_a_split_without_the_others_columns_is_named_with_its_file(tmp_path):
    write(tmp_path, "train-0.parquet", images(grey(4)))
    parquet.write_table(pa.table({"img": images(grey(2)), "label": [0, 1]}), tmp_path / "test-0.parquet")
    one_line(
        tmp_path, r"test-0\.parquet \(split 'test'\) of .* has no column image, which train-0\.parquet has"
    )


def test_an_empty_or_damaged_file_is_named_with_its_split(tmp_path):
    write(tmp_path, "train-0.parquet", images(grey(4)))
    parquet.write_table(
        parquet.read_table(tmp_path / "train-0.parquet").slice(0, 0), tmp_path / "test-0.parquet"
    )
    one_line(tmp_path, r"test-0\.parquet \(split 'test'\) has no row: remove the file")
    (tmp_path / "test-0.parquet").write_bytes((tmp_path / "train-0.parquet").read_bytes()[:90])
    one_line(tmp_path, r"test-0\.parquet \(split 'test'\) is damaged or no parquet file")


@pytest.mark.parametrize(
    "bad", [None, {"bytes": None, "path": None}, {"bytes": b"no image", "path": None}, "cut"]
)
def test_a_null_or_broken_image_is_named_by_file_split_and_row(tmp_path, bad):
    write(tmp_path, "train-0.parquet", images(grey(4)))
    more = images(grey(3, 1))
    if bad == "cut":
        whole = encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 90), dtype=np.uint8)))
        bad = {"bytes": whole[:300], "path": None}
    write(tmp_path, "train-1.parquet", [more[0], more[1], bad])
    message = "holds no image" if bad is None or bad["bytes"] is None else "cannot be read"
    one_line(tmp_path, rf"row 2 of train-1\.parquet \(split 'train'\) of .* {message}")


def test_shapes_and_types_that_differ_are_named_by_row(tmp_path):
    odd = [*images(grey(2)), *images([grey(1)[0].T.copy()])]
    write(tmp_path / "shape", "train-0.parquet", odd)
    one_line(tmp_path / "shape", r"differ in shape: \(5, 4\) and \(4, 5\) \(row 2 of train-0\.parquet")
    deep = [*images(grey(2)), *images([grey(1)[0].astype(np.uint16)])]
    write(tmp_path / "type", "train-0.parquet", deep)
    one_line(tmp_path / "type", r"differ in type: uint8 and uint16 \(row 2 of train-0\.parquet")
    write(tmp_path / "split", "train-0.parquet", images(grey(2)))
    write(tmp_path / "split", "test-0.parquet", images(grey(2).astype(np.uint16)))
    one_line(tmp_path / "split", "differ in type", split="test")


def test_a_bad_label_is_named_by_file_and_row(tmp_path):
    write(tmp_path, "train-0.parquet", images(grey(2)))
    write(tmp_path, "train-1.parquet", images(grey(2)), labels=[0, -1])
    one_line(tmp_path, r"label 3 of split 'train' is -1 \(row 1 of train-1\.parquet")


def colours(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 5, 4, 3), dtype=np.uint8)


def palette(rgb):
    """Of as many colours as pixels, so that nothing is rounded."""
    image = Image.new("P", (rgb.shape[1], rgb.shape[0]))
    image.putpalette(rgb.reshape(-1).tolist())
    image.putdata(range(rgb.shape[0] * rgb.shape[1]))
    return image


def with_alpha(mode):
    def made(values):
        image = Image.fromarray(values).convert(mode)
        image.putalpha(Image.fromarray(np.arange(20, dtype=np.uint8).reshape(5, 4)))
        return image

    return made


@pytest.mark.parametrize(
    ("made", "pixels"),
    [
        (palette, colours),
        (with_alpha("RGB"), colours),
        (with_alpha("L"), grey),
        (lambda values: Image.fromarray(values > 127), lambda n: (grey(n) > 127) * 255),
        (lambda values: Image.fromarray(values.astype(np.uint16) * 200), lambda n: grey(n) * 200.0),
        (lambda values: Image.fromarray(values.astype(np.int32) * 200), lambda n: grey(n) * 200.0),
        (lambda values: Image.fromarray(values).convert("CMYK"), colours),
    ],
    ids=["P", "RGBA", "LA", "1", "I;16", "I", "CMYK"],
)
def test_images_of_other_modes_are_converted_as_documented(tmp_path, made, pixels):
    source = colours(4) if pixels is colours else grey(4)
    column = [{"bytes": encoded(made(one)), "path": None} for one in source]
    write(tmp_path, "train-0.parquet", column)
    wanted = np.asarray(pixels(4), dtype=np.float64)
    wanted = wanted[..., None] if wanted.ndim == 3 else wanted
    axes = (0, 1, 2)
    wanted = (wanted - wanted.mean(axis=axes)) / wanted.std(axis=axes)
    found = load(tmp_path).inputs.permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image.fromarray(np.full((5, 4), 1.5, np.float32)), "is of mode F, which is not read"),
        (Image.fromarray(np.full((5, 4), 70_000, np.int32)), "mode I with values from 70000 to 70000"),
        (Image.fromarray(np.full((5, 4), -1, np.int32)), "mode I with values from -1 to -1"),
    ],
)
def test_images_that_cannot_be_converted_are_named_by_row(tmp_path, image, message):
    write(tmp_path, "train-0.parquet", [{"bytes": encoded(image), "path": None}])
    one_line(tmp_path, rf"the image in row 0 of train-0\.parquet \(split 'train'\) of .* {message}")


def test_a_palette_with_a_transparent_colour_keeps_its_colours(tmp_path):
    info, file = PngImagePlugin.PngInfo(), io.BytesIO()
    image = palette(colours(1)[0])
    image.save(file, "PNG", transparency=3, pnginfo=info)
    write(tmp_path, "train-0.parquet", [{"bytes": file.getvalue(), "path": None}] * 2)
    rgb = colours(1).astype(np.float64)
    wanted = (rgb - rgb.mean(axis=(0, 1, 2))) / rgb.std(axis=(0, 1, 2))
    found = load(tmp_path).inputs.permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(found[:1], wanted, rtol=1e-6, atol=1e-6)


def test_an_image_of_more_pixels_than_are_read_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    write(tmp_path, "train-0.parquet", images(grey(4)))
    monkeypatch.setattr("simulations.datasets.image_tables.MOST_PIXELS", 19)
    one_line(tmp_path, r"row 0 of train-0\.parquet .* 4 x 5 pixels are more than the 19 that are read")
    monkeypatch.setattr("simulations.datasets.image_tables.MOST_PIXELS", 20)
    assert len(load(tmp_path)) == 4


@pytest.mark.parametrize("limit", [15, 5])  # of Pillow's: a warning above it, an error above twice that
def test_what_pillow_takes_for_a_bomb_is_no_warning_and_one_line(tmp_path, monkeypatch, limit):
    write(tmp_path, "train-0.parquet", images(grey(4)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    if limit == 15:
        assert len(load(tmp_path)) == 4
    else:
        one_line(tmp_path, r"the image in row 0 of train-0\.parquet .* cannot be read: .*decompression bomb")


def test_a_file_damaged_between_its_ends_is_named_by_its_split(tmp_path):
    write(tmp_path, "train-0.parquet", images(grey(400)))
    path = tmp_path / "train-0.parquet"
    content = path.read_bytes()
    for at in (200, len(content) // 3):
        path.write_bytes(content[:at] + bytes(2000) + content[at + 2000 :])
        with pytest.raises(ValueError, match=r"train|row") as refused:
            load(tmp_path, balanced=False)
        assert len(str(refused.value)) < 2000
