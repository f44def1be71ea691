"""Which codec decodes a transfer syntax, and its samples: pydicom's plugins, and GDCM for JPEG of twelve bits.

H x W pixels.
"""

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGExtended12Bit,
)

from gkmvlp.data_modules.pipeline.dicom_codestream import Codestream
from gkmvlp.errors import DataError

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
_NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)


def decompress(
    value: bytes, frame: bytes, stream: Codestream, rows: int, columns: int, allocated: int
) -> NDArray[np.unsignedinteger]:
    """Samples (H, W) of encapsulated pixel data.

    Args:
        value: The pixel data.
        frame: The one frame in them.
        stream: What it says of itself.
        rows: H.
        columns: W.
        allocated: Bits of a container.

    Raises:
        DataError: If no codec is installed, they cannot be decoded, or hold several frames.
    """
    plugin = _codec(stream.syntax, stream.bits)
    try:
        if stream.bits is None and "JPEG" in stream.syntax.name:
            raise ValueError("no codestream")
        if _is_twelve_bits(stream.syntax, stream.bits):
            return twelve_bits(frame, stream.syntax, rows, columns)
        code = pixel_array(_described(value, stream, rows, columns, allocated), raw=True, decoding_plugin=plugin)
    except Exception as error:  # codecs raise whatever they like on broken input
        raise DataError(f"PixelData in {_named_syntax(stream.syntax)} cannot be decoded: fetch it again") from error
    if code.ndim != 2:
        raise DataError(f"PixelData hold {len(code)} frames, not one; export the one that is meant")
    mask = (1 << (stream.bits or allocated)) - 1
    return code.view(f"u{code.itemsize}") & np.array(mask, f"u{code.itemsize}")


def _described(value: bytes, stream: Codestream, rows: int, columns: int, allocated: int) -> Dataset:
    """A DICOM of the pixel data alone, whose attributes are those of the codestream."""
    described = Dataset()
    described.file_meta = FileMetaDataset()
    described.file_meta.TransferSyntaxUID = stream.syntax
    described.Rows, described.Columns, described.SamplesPerPixel = rows, columns, 1
    described.PhotometricInterpretation, described.PixelRepresentation = "MONOCHROME2", int(stream.is_signed)
    described.BitsAllocated, described.BitsStored = allocated, stream.bits or allocated
    described.HighBit = described.BitsStored - 1
    described.PixelData = value
    described["PixelData"].VR, described["PixelData"].is_undefined_length = "OB", True
    return described


def decoder_of(syntax: UID) -> Decoder | None:
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
    decoder = decoder_of(syntax)
    plugins = decoder.available_plugins if decoder is not None else ("",)
    if not plugins or (_is_twelve_bits(syntax, bits) and "gdcm" not in plugins):
        package = next(package for part, package in _PACKAGES if part in syntax.name)
        raise DataError(
            f"TransferSyntaxUID: {_named_syntax(syntax)} needs a codec that is missing: pip install {package}"
        )
    return min(plugins, key=_PLUGINS.index)


def _is_twelve_bits(syntax: UID, bits: int | None) -> bool:
    return syntax == JPEGExtended12Bit and bits is not None and bits > 8


def _named_syntax(syntax: UID) -> str:
    return str(syntax) if syntax.name == syntax else f"{syntax.name} ({syntax})"


def twelve_bits(frame: bytes, syntax: UID, rows: int, columns: int) -> NDArray[np.uint16]:
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
