"""The stored codes of a DICOM, whatever the transfer syntax, and the numbers that they stand for.

L = 256 or 65,536 codes, H x W pixels.
"""

import struct
from typing import Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import generate_fragments, generate_frames
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEG2000TransferSyntaxes,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSTransferSyntaxes,
    RLELossless,
)

from gkmvlp.data_modules.pipeline.dicom_header import integer
from gkmvlp.data_modules.pipeline.dicom_sign import judge_sign
from gkmvlp.data_modules.pipeline.intensity import Codes, Float, Mask, histogram, to_codes
from gkmvlp.errors import DataError

_ITEM = b"\xfe\xff\x00\xe0"
_FRAMES = {0xC0: JPEGBaseline8Bit, 0xC1: JPEGExtended12Bit, 0xC2: JPEGBaseline8Bit, 0xC3: JPEGLossless,
           0xF7: JPEGLSLossless}  # fmt: skip
_BEGINNINGS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51")  # of a codestream: JPEG and JPEG-LS, JPEG 2000
# Part of a transfer syntax's name -> the package that decodes it.
_PACKAGES = (
    ("JPEG-LS", "pyjpegls"),
    ("JPEG 2000", "pylibjpeg pylibjpeg-openjpeg"),
    ("JPEG2000", "pylibjpeg pylibjpeg-openjpeg"),
    ("JPEG", "python-gdcm"),
    ("", "pydicom"),
)
# Of several the first decodes: what is broken makes GDCM write to stderr or end the process.
_PLUGINS = ("", "pydicom", "pyjpegls", "pylibjpeg", "pillow", "gdcm")
# Kinds of frame that several transfer syntaxes share.
_KINDS = {0xC3: (JPEGLossless, JPEGLosslessSV1), 0xF7: JPEGLSTransferSyntaxes}
_NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
# Share of a picture that is no padding, or what is said to be padding is none: less would be blank as images judge it.
_LEAST_KEPT = 0.02
# Share of their difference in one shape that pixels one below the other have left in the right one, at most; of how
# many rows.
_SKEWED, _SAMPLED_ROWS = 0.5, 64
_OVERLAYS = range(0x6000, 0x6020, 2)


def decode(dataset: Dataset) -> tuple[NDArray[np.unsignedinteger], int | None]:
    """Containers (H, W) as they are stored, and the bits a sample that a codestream has, None where there is none.

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
    _decoder(syntax)
    if value[:4] == _ITEM:
        return _decompress(dataset, syntax, rows, columns, value)
    bytes_a_pixel = _allocated(dataset, len(value) // (rows * columns)) // 8
    size = rows * columns * bytes_a_pixel
    if len(value) < size:
        amount = f"{len(value):,} of {size:,} bytes for Columns x Rows {columns} x {rows}"
        raise DataError(f"the pixel data (PixelData) are cut off: {amount}; fetch it again")
    if len(value) - size >= max(bytes_a_pixel * min(rows, columns), 2):  # a wrong Columns leaves a row's worth or more
        amount = f"{len(value):,} bytes of PixelData, {size:,} were expected of Rows, Columns and BitsAllocated"
        raise DataError(f"{amount}: several frames, or one of the three is wrong; export the one that is meant")
    if syntax == ExplicitVRBigEndian and bytes_a_pixel == 1 and dataset.get_item("PixelData").VR == "OW":  # type: ignore[union-attr]
        value = np.frombuffer(value[: len(value) // 2 * 2], ">u2").astype("<u2").tobytes()
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    code = np.frombuffer(value, f"{order}u{bytes_a_pixel}", rows * columns).astype(f"=u{bytes_a_pixel}", copy=False)
    if _are_exchanged(code, rows, columns):
        raise DataError(
            f"Rows and Columns ({rows} and {columns}) are exchanged: the picture is skewed; export it again"
        )
    return code.reshape(rows, columns), None


def _are_exchanged(code: NDArray[np.unsignedinteger], rows: int, columns: int) -> bool:
    """Whether pixels one below the other are alike where the picture has the other shape, and far less in its own."""
    own, other = (_step_down(code.reshape(shape)) for shape in ((rows, columns), (columns, rows)))
    return rows != columns and other < _SKEWED * own


def _step_down(code_HW: NDArray[np.unsignedinteger]) -> float:
    """Mean difference of pixels one below the other, by a sample of rows."""
    row = np.linspace(0, len(code_HW) - 2, min(len(code_HW) - 1, _SAMPLED_ROWS)).astype(np.int64)
    return float(np.abs(code_HW[row + 1].astype(np.float64) - code_HW[row]).mean()) if len(row) else 0.0


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


class _Codestream(NamedTuple):
    """What an encapsulated frame says of itself.

    Attributes:
        syntax: Transfer syntax.
        bits: Bits a sample; None where the frame does not tell, as RLE does not.
        is_signed: Whether samples have a sign.
        size: Rows and columns; zeros where they are not told.
    """

    syntax: UID
    bits: int | None = None
    is_signed: bool = False
    size: tuple[int, int] = (0, 0)


def _decompress(
    dataset: Dataset, syntax: UID, rows: int, columns: int, value: bytes
) -> tuple[NDArray[np.unsignedinteger], int | None]:
    _require_one_codestream(value)
    frame = next(iter(generate_frames(value, number_of_frames=1)))
    syntax, bits, is_signed, size = _sniff(frame, syntax)
    if size not in ((rows, columns), (0, 0)):  # codecs would end the process, or read beyond the picture
        extent = f"{size[1]} x {size[0]} pixels, Columns and Rows say {columns} x {rows}"
        raise DataError(f"PixelData: the codestream has {extent}; export it again")
    if syntax in (JPEGBaseline8Bit, JPEGExtended12Bit):
        dataset.PixelRepresentation = 0  # these samples have no sign (ISO 10918-1, A.3.1), whatever the attribute says
    allocated = _allocated(dataset, 1) if bits is None else 8 if bits <= 8 else 16
    if syntax == RLELossless:
        _require_whole_runs(frame, rows, columns, allocated)
    plugin = _codec(syntax, bits)
    try:
        if bits is None and "JPEG" in syntax.name:
            raise ValueError("no codestream")
        if syntax == JPEGExtended12Bit and bits is not None and bits > 8:
            return _twelve_bits(frame, syntax, rows, columns), bits
        described = Dataset()
        described.file_meta = FileMetaDataset()
        described.file_meta.TransferSyntaxUID = syntax
        described.Rows, described.Columns, described.SamplesPerPixel = rows, columns, 1
        described.PhotometricInterpretation, described.PixelRepresentation = "MONOCHROME2", int(is_signed)
        described.BitsAllocated, described.BitsStored = allocated, bits or allocated
        described.HighBit = described.BitsStored - 1
        described.PixelData = value
        described["PixelData"].VR, described["PixelData"].is_undefined_length = "OB", True
        code = pixel_array(described, raw=True, decoding_plugin=plugin)
    except Exception as error:  # codecs raise whatever they like on broken input
        raise DataError(f"PixelData in {_named_syntax(syntax)} cannot be decoded: fetch it again") from error
    if code.ndim != 2:
        raise DataError(f"PixelData hold {len(code)} frames, not one; export the one that is meant")
    mask = (1 << (bits or allocated)) - 1
    return code.view(f"u{code.itemsize}") & np.array(mask, f"u{code.itemsize}"), bits


def _require_one_codestream(value: bytes) -> None:
    """Checks that one fragment alone begins a picture: codecs show the first, whatever NumberOfFrames leaves out."""
    count = sum(fragment.startswith(_BEGINNINGS) for fragment in generate_fragments(value))
    if count > 1:
        raise DataError(f"PixelData hold {count} frames, not one; export the one that is meant")


def _require_whole_runs(frame: bytes, rows: int, columns: int, allocated: int) -> None:
    """Checks that the runs of an RLE frame fill the picture (PS3.5, annex G): codecs cut off or skew it in silence."""
    count, *starts = struct.unpack_from("<16L", frame.ljust(64, b"\0"))
    if count != allocated // 8:
        reason = f"{count} segments, BitsAllocated {allocated} needs {allocated // 8}"
        raise DataError(f"PixelData in RLE: {reason}; export it again")
    ends = [*starts[1:count], len(frame)]
    for start, end in zip(starts[:count], ends, strict=True):
        pixels = _run_lengths(frame[start:end])
        if pixels < rows * columns or pixels - rows * columns >= min(rows, columns):
            reason = f"the runs give {pixels:,} pixels, Columns x Rows {columns} x {rows} are {rows * columns:,}"
            raise DataError(f"PixelData in RLE: {reason}; export it again")


def _run_lengths(segment: bytes) -> int:
    """Bytes that a segment of PackBits decodes to; what pads it to an even length gives none."""
    total = place = 0
    while place < len(segment):
        head = segment[place]
        if head < 128:
            total += min(head + 1, len(segment) - place - 1)
            place += head + 2
        else:
            total += 257 - head if head > 128 and place + 1 < len(segment) else 0
            place += 2 if head > 128 else 1
    return total


def _sniff(frame: bytes, named: UID) -> _Codestream:
    """What a codestream says; what it does not tell stays as named.

    Raises:
        DataError: If it has several components, whatever the attributes say.
    """
    if frame[4:8] == b"jP  ":  # a JP2 file, which has its codestream in a box (ISO 15444-1, annex I)
        frame = frame[max(frame.find(b"\xff\x4f\xff\x51"), 0) :]
    if frame[:4] == b"\xff\x4f\xff\x51":  # JPEG 2000: the sizes follow the marker (ISO 15444-1, A.5.1)
        width, height, left, top = (int.from_bytes(frame[at : at + 4], "big") for at in range(8, 24, 4))
        _need_one_component(int.from_bytes(frame[40:42], "big"))
        syntax = named if named in JPEG2000TransferSyntaxes else JPEG2000Lossless
        return _Codestream(syntax, (frame[42] & 0x7F) + 1, bool(frame[42] & 0x80), (height - top, width - left))
    if frame[:2] != b"\xff\xd8":
        is_rle = frame[1:4] == b"\0\0\0" and 0 < frame[0] < 16 and frame[4:8] == b"\x40\0\0\0"
        return _Codestream(RLELossless if is_rle and named.is_little_endian and not named.is_compressed else named)
    place = 2
    while place + 9 < len(frame) and frame[place] == 0xFF:  # segments up to the frame header (ISO 10918-1, B.1)
        marker = frame[place + 1]
        if marker in _FRAMES:
            height, width = (int.from_bytes(frame[at : at + 2], "big") for at in (place + 5, place + 7))
            _need_one_component(frame[place + 9])
            syntax = named if named in _KINDS.get(marker, ()) else _FRAMES[marker]
            return _Codestream(syntax, frame[place + 4], size=(height, width) if height else (0, 0))
        place += 1 if marker == 0xFF else 2 + int.from_bytes(frame[place + 2 : place + 4], "big")
    return _Codestream(named)


def _need_one_component(components: int) -> None:
    if components != 1:
        raise DataError(f"PixelData: the codestream has {components} components, not one; export it grey")


def _decoder(syntax: UID) -> Decoder | None:
    """What decodes a transfer syntax; None where nothing has to.

    Raises:
        DataError: If it is not known.
    """
    if syntax in _NATIVE:
        return None
    try:
        return get_decoder(syntax)
    except NotImplementedError as error:
        remedy = "store the file uncompressed (gdcmconv --raw)"
        raise DataError(
            f"TransferSyntaxUID: the transfer syntax {_named_syntax(syntax)} is not known; {remedy}"
        ) from error


def _codec(syntax: UID, bits: int | None) -> str:
    """Which of pydicom's plugins decodes a syntax; "" for what needs none.

    Raises:
        DataError: If no codec for the syntax is installed: the package is named.
    """
    decoder = _decoder(syntax)
    plugins = decoder.available_plugins if decoder is not None else ("",)
    needs_gdcm = syntax == JPEGExtended12Bit and bits is not None and bits > 8
    if not plugins or (needs_gdcm and "gdcm" not in plugins):
        package = next(package for part, package in _PACKAGES if part in syntax.name)
        raise DataError(
            f"TransferSyntaxUID: {_named_syntax(syntax)} needs a codec that is missing: pip install {package}"
        )
    return min(plugins, key=_PLUGINS.index)


def _named_syntax(syntax: UID) -> str:
    return str(syntax) if syntax.name == syntax else f"{syntax.name} ({syntax})"


def _twelve_bits(frame: bytes, syntax: UID, rows: int, columns: int) -> NDArray[np.uint16]:
    """Samples (H, W) of a JPEG of more than eight bits, which pydicom does not hand to GDCM."""
    import gdcm

    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    image.SetDataElement(element)
    grey = gdcm.PhotometricInterpretation.GetPIType("MONOCHROME2")
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(grey))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(str(syntax))))
    # 12 bits allocated make GDCM take its decoder of 12 bits; it fills two bytes a sample all the same
    image.SetPixelFormat(gdcm.PixelFormat(1, 12, 12, 11, 0))
    data = image.GetBuffer().encode("utf-8", "surrogateescape")
    return np.frombuffer(data, "<u2", rows * columns).reshape(rows, columns) & np.uint16(0xFFF)


class Interpreted(NamedTuple):
    """What codes stand for.

    Attributes:
        codes_HW: Codes (H, W).
        raw_L: The number of each.
        is_kept_L: Which of them are no padding.
        bits: How many bits numbers have.
        is_signed: Whether one of them is a sign.
    """

    codes_HW: Codes
    raw_L: Float
    is_kept_L: Mask
    bits: int
    is_signed: bool


def interpret(
    dataset: Dataset, container_HW: NDArray[np.unsignedinteger], precision: int | None, notes: list[str]
) -> Interpreted:
    """What the codes of a DICOM stand for.

    HighBit, BitsStored and PixelRepresentation are believed only where the codes bear them out; repairs go to
    ``notes``.
    """
    is_signed, told = integer(dataset, "PixelRepresentation") == 1, list[str]()
    found = _interpret(dataset, container_HW, precision, is_signed, told)
    is_signed = found.is_signed
    verdict = judge_sign(dataset, *found)
    if verdict == "wrong":
        is_signed, told = not is_signed, []
        found = _interpret(dataset, container_HW, precision, is_signed, told)
        told.append(f"PixelRepresentation is wrong, the values wrap around: read with{'' if is_signed else 'out'} sign")
    elif verdict == "unsure":
        told.append("PixelRepresentation may be wrong: the values lie in two parts that meet by neither sign")
    notes += told
    return found


def _interpret(
    dataset: Dataset,
    container_HW: NDArray[np.unsignedinteger],
    precision: int | None,
    is_signed: bool,
    notes: list[str],
) -> Interpreted:
    """``interpret`` with or without a sign."""
    if container_HW.itemsize == 4:
        return _interpret_32(dataset, container_HW, is_signed)
    kind = np.uint8 if container_HW.itemsize == 1 else np.uint16
    codes_HW = cast(Codes, container_HW.astype(kind, copy=False))
    allocated = 8 * codes_HW.itemsize
    code_L = np.arange(1 << allocated, dtype=np.int64)
    count_L = histogram(codes_HW, len(code_L))
    occurs_L = count_L > 0
    stored = integer(dataset, "BitsStored") or 0
    bits = min(stored if stored > 0 else allocated, precision or allocated)
    shift = _shift(dataset, code_L[occurs_L], bits, allocated, notes)
    overlay = _overlay_bits(dataset, allocated) & ~(((1 << bits) - 1) << shift)
    number_L = (code_L & ~overlay) >> shift
    if not is_signed and precision is None and _extends_a_sign(number_L[occurs_L], bits, allocated):
        is_signed = True
        notes.append("PixelRepresentation tells of no sign, the values extend one: read with it")
    if is_signed:  # an overlay may be drawn over the bits that extend a sign
        sign = ~overlay >> shift & ((1 << allocated) - (1 << (bits - 1)))
        number_L = np.where(number_L & sign == sign, number_L | overlay >> shift, number_L)
    if is_signed and precision is not None:  # a codestream ends with the sign, containers repeat it above
        number_L = _wrapped(number_L, precision - shift) % (1 << allocated)
    is_kept_L = ~_padding(dataset, number_L, allocated, bits, is_signed)
    if count_L[is_kept_L].sum() < _LEAST_KEPT * codes_HW.size:
        is_kept_L = np.ones(len(code_L), bool)
        notes.append("PixelPaddingValue would leave the picture blank: not applied")
    used = number_L[occurs_L & is_kept_L]
    excess = _excess(used, bits, allocated, is_signed)
    if excess and not is_signed and excess.bit_count() == 1 and _is_graphic(codes_HW, excess << shift):
        number_L = number_L & ~excess
        notes.append("a bit above HighBit holds graphics that no overlay declares: taken out")
    elif excess:
        bits = (precision or allocated) if is_signed else int(used.max()).bit_length()
        notes.append(f"BitsStored is too small for the values: {bits} bits are read")
    raw_L = number_L & ((1 << bits) - 1)
    value_L = (_wrapped(raw_L, bits) if is_signed else raw_L).astype(np.float64)
    return Interpreted(codes_HW, value_L, is_kept_L, bits, is_signed)


def _shift(dataset: Dataset, used: NDArray[np.int64], bits: int, allocated: int, notes: list[str]) -> int:
    """Bits below the stored ones: where HighBit says so and the codes leave them free."""
    high = integer(dataset, "HighBit")
    shift = high + 1 - bits if high is not None and bits <= high < allocated else 0
    free = used & ~_overlay_bits(dataset, allocated)
    if shift and ((free & ((1 << shift) - 1)).any() or not (free >> bits).any()):
        notes.append("HighBit is above BitsStored - 1, the values are not: HighBit is left out of account")
        return 0
    return shift


def _interpret_32(dataset: Dataset, container_HW: NDArray[np.unsignedinteger], is_signed: bool) -> Interpreted:
    """The same of 32 bits, in 65,536 steps where they use more."""
    codes_HW, raw_L = to_codes(container_HW.view(np.int32) if is_signed else container_HW)
    pad = _padding_range(dataset, 32, 32, is_signed)
    is_kept_L = np.ones(len(raw_L), bool) if pad is None else (raw_L < pad[0]) | (raw_L > pad[1])
    return Interpreted(codes_HW, raw_L, is_kept_L, 32, is_signed)


def _padding(dataset: Dataset, number_L: NDArray[np.int64], allocated: int, bits: int, is_signed: bool) -> Mask:
    ends = _padding_range(dataset, allocated, bits, is_signed)
    if ends is None:
        return np.zeros(len(number_L), bool)
    if not is_signed:
        return (number_L >= ends[0]) & (number_L <= ends[1])
    whole_L = _wrapped(number_L, allocated)
    # a codestream need not extend the sign beyond the bits stored
    short_L = np.where(number_L < 1 << bits, _wrapped(number_L & ((1 << bits) - 1), bits), whole_L)
    return (short_L >= ends[0]) & (short_L <= ends[1])


def _padding_range(dataset: Dataset, allocated: int, bits: int, is_signed: bool) -> tuple[int, int] | None:
    """Least and greatest number of padding, whichever sign it is written with; None where there is none."""
    value, limit = integer(dataset, "PixelPaddingValue"), integer(dataset, "PixelPaddingRangeLimit")
    if value is None:
        return None
    ends = []
    for end in (value, value if limit is None else limit):
        number = end % (1 << allocated)
        if is_signed:
            number = int(_wrapped(np.array([number]), allocated)[0])
            if number >= 1 << (bits - 1):
                number = int(_wrapped(np.array([number % (1 << bits)]), bits)[0])
        ends.append(number)
    return min(ends), max(ends)


def _wrapped(number: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """Numbers below 2**bits as two's complement."""
    return np.where(number >> (bits - 1), number - (1 << bits), number)


def _overlay_bits(dataset: Dataset, allocated: int) -> int:
    """Bits of the containers that overlays without data of their own declare (retired, PS3.3 of 2004, C.9.2)."""
    bits = 0
    order: Literal["big", "little"] = "big" if dataset.original_encoding[1] is False else "little"
    for group in _OVERLAYS:
        tag = (group << 16) | 0x0102
        if tag in dataset and ((group << 16) | 0x3000) not in dataset:
            raw = dataset.get_item(tag).value  # type: ignore[union-attr]
            place = int.from_bytes(raw[:2], order) if isinstance(raw, bytes) else int(raw or 0)
            bits |= 1 << place if 0 < place < allocated else 0
    return bits


def _extends_a_sign(used: NDArray[np.int64], bits: int, allocated: int) -> bool:
    """Whether all numbers that need bits beyond the stored ones, two or more, have them set as negative ones do."""
    sign = (1 << allocated) - (1 << (bits - 1))
    wide = used[used >> bits != 0]
    return allocated - bits >= 2 and 0 < len(wide) < len(used) and bool(((wide & sign) == sign).all())


def _excess(used: NDArray[np.int64], bits: int, allocated: int, is_signed: bool) -> int:
    """Bits beyond the stored ones that do more than extend a sign."""
    if is_signed:
        sign = (1 << allocated) - (1 << (bits - 1))
        used = used[((used & sign) != 0) & ((used & sign) != sign) & ((used >> bits) != 0)]
    return int(np.bitwise_or.reduce(used, initial=0)) >> bits << bits


def _is_graphic(codes_HW: Codes, bit: int) -> bool:
    """Whether a bit is drawn over the picture: at its edges the other bits go on as if it were not there."""
    code_HW = codes_HW.astype(np.int32)
    edge_HW = np.diff(code_HW & bit, axis=1) != 0
    with_bit, without = (np.abs(np.diff(each, axis=1))[edge_HW] for each in (code_HW, code_HW & ~bit))
    return len(without) > 0 and float(np.median(without)) < float(np.median(with_bit))
