"""Who read, and the UIDs of what it leaves."""

import uuid
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import gkmvlp
from gkmvlp.local_paths import without_absolute
from gkmvlp.zoo.inference.loading import model_folder

MANUFACTURER = "gkmvlp contributors"
PRODUCT = "gkmvlp"
_SHORT = 64  # characters of a DICOM long string


@dataclass(frozen=True)
class ModelIdentity:
    """The model that read.

    Attributes:
        name: Its reference; of a folder the last two parts of its path.
        version: Release of the package, and the digest of weights and calibration.
    """

    name: str
    version: str

    @classmethod
    def of(cls, reference: str | Path) -> "ModelIdentity":
        """The identity of the model behind a reference that can be opened.

        Args:
            reference: As of ``open_predictor``.
        """
        folder = model_folder(reference)
        digest = sha256()
        for file in sorted([*folder.glob("*.safetensors"), *folder.glob("*.json")]):
            digest.update(file.name.encode() + file.read_bytes())
        is_local = Path(reference).exists()
        name = "/".join(Path(reference).resolve().parts[-2:]) if is_local else without_absolute(str(reference))
        return cls(name[-_SHORT:], f"{PRODUCT} {gkmvlp.__version__}, weights {digest.hexdigest()[:12]}")

    @property
    def uid(self) -> str:
        """UID of the model as a device that observes."""
        return uid_of("device", self.name, self.version)


def uid_of(*parts: str) -> str:
    """The UID of what the parts name: the same parts give the same UID, as a UUID of version 5 under 2.25."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, '|'.join(('gkmvlp', *parts))).int}"


def instance_of(
    what: str, series: str, image: str, model: ModelIdentity, fingerprint: str, number: int = 1
) -> dict[str, Any]:
    """What highdicom asks of every object: who made it, its UID and that of its series.

    Args:
        what: Kind of object.
        series: Kind of series that it lies in.
        image: UID of the image.
        model: Who read.
        fingerprint: Of the reading.
        number: Its place in the series.
    """
    return {
        "series_instance_uid": uid_of("series", series, image, model.name, model.version),
        "sop_instance_uid": uid_of(what, image, model.name, model.version, fingerprint),
        "instance_number": number,
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": PRODUCT,
        "software_versions": model.version,
    }


def tracking_uid(image: str, model: ModelIdentity, finding: str, number: int) -> str:
    """What ties the group of a finding in the report to its heat map.

    Args:
        image: UID of the image.
        model: Who read.
        finding: Name of the finding.
        number: Its place among all findings of the image.
    """
    return uid_of("finding", image, model.name, model.version, finding, str(number))
