"""Config keys and options of earlier releases and what they are called now, for error lines (docs/migration.md)."""

from collections.abc import Collection

from gkmvlp.checkpoints.renamed_keys import ARCHITECTURE, BOXES, DECODING, INFO, LABELS

_STORED = {  # those that files of models hold too
    old.rpartition(".")[2]: new for table in (ARCHITECTURE, BOXES, DECODING, INFO, LABELS) for old, new in table.items()
}
RENAMED = _STORED | {
    "optimization": "optimizer",
    "rate": "lr",
    "warmup": "warmup_steps",
    "floor": "min_lr_ratio",
    "head_factor": "head_lr_mult",
    "scratch_rate": "scratch_lr",
    "every": "every_n_steps",
    "start": "start_step",
    "present_weight": "pos_weight",
    "temperature": "init_temperature",
    "freeze_image": "freeze_image_branch",
    "freeze": "freeze_image_branch",
    "probe": "linear_probe",
    "keep_memory": "cache_image_memory",
    "blind": "question_only",
    "head": "answer_mode",
    "candidates": "num_candidates",
    "prompts": "label_to_entity",
    "rerank": "rerank_top_k",
    "contrast": "itc_weight",
    "augment": "augmentation_strength",
    "on_bad": "on_unreadable",
    "boxes": "region_boxes",
    "region_file": "detected_regions_file",
    "name": "dataset_name",
    "folds": "num_folds",
    "jpg": "jpg_root",
    "patients": "patient_id_source",
}
OPTIONS = {
    "--data": "--root",
    "--options": "--set KEY=VALUE",
    "--pretrain": "--set pretrain:KEY=VALUE",
    "--downstream": "--set finetune:KEY=VALUE",
    "--finetune": "--set finetune:KEY=VALUE",
    "--vqa": "--set vqa:KEY=VALUE",
    "--rates": "--lrs",
    "--shares": "--train-fractions",
    "--size": "--image-size",
    "--workers": "--num-workers",
}


def is_former(option: str, known: Collection[str]) -> bool:
    """Whether an option has another name today.

    Args:
        option: As it was given, such as ``--data``.
        known: Options of the command.
    """
    return option not in known and OPTIONS.get(option, "").partition(" ")[0] in known
