"""One radiograph written in every way that scanners, archives and exports write it, and in ways that must be refused.

H x W pixels, N entries of a look-up table.
"""

from collections.abc import Callable, Mapping
from io import BytesIO
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.encoders.base import get_encoder
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
    generate_uid,
)

from gkmvlp.data_modules.synthetic.jpeg12 import encode as encode_twelve_bits
from gkmvlp.data_modules.synthetic.pairwise import Row
from gkmvlp.errors import DataError

Levels = NDArray[np.uint8]
Numbers = NDArray[np.int64]

SYNTAXES: dict[str, UID] = {
    "implicit": ImplicitVRLittleEndian, "explicit": ExplicitVRLittleEndian, "big endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian, "RLE": RLELossless, "JPEG baseline": JPEGBaseline8Bit,
    "JPEG extended": JPEGExtended12Bit, "JPEG lossless": JPEGLossless, "JPEG lossless SV1": JPEGLosslessSV1,
    "JPEG-LS": JPEGLSLossless, "JPEG-LS near": JPEGLSNearLossless, "J2K": JPEG2000Lossless, "J2K lossy": JPEG2000,
}  # fmt: skip
NATIVE = ("implicit", "explicit", "big endian", "deflated", "RLE")  # what is stored bit by bit
LOSSY = ("JPEG baseline", "JPEG extended", "JPEG-LS near", "J2K lossy")
FACTORS: dict[str, tuple[str, ...]] = {
    "syntax": tuple(SYNTAXES),
    "voi": (
        "none", "LINEAR", "LINEAR_EXACT", "SIGMOID", "several", "decimal comma", "blank", "width 0", "width alone",
        "center alone", "LUT 8", "LUT 10", "LUT 12", "LUT 14", "LUT 16", "LUT 16 of 12", "LUT blank",
        "LUT without item", "LUT malformed",
    ),
    "bits": ("8 in 8", "8 in 16", "10 in 16", "12 in 16", "14 in 16", "15 in 16", "16 in 16"),
    "modality": ("none", "positive", "negative", "fractional", "empty", "slope alone", "LUT"),
    "photometric": ("MONOCHROME2", "MONOCHROME1", "monochrome 2", "Monochrome_1", "absent"),
    "high": ("right", "missing", "above", "shifted", "stored too small"),
    "sign": ("unsigned", "signed"),
    "padding": ("none", "value", "range", "other sign"),
    "file": ("whole", "no preamble", "no meta"),
    "shape": ("absent", "IDENTITY", "INVERSE"),
    "overlay": ("none", "high bit"),
    "orientation": ("absent", "empty", "L\\F", "R\\F", "L\\H", "R\\H", "F\\L", "F\\R", "H\\L", "H\\R"),
}  # fmt: skip
BORDER = 2  # pixels of padding around the picture
SIGMOID_WIDTH = 0.5  # of the range of values


def is_allowed(way: Mapping[str, str]) -> bool:
    """Whether a way, or a part of one, can be written and has one meaning."""
    syntax, bits, high, padding = (way.get(name, "") for name in ("syntax", "bits", "high", "padding"))
    is_codestream = bool(syntax) and syntax not in NATIVE
    is_wide = bits not in ("8 in 8", "8 in 16", "")
    rules = (
        # what the codestreams can hold
        syntax != "JPEG baseline" or (bits in ("8 in 8", "") and way.get("sign") != "signed"),
        syntax != "JPEG extended" or (bits in ("10 in 16", "12 in 16", "") and way.get("sign") != "signed"),
        syntax != "JPEG-LS near" or way.get("sign") != "signed",
        not is_codestream or (high != "shifted" and way.get("overlay") != "high bit"),
        # values that drift are no marks
        syntax not in LOSSY or padding in ("none", ""),
        # bits that have to be free
        bits not in ("8 in 8", "16 in 16") or (high not in ("above", "shifted") and way.get("overlay") != "high bit"),
        high != "stored too small" or way.get("overlay") != "high bit",
        high != "shifted" or way.get("overlay") != "high bit",
        # eight bits are shown as they are: every code is a grey level, and none is left for padding
        padding in ("none", "") or is_wide or not bits,
        padding != "other sign" or way.get("sign") != "unsigned" or bits in ("16 in 16", ""),
        # tables hold 65,536 entries
        not (way.get("voi", "").startswith("LUT") and bits == "16 in 16")
        or way.get("modality") not in ("positive", "fractional", "slope alone"),
        # nothing says that a dataset is deflated but the meta header
        syntax != "deflated" or way.get("file") != "no meta",
    )
    return all(rules)


def is_inverted(way: Mapping[str, str]) -> bool:
    """Whether low values are bright."""
    return "1" in way["photometric"] or way["shape"] == "INVERSE"


def write_way(picture_HW: Levels, way: Row) -> bytes:
    """The file of a picture.

    Args:
        picture_HW: Grey levels (H, W) that use all of 0 to 255, upright.
        way: Factor -> level.
    """
    dataset = _header(way["syntax"])
    stored, allocated = map(int, way["bits"].split(" in "))
    is_signed = way["sign"] == "signed"
    offset = -(1 << (stored - 1)) if is_signed else 0
    margin = (1 << stored) // 16 if stored > 8 else 0
    low, high = margin + offset, (1 << stored) - 1 - margin + offset
    unit_HW = _turned(picture_HW, way["orientation"]) / 255
    unit_HW = 1 - unit_HW if is_inverted(way) else unit_HW
    unit_HW = 1 - unit_HW if way["modality"] == "negative" else unit_HW
    number_HW = np.rint(low + unit_HW * (high - low)).astype(np.int64)
    order = ">" if way["syntax"] == "big endian" else "<"
    value_of = _set_modality(dataset, way["modality"], offset, stored, order)
    dark, bright = sorted((value_of(low), value_of(high)))
    _set_voi(dataset, way["voi"], dark, bright, order)
    number_HW = _set_padding(dataset, way["padding"], number_HW, offset, stored, is_signed)
    dataset.Rows, dataset.Columns = number_HW.shape
    dataset.SamplesPerPixel, dataset.PixelRepresentation = 1, int(is_signed)
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = allocated, stored, stored - 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    _set_pixels(dataset, way, number_HW, stored)
    _set_labels(dataset, way, stored)
    return _as_bytes(dataset, way)


def _header(syntax: str) -> Dataset:
    """A chest without patient."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["phantom", syntax])
    meta.TransferSyntaxUID = SYNTAXES[syntax]
    dataset = Dataset()
    dataset.file_meta = meta
    tags = {
        "SOPClassUID": meta.MediaStorageSOPClassUID, "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "Modality": "DX", "PatientName": "PHANTOM", "PatientID": "PHANTOM", "BodyPartExamined": "CHEST",
        "ViewPosition": "PA",
    }  # fmt: skip
    for tag, value in tags.items():
        setattr(dataset, tag, value)
    return dataset


def _turned(picture_HW: Levels, orientation: str) -> Levels:
    """The picture as it lies where rows and columns run towards these sides of the patient."""
    if "\\" not in orientation:
        return picture_HW
    across, down = orientation.split("\\")
    is_turned = across in "HF"
    across, down = (down, across) if is_turned else (across, down)
    picture_HW = picture_HW[:, ::-1] if across == "R" else picture_HW
    picture_HW = picture_HW[::-1] if down == "H" else picture_HW
    return picture_HW.T if is_turned else picture_HW


def _set_modality(dataset: Dataset, kind: str, offset: int, stored: int, order: str) -> Callable[[int], float]:
    """Writes the modality transformation; what it makes of a stored number."""
    lines = {
        "none": (None, None), "positive": (2, 100), "negative": (-1, (1 << stored) - 1 + 2 * offset),
        "fractional": (1.5, -100.5), "empty": ("", ""), "slope alone": (2, None),
    }  # fmt: skip
    if kind == "LUT":
        count = 1 << stored
        entry_N = (np.arange(count, dtype=np.int64) * 65_535 // (count - 1)).astype(np.uint16)
        dataset.ModalityLUTSequence = Sequence([_lut(entry_N, offset, 16, order)])
        return lambda number: float(entry_N[number - offset])
    slope, intercept = lines[kind]
    if slope is not None:
        dataset.RescaleSlope = slope
    if intercept is not None:
        dataset.RescaleIntercept = intercept
    return lambda number: number * float(slope or 1) + float(intercept or 0)


def _lut(entry_N: NDArray[np.uint16], first: int, bits: int, order: str) -> Dataset:
    item = Dataset()
    kind = "SS" if first < 0 else "US"
    item.add_new("LUTDescriptor", kind, [len(entry_N) % 65_536, first, bits])
    item.add_new("LUTData", "OW", entry_N.astype(f"{order}u2").tobytes())
    return item


def _set_voi(dataset: Dataset, kind: str, low: float, high: float, order: str) -> None:
    """Writes a window or table that shows the values from ``low`` to ``high``, or what is to be passed over."""
    middle, width = (low + high) / 2, high - low
    windows: dict[str, tuple[Any, Any]] = {
        "LINEAR": (middle + 0.5, width + 1), "LINEAR_EXACT": (middle, width),
        "SIGMOID": (middle, SIGMOID_WIDTH * width), "several": ([middle + 0.5, 40], [width + 1, 400]),
        "decimal comma": (f"{middle + 0.5:.1f}".replace(".", ","), f"{width + 1:.1f}".replace(".", ",")),
        "blank": (low - 3 * width, width), "width 0": (middle, 0), "width alone": (None, width),
        "center alone": (middle, None),
    }  # fmt: skip
    if kind in windows:
        for keyword, value in zip(("WindowCenter", "WindowWidth"), windows[kind], strict=True):
            if value is not None:
                text = value if isinstance(value, str) else _decimal(value)
                text += " " * (len(text) % 2)
                # raw, for pydicom writes no number that it cannot read
                dataset[keyword] = RawDataElement(Tag(keyword), "DS", len(text), text.encode(), 0, False, True)
        if kind in ("LINEAR_EXACT", "SIGMOID"):
            dataset.VOILUTFunction = kind
    if kind.startswith("LUT"):
        dataset.VOILUTSequence = Sequence(_voi_items(kind, low, high, order))


def _decimal(value: Any) -> str:
    """Numbers as a DICOM writes them, in at most sixteen characters."""
    return "\\".join(map(_decimal, value)) if isinstance(value, list) else f"{value:.10g}"


def _voi_items(kind: str, low: float, high: float, order: str) -> list[Dataset]:
    if kind == "LUT without item":
        return []
    first, count = int(np.floor(low)), int(np.ceil(high)) - int(np.floor(low)) + 1
    declared = 12 if kind in ("LUT blank", "LUT malformed") else int(kind.split()[1])
    used = 12 if kind == "LUT 16 of 12" else declared
    entry_N = np.rint(np.linspace(0, (1 << used) - 1, count)).astype(np.uint16)
    item = _lut(np.zeros_like(entry_N) if kind == "LUT blank" else entry_N, first, declared, order)
    if kind == "LUT malformed":
        del item.LUTData
    return [item]


def _set_padding(dataset: Dataset, kind: str, number_HW: Numbers, offset: int, stored: int, is_signed: bool) -> Numbers:
    """Numbers with a border of padding, and the attributes that say so."""
    if kind == "none":
        return number_HW
    pad = offset if is_signed else (1 << stored) - 1
    written = pad % 65_536 if is_signed else pad - 65_536
    signs = ("US", "SS") if is_signed else ("SS", "US")
    is_other = kind == "other sign"
    dataset.add_new("PixelPaddingValue", signs[0] if is_other else signs[1], written if is_other else pad)
    border_HW = np.full_like(number_HW, pad)
    if kind == "range":
        towards = 9 if is_signed else -9
        dataset.add_new("PixelPaddingRangeLimit", signs[1], pad + towards)
        border_HW[::2] = pad + towards // 2
    inside = np.s_[BORDER:-BORDER, BORDER:-BORDER]
    border_HW[inside] = number_HW[inside]
    return border_HW


def _set_pixels(dataset: Dataset, way: Row, number_HW: Numbers, stored: int) -> None:
    """Writes the pixel data in the transfer syntax."""
    syntax, allocated = way["syntax"], dataset.BitsAllocated
    is_signed = bool(dataset.PixelRepresentation)
    kind = f"{'i' if is_signed else 'u'}{allocated // 8}"
    container_HW = number_HW.astype(f"<{kind}")
    if way["high"] == "shifted":
        container_HW = (container_HW.view(f"<u{allocated // 8}") << (allocated - stored)).astype("<u2")
    if way["overlay"] == "high bit":
        container_HW = container_HW.view("<u2") & ~np.uint16(1 << stored) | _drawing(number_HW.shape) << stored
        for tag, vr, value in (
            (0x60000010, "US", dataset.Rows), (0x60000011, "US", dataset.Columns), (0x60000040, "CS", "G"),
            (0x60000050, "SS", [1, 1]), (0x60000100, "US", allocated), (0x60000102, "US", stored),
        ):  # fmt: skip
            dataset.add_new(tag, vr, value)
    if syntax in NATIVE and syntax != "RLE":
        big = syntax == "big endian" and allocated == 16
        data = container_HW.astype(container_HW.dtype.newbyteorder(">")) if big else container_HW
        dataset.PixelData = data.tobytes() + b"\0" * (data.nbytes % 2)
        dataset["PixelData"].VR = "OW" if allocated == 16 or syntax == "implicit" else "OB"
        return
    dataset.PixelData = encapsulate([_codestream(syntax, container_HW, stored)])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True


def _drawing(shape: tuple[int, ...]) -> NDArray[np.uint16]:
    """Letters over a picture: 1 where ink is."""
    ink_HW = np.zeros(shape, np.uint16)
    ink_HW[shape[0] // 8 : shape[0] // 4, shape[1] // 8 : shape[1] // 6] = 1
    ink_HW[shape[0] // 4 : shape[0] // 4 + 2, shape[1] // 8 : shape[1] // 3] = 1
    return ink_HW


def _codestream(syntax: str, container_HW: NDArray[Any], stored: int) -> bytes:
    """One compressed frame."""
    if syntax == "JPEG baseline":
        file = BytesIO()
        Image.fromarray(container_HW).save(file, "JPEG", quality=97)
        return file.getvalue()
    if syntax == "JPEG extended":
        return encode_twelve_bits(container_HW, step=1)
    if syntax.startswith("JPEG lossless"):
        return _by_gdcm(syntax, container_HW, stored)
    return _by_pydicom(syntax, container_HW, stored)


def _by_pydicom(syntax: str, container_HW: NDArray[Any], stored: int) -> bytes:
    """One frame by an encoder that pydicom knows; RLE takes the containers as they are."""
    container_HW = (
        container_HW.astype(container_HW.dtype.str[:2] + "1") if stored <= 8 and syntax != "RLE" else container_HW
    )
    is_signed = container_HW.dtype.kind == "i" and syntax != "RLE"
    code_HW = container_HW if is_signed else container_HW.view(f"u{container_HW.itemsize}")
    allocated = 8 * container_HW.itemsize
    options: dict[str, dict[str, Any]] = {
        "JPEG-LS near": {"jls_error": max(1, (1 << stored) // 512)}, "J2K lossy": {"j2k_psnr": [60.0]},
    }  # fmt: skip
    described = {
        "rows": code_HW.shape[0], "columns": code_HW.shape[1], "samples_per_pixel": 1, "number_of_frames": 1,
        "bits_allocated": allocated, "bits_stored": allocated if syntax == "RLE" else stored,
        "pixel_representation": int(is_signed), "photometric_interpretation": "MONOCHROME2",
    }  # fmt: skip
    frame = get_encoder(SYNTAXES[syntax]).encode(code_HW.tobytes(), **described, **options.get(syntax, {}))
    return bytes(frame)


def _by_gdcm(syntax: str, container_HW: NDArray[Any], stored: int) -> bytes:
    """One frame of JPEG lossless, which GDCM writes from file to file."""
    import gdcm

    kinds = {"JPEG lossless": "JPEGLosslessProcess14", "JPEG lossless SV1": "JPEGLosslessProcess14_1"}
    plain = _header("explicit")
    plain.Rows, plain.Columns = container_HW.shape
    plain.SamplesPerPixel, plain.PhotometricInterpretation = 1, "MONOCHROME2"
    plain.BitsAllocated, plain.BitsStored, plain.HighBit = 8 * container_HW.itemsize, stored, stored - 1
    plain.PixelRepresentation = int(container_HW.dtype.kind == "i")
    plain.PixelData = container_HW.tobytes() + b"\0" * (container_HW.nbytes % 2)
    plain["PixelData"].VR = "OW" if container_HW.itemsize == 2 else "OB"
    with TemporaryDirectory() as folder:
        before, after = f"{folder}/before.dcm", f"{folder}/after.dcm"
        plain.save_as(before, enforce_file_format=True)
        reader = gdcm.ImageReader()
        reader.SetFileName(before)
        reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, kinds[syntax])))
        change.SetInput(reader.GetImage())
        writer = gdcm.ImageWriter()
        writer.SetFileName(after)
        if not change.Change():
            raise DataError(f"GDCM does not write {syntax} with {stored} bits")
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        writer.Write()
        return next(iter(generate_frames(dcmread(after).PixelData, number_of_frames=1)))


def _set_labels(dataset: Dataset, way: Row, stored: int) -> None:
    """What a header says of the pixels, right or wrong."""
    high = way["high"]
    if high in ("above", "shifted"):
        dataset.HighBit = dataset.BitsAllocated - 1
    elif high == "missing":
        del dataset.HighBit
    elif high == "stored too small":
        dataset.BitsStored, dataset.HighBit = stored - 2, stored - 3
    if way["photometric"] == "absent":
        del dataset.PhotometricInterpretation
    else:
        text = way["photometric"] + " " * (len(way["photometric"]) % 2)
        tag = Tag("PhotometricInterpretation")
        dataset[tag] = RawDataElement(tag, "CS", len(text), text.encode(), 0, False, True)
    if way["shape"] != "absent":
        dataset.PresentationLUTShape = way["shape"]
    if way["orientation"] != "absent":
        dataset.PatientOrientation = way["orientation"].split("\\") if way["orientation"] != "empty" else ""


def _as_bytes(dataset: Dataset, way: Row) -> bytes:
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    data = file.getvalue()
    if way["file"] == "no preamble":
        return data[132:]
    if way["file"] == "no meta":  # (0002,0000) says how long the header goes on
        return data[144 + int.from_bytes(data[140:144], "little") :]
    return data


def _changed(picture_HW: Levels, change: Callable[[Dataset], None]) -> bytes:
    """The picture written plainly but for one thing."""
    dataset = dcmread(BytesIO(write_way(picture_HW, PLAIN)))
    change(dataset)
    file = BytesIO()
    dataset.save_as(file, enforce_file_format=True, implicit_vr=False, little_endian=True)
    return file.getvalue()


PLAIN: Row = {
    "syntax": "explicit", "voi": "none", "bits": "12 in 16", "modality": "none", "photometric": "MONOCHROME2",
    "high": "right", "sign": "unsigned", "padding": "none", "file": "whole", "shape": "absent", "overlay": "none",
    "orientation": "absent",
}  # fmt: skip


def _set(**tags: Any) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for keyword, value in tags.items():
            if value is None:
                del dataset[keyword]
            else:
                setattr(dataset, keyword, value)

    return change


def _rename(syntax: str) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        dataset.file_meta.TransferSyntaxUID = UID(syntax)

    return change


def _cut(dataset: Dataset) -> None:
    dataset.PixelData = dataset.PixelData[: len(dataset.PixelData) // 2 * 2 - 64]


def _blacken(dataset: Dataset) -> None:
    dataset.PixelData = bytes(len(dataset.PixelData))


# What must be refused: how it is written, and the attribute that the line has to name.
REFUSED: dict[str, tuple[Callable[[Dataset], None], str]] = {
    "modality-MG": (_set(Modality="MG"), "Modality is MG"),
    "modality-CT": (_set(Modality="CT"), "Modality is CT"),
    "modality-US": (_set(Modality="US"), "Modality is US"),
    "view-LL": (_set(ViewPosition="LL"), "ViewPosition is LL"),
    "view-RL": (_set(ViewPosition="RL"), "ViewPosition is RL"),
    "view-LATERAL": (_set(ViewPosition="LATERAL"), "ViewPosition is LATERAL"),
    "blank": (_blacken, "blank"),
    "no-pixels": (_set(PixelData=None), "PixelData"),
    "no-rows": (_set(Rows=None), "Rows"),
    "cut-off": (_cut, "PixelData"),
    "colour": (_set(PhotometricInterpretation="RGB", SamplesPerPixel=3), "PhotometricInterpretation"),
    "palette": (_set(PhotometricInterpretation="PALETTE COLOR"), "PhotometricInterpretation"),
    "frames": (_set(NumberOfFrames=2), "NumberOfFrames"),
    "bits-allocated": (_set(BitsAllocated=12), "BitsAllocated"),
    "unknown-syntax": (_rename("1.2.3.4.5"), "TransferSyntaxUID"),
}


def write_refused(picture_HW: Levels, name: str) -> bytes:
    """A file of ``REFUSED``."""
    return _changed(picture_HW, REFUSED[name][0])
