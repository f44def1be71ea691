"""The pixel data of a DICOM as they are stored, whatever the transfer syntax. H x W pixels."""

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    RLELossless,
)

from gkmvlp.data_modules.pipeline.dicom_codecs import decoder_of, decompress
from gkmvlp.data_modules.pipeline.dicom_codestream import (
    is_codestream,
    read_codestream,
    require_one_codestream,
    require_whole_runs,
)
from gkmvlp.data_modules.pipeline.dicom_header import integer
from gkmvlp.data_modules.pipeline.jpeg_end import require_whole_jpeg
from gkmvlp.errors import DataError

_DCT = (JPEGBaseline8Bit, JPEGExtended12Bit)
_ITEM = b"\xfe\xff\x00\xe0"  # begins encapsulated pixel data
# Share of their difference in one shape that pixels one below the other have left in the right one, at most; of how
# many rows.
_SKEWED, _SAMPLED_ROWS = 0.5, 64


def decode(dataset: Dataset, notes: list[str]) -> tuple[NDArray[np.unsignedinteger], int | None]:
    """Containers (H, W) as they are stored, and the bits a sample that a codestream has, None where there is none.

    Args:
        dataset: The DICOM.
        notes: Gets a line where they are stored otherwise than it says.

    Raises:
        DataError: If an attribute that says how they are stored is missing, no codec is there, or they are cut off.
    """
    if fractions := next((name for name in ("FloatPixelData", "DoubleFloatPixelData") if name in dataset), None):
        raise DataError(f"{fractions}: the DICOM holds fractions; export it with whole numbers (PixelData)")
    if "PixelData" not in dataset:
        raise DataError("the DICOM has no pixel data (PixelData): no image, or cut off; fetch it again or take it out")
    rows, columns = (_need(dataset, keyword) for keyword in ("Rows", "Columns"))
    value = dataset.get_item("PixelData").value  # type: ignore[union-attr]
    if not isinstance(value, bytes) or not value:
        raise DataError("the DICOM has no pixel data (PixelData is empty): fetch it again")
    syntax = _syntax(dataset)
    decoder_of(syntax)  # a syntax that is not known is told before what its bytes are
    if value[:4] == _ITEM:
        return _encapsulated(dataset, syntax, rows, columns, value)
    if is_codestream(value) and len(value) < rows * columns * _allocated(dataset, 1) // 8:
        notes.append("PixelData are a codestream without items: read as what they are")
        return _encapsulated(dataset, syntax, rows, columns, encapsulate([value]))
    return _native(dataset, syntax, rows, columns, value), None


def _native(dataset: Dataset, syntax: UID, rows: int, columns: int, value: bytes) -> NDArray[np.unsignedinteger]:
    """Pixel data without compression."""
    bytes_a_pixel = _allocated(dataset, len(value) // (rows * columns)) // 8
    _require_length(len(value), rows, columns, bytes_a_pixel)
    if syntax == ExplicitVRBigEndian and bytes_a_pixel == 1 and dataset.get_item("PixelData").VR == "OW":  # type: ignore[union-attr]
        value = np.frombuffer(value[: len(value) // 2 * 2], ">u2").astype("<u2").tobytes()
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    code = np.frombuffer(value, f"{order}u{bytes_a_pixel}", rows * columns).astype(f"=u{bytes_a_pixel}", copy=False)
    if _are_exchanged(code, rows, columns):
        raise DataError(
            f"Rows and Columns ({rows} and {columns}) are exchanged: the picture is skewed; export it again"
        )
    return code.reshape(rows, columns)


def _require_length(length: int, rows: int, columns: int, bytes_a_pixel: int) -> None:
    """Checks that the pixel data are one picture, whole."""
    size = rows * columns * bytes_a_pixel
    if length < size:
        amount = f"{length:,} of {size:,} bytes for Columns x Rows {columns} x {rows}"
        raise DataError(f"the pixel data (PixelData) are cut off: {amount}; fetch it again")
    if length - size >= max(bytes_a_pixel * min(rows, columns), 2):  # a wrong Columns leaves a row's worth or more
        amount = f"{length:,} bytes of PixelData, {size:,} were expected of Rows, Columns and BitsAllocated"
        raise DataError(f"{amount}: several frames, or one of the three is wrong; export the one that is meant")


def _are_exchanged(code: NDArray[np.unsignedinteger], rows: int, columns: int) -> bool:
    """Whether pixels one below the other are alike where the picture has the other shape, and far less in its own."""
    own, other = (_step_down(code.reshape(shape)) for shape in ((rows, columns), (columns, rows)))
    return rows != columns and other < _SKEWED * own


def _step_down(code_HW: NDArray[np.unsignedinteger]) -> float:
    """Mean difference of pixels one below the other, by a sample of rows."""
    row = np.linspace(0, len(code_HW) - 2, min(len(code_HW) - 1, _SAMPLED_ROWS)).astype(np.int64)
    return float(np.abs(code_HW[row + 1].astype(np.float64) - code_HW[row]).mean()) if len(row) else 0.0


def _encapsulated(
    dataset: Dataset, named: UID, rows: int, columns: int, value: bytes
) -> tuple[NDArray[np.unsignedinteger], int | None]:
    """Pixel data in a codestream, and its bits a sample."""
    require_one_codestream(value)
    frame = next(iter(generate_frames(value, number_of_frames=1)))
    stream = read_codestream(frame, named)
    if stream.size not in ((rows, columns), (0, 0)):  # codecs would end the process, or read beyond the picture
        extent = f"{stream.size[1]} x {stream.size[0]} pixels, Columns and Rows say {columns} x {rows}"
        raise DataError(f"PixelData: the codestream has {extent}; export it again")
    if stream.syntax in _DCT:
        dataset.PixelRepresentation = 0  # these samples have no sign (ISO 10918-1, A.3.1), whatever the attribute says
    allocated = _allocated(dataset, 1) if stream.bits is None else 8 if stream.bits <= 8 else 16
    if stream.syntax == RLELossless:
        require_whole_runs(frame, rows, columns, allocated)
    code_HW = decompress(value, frame, stream, rows, columns, allocated)
    if stream.syntax in _DCT and stream.bits is not None:
        require_whole_jpeg(
            frame,
            code_HW,
            lambda longer: decompress(encapsulate([longer]), longer, stream, rows, columns, allocated),
            stream.bits,
        )
    return code_HW, stream.bits


def _need(dataset: Dataset, keyword: str) -> int:
    value = integer(dataset, keyword)
    if not value or value < 0:
        raise DataError(f"{keyword} is missing: the DICOM is broken; export it again")
    return value


def _allocated(dataset: Dataset, bytes_there: int) -> int:
    """BitsAllocated, or what the length of the pixel data leaves."""
    allocated = integer(dataset, "BitsAllocated") or 8 * bytes_there
    if allocated not in (8, 16, 32):
        raise DataError(f"BitsAllocated is {allocated}, 8, 16 or 32 was expected; export it again")
    return allocated


def _syntax(dataset: Dataset) -> UID:
    """The transfer syntax; that of the dataset's encoding where no meta header names one."""
    meta = getattr(dataset, "file_meta", None)
    named = meta.get("TransferSyntaxUID") if meta is not None else None
    if named:
        return UID(named)
    is_little = dataset.original_encoding[1]
    return ExplicitVRBigEndian if is_little is False else ExplicitVRLittleEndian
