"""Codecs that are missing, and what is broken for those that are there."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gkmvlp.data_modules.pipeline.images import ImageError, read_image
from gkmvlp.data_modules.synthetic.dicom_ways import PLAIN, SYNTAXES, write_way
from tests.data_modules.pipeline.small_files import SHADE

MISSING = """
import sys
for name in {blocked}:
    sys.modules[name] = None
from gkmvlp.data_modules.pipeline.images import ImageError, read_image
try:
    read_image(sys.argv[1])
except ImageError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("syntax", "blocked", "package"),
    [
        ("JPEG lossless SV1", ["gdcm"], "python-gdcm"),
        ("JPEG extended", ["gdcm"], "python-gdcm"),
        ("JPEG-LS", ["gdcm", "jpeg_ls"], "pyjpegls"),
    ],
)
def test_a_missing_codec_names_syntax_and_package(tmp_path: Path, syntax: str, blocked: list[str], package: str):
    path = tmp_path / "chest.dcm"
    path.write_bytes(write_way(np.tile(SHADE, (2, 3)), PLAIN | {"syntax": syntax}))
    words = [sys.executable, "-c", MISSING.format(blocked=blocked), str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    assert f"({SYNTAXES[syntax]}) needs a codec that is missing: pip install" in done.stdout
    assert package in done.stdout


def test_a_missing_codec_of_jpeg_2000(monkeypatch: pytest.MonkeyPatch):
    """Pillow decodes some of it and cannot be taken out: no codec is made to be there instead."""
    nothing = SimpleNamespace(available_plugins=())
    monkeypatch.setattr("gkmvlp.data_modules.pipeline.dicom_codecs.get_decoder", lambda syntax: nothing)
    data = write_way(np.tile(SHADE, (2, 3)), PLAIN | {"syntax": "J2K"})
    with pytest.raises(ImageError, match=r"JPEG 2000 .* missing: pip install pylibjpeg pylibjpeg-openjpeg$"):
        read_image(data)


BROKEN = r"""
import sys
from io import BytesIO
import numpy as np
from PIL import Image
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless
from gkmvlp.data_modules.pipeline.images import ImageError, read_image
from gkmvlp.data_modules.synthetic.dicom_ways import PLAIN, write_way
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames
shade = np.rint(np.add.outer(np.arange(64), np.arange(48)) * 255 / 110).astype(np.uint8)
for syntax in ("JPEG baseline", "JPEG lossless SV1", "JPEG-LS", "J2K"):
    for change in ("rows", "columns", "half", "tail", "head", "empty", "colour"):
        dataset = dcmread(BytesIO(write_way(shade, PLAIN | {"syntax": syntax, "bits": "8 in 8"})))
        frame = next(iter(generate_frames(dataset.PixelData, number_of_frames=1)))
        if change == "colour":
            if syntax not in ("JPEG baseline", "J2K"):
                continue
            buffer = BytesIO()
            Image.fromarray(shade).convert("RGB").save(buffer, "JPEG" if "baseline" in syntax else "JPEG2000")
            frame = buffer.getvalue()
        dataset.Rows *= 2 if change == "rows" else 1
        dataset.Columns -= 8 if change == "columns" else 0
        frame = {"half": frame[: len(frame) // 2], "tail": frame[:-60], "head": b"\0\0" + frame[2:],
                 "empty": b"\0\0"}.get(change, frame)
        dataset.PixelData = encapsulate([frame + b"\0" * (len(frame) % 2)])
        file = BytesIO()
        dataset.save_as(file)
        try:
            read_image(file.getvalue())
        except ImageError as error:
            print(f"{syntax}, {change}: {error}")
        else:
            print(f"{syntax}, {change}: READ")
"""


def test_a_broken_codestream_is_one_line_and_ends_no_process():
    """Codecs that are given what they cannot take write to stderr, read beyond their buffers, or call ``abort``."""
    done = subprocess.run([sys.executable, "-c", BROKEN], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 4 * 7 - 2
    assert not [line for line in lines if not ("cannot be decoded" in line or "the codestream has" in line)]
    lossless = sum("JPEG lossless" in line for line in lines)  # which GDCM alone decodes, and complains of
    assert len(done.stderr.splitlines()) <= lossless
