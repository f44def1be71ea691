"""Trains, measures and writes the gate of the package: weights, thresholds, card, figures."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import torch

from gkmvlp.app.experiments.gate.card import card
from gkmvlp.app.experiments.gate.corpus import Folders, Pictures, read_corpus
from gkmvlp.app.experiments.gate.figures import gate_figures
from gkmvlp.app.experiments.gate.training import choose_thresholds, train_gate
from gkmvlp.app.running.outcome import write_results
from gkmvlp.checkpoints.weights import cpu_state_dict, write_tensors
from gkmvlp.metrics.results.metric_result import write_text
from gkmvlp.metrics.results.provenance import ProcessTreePeak, created
from gkmvlp.models.gate import KINDS, GateNet
from gkmvlp.zoo.inference.gate import CARD, FOLDER, FORMAT, INFO, WEIGHTS, Gate
from gkmvlp.zoo.store.model_files import compact, rounded

NEVER_TRAINED_ON = ("openi", "openi-laterals", "photographs")  # CC BY-NC-ND, and others' pictures


def make_gate(arguments: argparse.Namespace) -> None:
    """Does it by the options of the command; weights that are there are measured alone with ``--only-measure``."""
    threads = torch.get_num_threads()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    names = Folders._fields
    folders = Folders(**{name: getattr(arguments, name) for name in names})
    models: Path = arguments.models or FOLDER
    with ProcessTreePeak() as cost:
        sources = read_corpus(folders, arguments.out / "pictures", arguments.phantoms)
        if not arguments.only_measure:
            _train(sources, arguments, models)
        gate = Gate(models)
        figures = gate_figures(gate, [source.of("test") for source in sources])
    torch.set_num_threads(threads)
    write_results(arguments.out, figures, cost, arguments.record and arguments.record / "gate.json")
    info = json.loads((models / INFO).read_text(encoding="utf-8"))
    write_text(models / CARD, card(info, figures, models))
    print(f"{models}: {(models / WEIGHTS).stat().st_size / 1e3:,.0f} kB")


def _train(sources: Sequence[Pictures], arguments: argparse.Namespace, models: Path) -> None:
    """Trains, and writes weights and thresholds."""
    used = [source for source in sources if source.name not in NEVER_TRAINED_ON]
    net = train_gate([source.of("train") for source in used], arguments.steps, arguments.seed)
    state = rounded(cpu_state_dict(net))
    net.load_state_dict(state)
    thresholds = choose_thresholds(net, [source.of("validate") for source in used], arguments.most)
    models.mkdir(parents=True, exist_ok=True)
    write_tensors(compact(state, {}), models / WEIGHTS)
    counts = {source.name: {split: len(source.of(split).patients) for split in ("train", "validate", "test")}
              for source in used}  # fmt: skip
    info = {
        "format": FORMAT, "kinds": KINDS, "thresholds": thresholds, "most_refused": arguments.most,
        "steps": arguments.steps, "seed": arguments.seed, "created": created(), "pictures": counts,
        "parameters": sum(p.numel() for p in GateNet().parameters()),
    }  # fmt: skip
    write_text(models / INFO, json.dumps(info, indent=1) + "\n")
