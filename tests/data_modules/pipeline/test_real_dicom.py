"""Every real DICOM at hand through the one reader, against the standard written out; and DICOMs that it refuses."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.encaps import generate_frames
from pydicom.uid import JPEGBaseline8Bit

from gkmvlp.app.cli import main
from gkmvlp.data_modules import RsnaPneumonia
from gkmvlp.data_modules.formats.rsna_pneumonia import IMAGES
from gkmvlp.data_modules.pipeline.images import ImageError, read_image
from gkmvlp.data_modules.synthetic import rsna_pneumonia
from tests.processes import gkmvlp
from tests.tiny import words

# As in the release, ages lack their unit.
pytestmark = pytest.mark.filterwarnings("ignore:Invalid value for VR AS")


def table(sequence) -> tuple[np.ndarray, int, int]:
    """Entries, first value mapped and bits of a look-up table (PS3.3 C.11.1.1 and C.11.2.1)."""
    count, first, bits = sequence[0].LUTDescriptor
    entries = np.array(sequence[0].LUTData, float)
    assert len(entries) == count
    return entries, int(first), int(bits)


def shown(dataset: Dataset) -> np.ndarray:
    """What PS3.3 C.11 shows of a frame, 0 black to 255 white: modality, then window or VOI LUT, then sense, upright.

    Without window or LUT it is the range of the values near the middle 96 % (docs/architecture.md).
    """
    values = dataset.pixel_array.astype(float)
    if "ModalityLUTSequence" in dataset:
        entries, first, _ = table(dataset.ModalityLUTSequence)
        values = entries[np.clip(values - first, 0, len(entries) - 1).astype(int)]
    else:
        values = values * float(dataset.get("RescaleSlope", 1)) + float(dataset.get("RescaleIntercept", 0))
    if "VOILUTSequence" in dataset:
        entries, first, bits = table(dataset.VOILUTSequence)
        unit = entries[np.clip(values - first, 0, len(entries) - 1).astype(int)] / (2**bits - 1)
    elif "WindowWidth" in dataset:
        unit = (values - (float(dataset.WindowCenter) - 0.5)) / (float(dataset.WindowWidth) - 1) + 0.5
    elif dataset.BitsStored == 8 and "ModalityLUTSequence" not in dataset:
        unit = values / 255
    else:
        low, high = np.quantile(values, (0.02, 0.98), method="inverted_cdf")
        reach = (high - low) / 2
        near = values[(values >= low - reach) & (values <= high + reach)]
        unit = (values - near.min()) / np.ptp(near)
    unit = np.clip(unit, 0, 1)
    unit = unit[:, ::-1] if list(dataset.get("PatientOrientation") or "") == ["R", "F"] else unit
    return 255 * (1 - unit if dataset.PhotometricInterpretation == "MONOCHROME1" else unit)


def test_every_real_dicom_is_shown_as_the_standard_says(shared_data: Path):
    paths = sorted((shared_data / "dicom").iterdir())
    assert len(paths) >= 11
    syntaxes = set()
    for path in paths:
        dataset = dcmread(path)
        syntaxes.add(dataset.file_meta.TransferSyntaxUID)
        pixels = read_image(path, accept=("modality",))
        assert (pixels.dtype, pixels.shape) == (np.uint8, (dataset.Rows, dataset.Columns)), path.name
        assert pixels.std() > 3, path.name
        assert np.abs(pixels - shown(dataset)).max() <= 1, path.name
    assert len(syntaxes) >= 6


def test_two_decoders_agree_on_lossless_files(shared_data: Path):
    from pydicom.pixels.utils import pixel_array

    for name, plugin in (("JLSL_16_15_1_1F", "pyjpegls"), ("RG3_J2KR", "pylibjpeg")):
        path = shared_data / "dicom" / f"{name}.dcm"
        assert np.array_equal(pixel_array(path, decoding_plugin=plugin), pixel_array(path, decoding_plugin="gdcm"))


def test_every_real_chest_of_the_challenge(shared_data: Path):
    paths = sorted((shared_data / "rsna_pneumonia" / IMAGES).iterdir())
    assert len(paths) == 315
    dark = 0
    for path in paths:
        pixels = read_image(path)
        assert pixels.shape == (1024, 1024)
        assert np.ptp(pixels) > 100
        middle = pixels[300:700]
        lungs = np.minimum(np.median(middle[:, 200:400]), np.median(middle[:, 624:824]))
        dark += bool(lungs < np.median(middle[:, 480:544]))
    assert dark > 0.9 * len(paths), "air is not darker than the spine"  # but for the most ill
    # No window and eight bits: the stored grey levels as they are, here by another decoder of the same JPEG stream.
    for path in paths[:40]:
        dataset = dcmread(path)
        assert dataset.file_meta.TransferSyntaxUID == JPEGBaseline8Bit
        [frame] = generate_frames(dataset.PixelData, number_of_frames=1)
        pixels = np.asarray(Image.open(BytesIO(frame)), int)
        assert np.abs(read_image(path) - pixels).max() <= 1


def spoiled(path: Path, reason: str) -> None:
    """Makes a readable DICOM one that must be refused."""
    dataset = dcmread(path)
    if reason == "no pixel data":
        del dataset.PixelData
    elif reason == "RGB":
        dataset.PhotometricInterpretation, dataset.SamplesPerPixel, dataset.PlanarConfiguration = "RGB", 3, 0
    elif reason == "2 frames":
        dataset.NumberOfFrames = 2
    else:
        dataset.file_meta.TransferSyntaxUID = "1.2.3.4.5"
        dataset.save_as(path, implicit_vr=False, little_endian=True)
        return
    dataset.save_as(path)


REASONS = ("no pixel data", "RGB", "2 frames", "1.2.3.4.5")


@pytest.fixture
def challenge(tmp_path: Path) -> Path:
    rsna_pneumonia.write(tmp_path, 12, 5, size=32)
    return tmp_path


@pytest.mark.parametrize("reason", REASONS)
def test_a_dicom_that_is_no_radiograph_stops_or_is_dropped(challenge: Path, reason: str):
    options = {"num_workers": 0, "image_size": 32}
    [path, *_] = sorted((challenge / "rsna_pneumonia" / IMAGES).iterdir())
    before = len(load(RsnaPneumonia(str(challenge), **options)).samples)
    spoiled(path, reason)
    with pytest.raises(ImageError, match=reason) as caught:
        load(RsnaPneumonia(str(challenge), cache_dir="ram", **options))
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)
    data = load(RsnaPneumonia(str(challenge), on_unreadable="drop", **options))
    assert len(data.samples) == before - 1
    assert data.ledger.dropped["unreadable image"] == 1
    assert data.ledger.examples["unreadable image"] == [path.stem]


def load(data: RsnaPneumonia) -> RsnaPneumonia:
    data.setup()
    return data


def test_the_command_names_every_bad_dicom(challenge: Path, capsys: pytest.CaptureFixture):
    paths = sorted((challenge / "rsna_pneumonia" / IMAGES).iterdir())
    for path, reason in zip(paths, REASONS, strict=False):
        spoiled(path, reason)
    assert main(["data", "check", "RsnaPneumonia", "--root", str(challenge)]) == 0
    lines = capsys.readouterr().out.splitlines()
    for path, reason in zip(paths, REASONS, strict=False):
        [line] = [line for line in lines if line.startswith(f"  unreadable: {path.stem}: ")]
        assert reason in line
    assert "  unreadable images: 4" in lines


@pytest.mark.parametrize("reason", REASONS)
def test_a_run_stops_with_one_line(challenge: Path, reason: str):
    [path, *_] = sorted((challenge / "rsna_pneumonia" / IMAGES).iterdir())
    spoiled(path, reason)
    out = challenge / "out"
    done = gkmvlp("fit", *words("localization-phantom", challenge, out, "--model.init_args.backbone=null"))
    assert done.returncode == 1
    assert done.stderr.strip().count("\n") == 0
    assert all(told in done.stderr for told in (path.name, reason, "on_unreadable: drop"))
    assert not (out / "results.json").exists()


def test_a_run_goes_on_without_what_it_may_drop(challenge: Path, capsys: pytest.CaptureFixture):
    whole = load(RsnaPneumonia(str(challenge), num_workers=0, image_size=32))
    bad = whole.rows("train")[: len(REASONS)]
    for sample, reason in zip(bad, REASONS, strict=True):
        spoiled(Path(sample.image), reason)
    out = challenge / "out"
    short = ["--trainer.limit_train_batches=1", "--trainer.limit_val_batches=1", "--model.init_args.backbone=null"]
    assert (
        main(["fit", *words("localization-phantom", challenge, out, *short, "--data.init_args.on_unreadable=drop")])
        == 0
    )
    told = capsys.readouterr()
    assert "dropped 4: unreadable image" in told.out
    assert told.err == ""
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["dropped"] == {"unreadable image": 4}
    assert manifest["rows"] == {**whole.manifest()["rows"], "train": len(whole.rows("train")) - 4}
    kept = {row["sample_id"] for row in manifest["members"]["train"]}
    assert kept == {sample.sample_id for sample in whole.rows("train")[4:]}
    assert (out / "checkpoints" / "best.ckpt").is_file()
