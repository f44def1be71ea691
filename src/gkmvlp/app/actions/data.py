"""The actions of ``gkmvlp data``: each does its work and prints what came of it.

Models are imported where one is read: checking a data set needs none.
"""

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from gkmvlp.app.running.configs import by_name, zoo_configs
from gkmvlp.data_modules import MimicCxr
from gkmvlp.data_modules.formats.scene_graphs import SceneGraphs
from gkmvlp.data_modules.inspection import audit, check, explain
from gkmvlp.data_modules.inspection.atlas import mean_atlas
from gkmvlp.data_modules.inspection.knowledge_table import write_knowledge
from gkmvlp.data_modules.pipeline.cache_store import CacheStore
from gkmvlp.data_modules.pipeline.ledger import write_json
from gkmvlp.data_modules.pipeline.shard_writer import write_shards
from gkmvlp.data_modules.pipeline.transforms import Pixels
from gkmvlp.errors import DataError, UsageError, nearest
from gkmvlp.hardware import usable_cores


def _check(arguments: argparse.Namespace) -> None:
    """Says what a data set holds, lacks and drops."""
    data = check.build(*_source(arguments.source), arguments.root, **arguments.init_args)
    from gkmvlp.zoo.inference.gate import packaged_gate

    def judge(image_HW: Pixels) -> str:
        return packaged_gate().judge(image_HW, data.accept).kind

    description = check.describe(data, arguments.images, judge)
    print(json.dumps(description, indent=1) if arguments.json else "\n".join(check.lines(data, description)))
    check.require_splits(data)


def _audit(arguments: argparse.Namespace) -> None:
    """Compares data sets, writes manifests, and stops where a patient lies on two sides."""
    from gkmvlp.zoo.inference.loading import open_predictor

    sources = [check.build(*_source(source), arguments.root, **arguments.init_args) for source in arguments.sources]
    for data in sources:
        data.check()
    info = open_predictor(arguments.backbone, "cpu").backbone.info if arguments.backbone else None
    result = audit.audit(sources, info, arguments.backbone, "all" if arguments.images else "few")
    result["manifests"] = [str(audit.keep_manifest(data, arguments.out)) for data in sources]
    write_json(arguments.out / "audit.json", result)
    print(json.dumps(result, indent=1) if arguments.json else "\n".join(audit.lines(result)))
    audit.require_clean(result)


def _explain(arguments: argparse.Namespace) -> None:
    """Says what was read out of a study's report."""
    if arguments.study in {*check.class_names(), *zoo_configs()}:  # as check and audit take it
        raise UsageError(f"{arguments.study} is no study: name the data set by --data {arguments.study}, a study alone")
    data = check.build(*_source(arguments.data), arguments.root, **arguments.init_args)
    images, rows = explain.explain(data, arguments.study)
    if arguments.picture is not None:
        explain.draw(images, rows, arguments.picture)
    print(json.dumps(rows, indent=1) if arguments.json else "\n".join(explain.lines(images, rows)))


def _atlas(arguments: argparse.Namespace) -> None:
    """Writes the mean boxes of the training patients."""
    data = MimicCxr(arguments.root)
    data.check()
    boxed = data.upright([sample for sample in data.rows("train") if sample.box_R4 is not None])
    if not boxed:
        raise DataError(f"no training image of {arguments.root} has region boxes: get Chest ImaGenome")
    write_json(arguments.out, mean_atlas(boxed, dict(data.regions.atlas)))
    patients = len({sample.patient_id for sample in boxed})
    print(f"{arguments.out}: mean boxes of {patients:,} training patients; use it with --data.init_args.atlas_file")


def _regions(arguments: argparse.Namespace) -> None:
    """Writes the regions that a detector finds in every image."""
    import numpy as np
    from torch.utils.data import DataLoader

    from gkmvlp.checkpoints import backbone as backbones
    from gkmvlp.checkpoints import heads
    from gkmvlp.checkpoints.references import folder_of
    from gkmvlp.data_modules.pipeline.dataset import SampleDataset
    from gkmvlp.data_modules.pipeline.detected_regions import write_regions
    from gkmvlp.tasks.parts.region_search import find_regions

    backbone = backbones.load(arguments.model)
    head = heads.FORMATS["region_detection"].load(folder_of(arguments.model), backbone)
    expected = backbone.model.architecture
    options = {name: getattr(expected, name) for name in ("image_size", "resize_mode", "intensity")}
    data = check.build(
        *_source(arguments.source),
        arguments.root,
        **arguments.init_args
        | options
        | {"region_boxes": "atlas", "detected_regions_file": None, "on_unreadable": "drop"},
    )
    data.check()
    known = {sample.image_key for sample in data.samples}
    data.setup()
    images = {sample.image_key: sample for sample in data.samples}
    loader = DataLoader(SampleDataset(list(images.values()), data.read, data.regions), 32)
    # an unreadable image has no region: a run that drops it asks for its row all the same
    unread = sorted(known - set(images))
    box_NR4, score_NR = (
        np.concatenate([part, np.zeros((len(unread), *part.shape[1:]), part.dtype)])
        for part in find_regions(backbone, head, loader)
    )
    meta = {"data": data.name, "model": str(arguments.model), "trained_on": backbones.lineage(backbone.info, "")}
    write_regions(arguments.out, [*images, *unread], box_NR4, score_NR, meta)
    print(*data.summary_lines(), sep="\n")
    print(
        f"{arguments.out}: {len(images):,} images; "
        "use it with --data.init_args.region_boxes=detected and .detected_regions_file"
    )


def _cache(arguments: argparse.Namespace) -> None:
    """Decodes all images, or one part of them, and labels all reports once."""
    place, store = arguments.cache_dir, CacheStore.of(arguments.cache_dir)
    overrides = {"cache_dir": arguments.cache_dir, "on_unreadable": "drop"}
    data = check.build(*_source(arguments.source), arguments.root, **arguments.init_args | overrides)
    data.check()
    sources = data.cache_sources()
    plan = data.cache_plan(sources, arguments.encoding, arguments.images_per_shard)
    workers = arguments.workers or len(usable_cores())
    remaining = write_shards(place, plan, sources, workers, arguments.shard)
    if remaining:
        print(f"{place}: {remaining:,} of {plan.shards:,} shards are left to other parts")
        return
    data.setup()
    print(*data.summary_lines(), sep="\n")
    if "study_id" in data.samples[0].fields:
        path = data.files().scene_graphs if isinstance(data, MimicCxr) else None
        table = (Path(place) if store is None else store.folder) / "knowledge.parquet"
        count = write_knowledge(table, data.upright(data.samples), SceneGraphs(path) if path is not None else None)
        print(f"{place}/{table.name}: {count:,} rows")
    if store is not None:  # what the reports say, for all who read there
        store.put(*(file.name for file in store.folder.iterdir() if file.suffix == ".parquet"))
    print(f"{place}: use it with --data.init_args.cache_dir")


def _source(reference: str) -> tuple[str, Path | None]:
    """Class name, and the config file where a config was named."""
    is_config = reference in zoo_configs() or "://" in reference or reference.endswith((".yaml", ".yml"))
    if not is_config and reference not in check.class_names() and Path(reference).exists():
        raise UsageError(f"{reference} is where data lie: {_kind(Path(reference))} --root {reference} was expected")
    is_name = not is_config and "." not in reference and reference not in check.class_names()
    if is_name and (near := nearest(reference, zoo_configs(), 0.8)):
        raise UsageError(f"no DataModule or config {reference!r}; did you mean {near}?")
    return reference, by_name(reference) if is_config else None


def _kind(place: Path) -> str:
    """The class whose data lie in a place, of a folder one that takes folders; CLASS where none is recognised."""
    kinds = {name: check.find_class(name) for name in check.class_names()}
    fitting = (name for name, kind in kinds.items() if place.is_file() or kind.location_key == "root")
    return next((name for name in fitting if kinds[name].recognises(place)), "CLASS")


ACTIONS: Mapping[str, Callable[[argparse.Namespace], None]] = {
    "check": _check,
    "audit": _audit,
    "explain": _explain,
    "atlas": _atlas,
    "regions": _regions,
    "cache": _cache,
}
