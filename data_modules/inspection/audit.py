"""What ``gkmvlp data audit`` finds: what is on two sides of splits and data sets, and patients of a pre-training.

Patient ids are compared as they are, unless two data sets number different patients (``patient_space``), or one holds
phantoms; images by their thumbnails, captions by their words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from gkmvlp.checkpoints.backbone import seen_patients
from gkmvlp.data_modules.base import DataModule
from gkmvlp.data_modules.inspection.check import AUTO_IMAGES
from gkmvlp.data_modules.inspection.overlaps import KINDS, Overlap, Side, overlaps_of, sides_of
from gkmvlp.data_modules.inspection.thumbnails import Thumbnails
from gkmvlp.data_modules.pipeline.ledger import require_same
from gkmvlp.data_modules.pipeline.splits import SPLITS
from gkmvlp.errors import BackboneError, DataError

_EXAMPLES = 5


def audit(
    sources: Sequence[DataModule],
    pretraining: Mapping[str, Any] | None = None,
    backbone: str | None = None,
    images: Literal["few", "all", "none"] = "few",
    workers: int = 2,
) -> dict[str, Any]:
    """Overlaps between all splits of all data sets, and with the patients of a pre-training.

    Args:
        sources: Checked DataModules.
        pretraining: The backbone's ``info``, or None where there is none.
        backbone: What it is called.
        images: Whether they are compared: where there are few (``AUTO_IMAGES``), in any case, or not at all.
        workers: Threads that decode.

    Returns:
        ``sources`` (data, split, rows and patients by split, and ``in_pretraining``: the patients that the backbone has
        seen), ``overlaps``, ``unreadable`` (id -> reason), ``images_compared`` and ``backbone``.

    Raises:
        BackboneError: If the backbone does not say which patients it has seen.
    """
    count = sum(len({sample.image for sample in data.samples}) for data in sources)
    compares = images == "all" or (images == "few" and count <= AUTO_IMAGES)
    unreadable: dict[str, str] = {}
    sides = [side for data in sources for side in _sides(data, workers if compares else None, unreadable)]
    if pretraining is not None and "patients" not in pretraining:
        raise BackboneError(
            f"{backbone} does not say which patients it was trained on (no patients in its config.json): "
            "an audit needs a backbone that gkmvlp fit left"
        )
    return {
        "sources": [_describe(data, pretraining) for data in sources],
        "overlaps": [asdict(overlap) for overlap in overlaps_of(sides)],
        "unreadable": unreadable,
        "images_compared": compares,
        "backbone": backbone,
    }


def require_clean(result: Mapping[str, Any]) -> None:
    """Refuses test patients that the backbone was trained on.

    Args:
        result: ``audit``'s answer.

    Raises:
        DataError: If there is one: the data set is named.
    """
    for source in result["sources"]:
        if patients := (source["in_pretraining"] or {}).get("test"):
            raise DataError(
                f"{len(patients):,} of {source['patients']['test']:,} test patients of {source['data']} "
                f"{source['split_name']} are in the pre-training of {result['backbone']} (e.g. "
                f"{', '.join(patients[:_EXAMPLES])}): pre-train without them, or test on other patients"
            )


def keep_manifest(data: DataModule, folder: Path) -> Path:
    """Writes the manifest of a data set, or compares it with the one that is there.

    Raises:
        DataError: If the manifest that is there is of other rows, or none.
    """
    path = folder / f"{data.name}-{data.split_label}.json"
    if not path.is_file():
        data.write_manifest(path)
        return path
    require_same(path, data.manifest(), "write to another --out")
    return path


def lines(result: Mapping[str, Any]) -> list[str]:
    """``audit``'s answer for people."""
    text = []
    for source in result["sources"]:
        counts = (f"{split} {source['patients'][split]:,} ({source['rows'][split]:,} rows)" for split in SPLITS)
        text.append(f"{source['data']} {source['split_name']}: patients {', '.join(counts)}")
        known = source["in_pretraining"] or {}
        text += [
            f"  {len(ids):,} {split} patients are in the pre-training of {result['backbone']}"
            for split, ids in known.items()
        ]
    overlaps = [Overlap(**overlap) for overlap in result["overlaps"]]
    for kind in KINDS:
        found = [overlap.line() for overlap in overlaps if overlap.kind == kind]
        if kind == "images" and not result["images_compared"]:
            found = [f"images not compared (more than {AUTO_IMAGES:,}): --images compares them all"]
        elif kind != "texts":  # only captions are compared, and few data sets have any
            found = found or [f"no {kind} on two sides"]
        text += found
    return text + [f"unreadable: {sample}: {reason}" for sample, reason in result["unreadable"].items()]


def _describe(data: DataModule, pretraining: Mapping[str, Any] | None) -> dict[str, Any]:
    manifest = data.manifest()
    summary = {key: manifest[key] for key in ("data", "hash", "rows", "patients", "dropped")}
    patients = {split: sorted({row.patient_id for row in data.rows(split)}) for split in SPLITS}
    known = None
    if pretraining is not None:
        known = {split: sorted(seen_patients(pretraining, data.name, ids)) for split, ids in patients.items()}
    return summary | {"split_name": data.split_name, "in_pretraining": known}


def _sides(data: DataModule, workers: int | None, unreadable: dict[str, str]) -> list[Side]:
    """The splits of a data set that have rows; images are read where there are ``workers``."""
    first = dict(reversed(list(data.image_ids())))
    thumbnails = Thumbnails(list(first) if workers else [], workers or 1, data.accept)
    unreadable |= {first[image]: str(error) for image, error in thumbnails.bad.items()}
    return sides_of(data, thumbnails.all())
