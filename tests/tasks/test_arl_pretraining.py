"""Pre-training of ARL: each objective, every choice, the leak guard, what is left behind, and the real command."""

from dataclasses import asdict

import numpy as np
import pytest
import torch

from gkmvlp import load
from gkmvlp.anatomy import REGIONS
from gkmvlp.app.cli import main
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.entities import ENTITY_INDEX
from gkmvlp.errors import BackboneError, ConfigError
from gkmvlp.losses.masked_language import masking_units
from gkmvlp.metrics.results.evaluate import figures_of
from gkmvlp.metrics.results.predictions import read_predictions
from gkmvlp.models.arl import Arl
from gkmvlp.tasks import ArlPretraining, GkMvlpPretraining, Grounding, VisualQuestionAnswering
from gkmvlp.tasks.base import text_keys
from gkmvlp.tasks.parts.objectives import ArlObjectives
from tests.tiny import architecture, arl_architecture, leaves, set_key, training_loss, words

pytestmark = pytest.mark.filterwarnings("ignore:You are trying to `self.log")
ALL = {"mlm", "mim", "itm", "align"}


@pytest.fixture
def make(studies):
    """Makes tasks from one seed; dotted keys of objectives are set."""

    def task(**changes):
        torch.manual_seed(0)
        objectives = ArlObjectives()
        for key, value in changes.items():
            set_key(objectives, key, value)
        built = ArlPretraining(arl_architecture(), objectives)
        built.prepare(studies)
        return built

    return task


@pytest.fixture(scope="module")
def batch(studies):
    torch.manual_seed(0)  # of the order of rows
    return next(iter(studies.train_dataloader()))


CHOICES = [
    *[(f"{name}.weight", value) for name in sorted(ALL) for value in (0.5, 0.0)],
    ("mask_share", 0.5),
    ("patch_share", 0.5),
    ("masked_patches", "knowledge"),
    ("positive_share", 0.9),
    ("image_entities", "present"),
]


@pytest.mark.parametrize(("key", "value"), CHOICES)
def test_a_choice_changes_the_loss(make, batch, key, value):
    usual = training_loss(make(), batch)
    assert usual.isfinite()
    assert torch.equal(usual, training_loss(make(), batch))
    assert (usual - training_loss(make(**{key: value}), batch)).abs() > 1e-4


def test_the_list_of_choices_is_complete():
    elsewhere = {f"{name}.{key}" for name in ALL for key in ("every_n_steps", "start_step")}
    assert {key for key, _ in CHOICES} | elsewhere == set(leaves(asdict(ArlObjectives())))
    assert set(ArlObjectives().names) == ALL


@pytest.mark.parametrize("name", sorted(ALL))
def test_one_objective_alone(make, batch, name):
    others = {f"{other}.weight": 0.0 for other in ALL - {name}}
    task = make(**others, **{f"{name}.weight": 2.0})
    assert task.enabled() == {name}
    torch.manual_seed(1)
    (single,) = task.losses(batch, {name}).values()
    assert torch.allclose(training_loss(task, batch), 2 * single)


def test_every_parameter_gets_a_gradient(make, batch):
    task = make()
    with torch.no_grad():
        for parameter in task.parameters():  # some norms start at 0 and close the way to what lies before them
            if not parameter.any():
                parameter.normal_(std=0.1)
    text = ["Nothing is said.", *batch["text"][1:]]  # one that names no entity
    training_loss(task, {**batch, "text": text}).backward()
    # rounding leaves 1e-12 of a gradient that is 0, as processors go; the smallest of the others is above 1e-7
    without = {name for name, p in task.named_parameters() if p.grad is None or p.grad.abs().max() < 1e-9}
    # Of the last layer's entities the tokens that name them alone could tell, and no objective asks those: MLM asks
    # for words of hidden entities. The null entity, which has nothing to choose from, returns to the first token.
    last = {f"model.layers.1.entity_self.{part}" for part in ("query.weight", "query.bias", "key.weight")}
    assert {name for name in without if not name.endswith("key.bias")} == last


def test_an_entity_whose_words_are_predicted_is_hidden_from_the_entity_stream(make, batch, monkeypatch):
    task = make(mask_share=0.4)
    seen = []
    begin = task.model.begin
    monkeypatch.setattr(task.model, "begin", lambda text, entity_NC=None: seen.append(text) or begin(text, entity_NC))
    text = task.read_texts(batch["text"])
    assert text.entity_mask.any()
    hidden = shown = 0
    for seed in range(5):
        torch.manual_seed(seed)
        task.masked_language(text, task.model.encode_entities(), task.encode_images(batch).memory)
        given, _ = seen[0], seen.clear()
        changed_BT = given.ids != text.ids
        assert not (given.span & changed_BT[:, None]).any()
        assert not (given.span & ~text.span).any()
        for span_BT, kept_B, was_B in zip(text.span.unbind(1), given.entity_mask.T, text.entity_mask.T, strict=True):
            whole_B = (changed_BT & span_BT).any(1)
            assert not (whole_B & kept_B).any()
            hidden, shown = hidden + int((was_B & ~kept_B).sum()), shown + int(kept_B.sum())
    assert hidden > 0
    assert shown > 0


def test_special_tokens_and_padding_are_never_predicted(make, batch, monkeypatch):
    task, asked = make(mask_share=1.0), []
    monkeypatch.setattr(
        "gkmvlp.tasks.arl_pretraining.masked_language_loss", lambda logits, token: asked.append(token) or logits.sum()
    )
    task.losses(batch, {"mlm"})
    text = task.read_texts(batch["text"])
    assert len(asked[0]) == int(text.mask.sum()) - 2 * len(text.ids)
    special = {task.tokenizer.cls_token_id, task.tokenizer.sep_token_id, task.tokenizer.pad_token_id}
    assert not special & set(asked[0].tolist())
    assert (masking_units(text.span) != torch.arange(text.ids.shape[1])).any()  # some entities have several tokens


def test_no_negative_has_the_text_or_the_labels_of_the_pair(make, batch, monkeypatch):
    task, drawn = make(), {}

    def match(states, memory, image_B):
        drawn["image"] = image_B
        return torch.zeros(len(image_B), 2)

    monkeypatch.setattr(task.model, "itm_logits", match)
    text = [*batch["text"][:2], batch["text"][0].upper(), *batch["text"][3:]]
    for seed in range(5):
        torch.manual_seed(seed)
        task.losses({**batch, "text": text}, {"itm"})
        key_B, status_BE = text_keys(text, torch.device("cpu")), batch["status"][:, task.columns]
        for b, other in enumerate(drawn["image"].tolist()):
            assert other == b or (key_B[b] != key_B[other] and not torch.equal(status_BE[b], status_BE[other]))


def test_masked_patches_are_random_or_those_of_regions_that_matter(make, batch):
    task = make(masked_patches="knowledge")
    findings, rows = len(task.names), len(batch["image"])
    where = {name: place for place, name in enumerate(REGIONS)}
    grid = task.model.vision.grid
    box = torch.zeros(rows, len(REGIONS), 4)
    box[:, where["left lower lung zone"]] = torch.tensor(
        [0.5, 0.5, 1, 1]
    )  # a quarter of the image, which is whole patches
    box[:, where["mediastinum"]] = torch.tensor([0.0, 0.0, 0.5, 0.5])
    status = torch.zeros_like(batch["status"])
    status[0, ENTITY_INDEX["atelectasis"]] = 1  # shows in lung zones
    named = torch.zeros(rows, findings + len(REGIONS), dtype=torch.bool)
    named[1, findings + where["mediastinum"]] = True
    given = {
        **batch,
        "region_box": box,
        "region_mask": torch.ones(rows, len(REGIONS), dtype=torch.bool),
        "status": status,
    }
    weight = task.patch_weight(given, named).unflatten(1, grid)
    lower, upper = grid[0] // 2, grid[1] // 2
    expected = torch.ones(rows, *grid)
    expected[0, lower:, upper:] = 4
    expected[1, :lower, :upper] = 4
    assert torch.equal(weight, expected)
    hidden = {**given, "region_mask": torch.zeros(rows, len(REGIONS), dtype=torch.bool)}
    for even in (task.patch_weight(hidden, named), make().patch_weight(given, named)):
        assert torch.equal(even, torch.ones(rows, grid[0] * grid[1]))


def test_images_are_aligned_with_what_is_named_or_with_what_is_present(make, batch, monkeypatch):
    targets = []
    monkeypatch.setattr(
        "gkmvlp.tasks.arl_pretraining.entity_alignment_loss", lambda logit, at, _: targets.append(at) or logit.sum()
    )
    for choice in ("named", "present"):
        task = make(image_entities=choice)
        task.losses(batch, {"align"})
    named, present = targets[:3], targets[3:]  # the image as a whole, its patches, the text
    for target in (*named, present[2]):
        assert torch.equal(target, named[0])
    count = len(task.names)
    for target in present[:2]:
        assert torch.equal(target[:, :count], batch["status"][:, task.columns] == 1)
        assert torch.equal(target[:, count:], named[0][:, count:])


def test_validation_is_deterministic_and_leaves_the_generator_alone(make, batch, monkeypatch):
    task = make().eval()
    values = []
    monkeypatch.setattr(task, "log_dict", lambda logged, **_: values.append(logged))
    for seed in (1, 2):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        with torch.no_grad():
            task.validation_step(batch, 3)
        assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(values[0][key], values[1][key]) for key in values[0])


@pytest.fixture(scope="module")
def run(phantoms, tmp_path_factory):
    """The folder of a fit of two steps by the real command."""
    out = tmp_path_factory.mktemp("arl") / "run"
    assert main(["fit", *words("pretrain-arl-phantom", phantoms, out, "--trainer.limit_train_batches=2")]) == 0
    return out


def test_the_command_leaves_a_backbone_and_its_test_scores_entities(phantoms, run, tmp_path):
    saved = backbones.load(run / "backbone")
    assert isinstance(saved.model, Arl)
    assert saved.info["trained_on"] == "phantom-mimic-cxr"
    line = words("pretrain-arl-phantom", phantoms, tmp_path, f"--ckpt_path={run}/checkpoints/best.ckpt")
    assert main(["test", *line]) == 0
    file = tmp_path / "predictions" / "entity_classification.parquet"
    assert {figure.model for figure in figures_of(file)} == {"pretrained"}
    table, _ = read_predictions(file)
    assert set(table["entity"]) == set(saved.model.architecture.knowledge.entities)
    assert table["score"].notna().all()
    of_text, _ = read_predictions(tmp_path / "predictions" / "text_entities.parquet")
    assert of_text[["sample_id", "entity"]].equals(table[["sample_id", "entity"]])
    assert set(of_text["target"]) == {0.0, 1.0}
    assert not of_text["score"].equals(table["score"])


def test_a_backbone_of_the_other_system_is_refused_in_one_line(run, pretrained):
    ours, theirs = str(run / "backbone"), str(pretrained / "backbone")
    with pytest.raises(
        BackboneError, match=r"ArlPretraining has no way to use a backbone of system gk_mvlp \(.*\): name one of arl$"
    ):
        ArlPretraining(None, backbone=theirs)
    with pytest.raises(BackboneError, match=r"GkMvlpPretraining has .* system arl \(.*\): name one of gk_mvlp$"):
        GkMvlpPretraining(None, backbone=ours)
    task = GkMvlpPretraining(architecture(), backbone=ours)
    with pytest.raises(BackboneError, match="is of system arl, the architecture is of gk_mvlp: name a backbone of gk"):
        task.load_backbone(ours)


def test_questions_are_answered_by_a_classifier_and_a_decoder_is_missed_in_one_line(
    run, questions, phantoms, picture, tmp_path
):
    with pytest.raises(ConfigError, match=r"Arl has no text decoder, .* answer_mode=rank: set answer_mode=class"):
        VisualQuestionAnswering(None, str(run / "backbone")).prepare(questions)
    line = ["--config=zoo://vqa-phantom", f"--data.init_args.root={phantoms}", "--data.init_args.image_size=32"]
    line += [f"--trainer.default_root_dir={tmp_path}", "--trainer.max_epochs=1", "--data.init_args.num_workers=0"]
    line += [f"--model.init_args.backbone={run / 'backbone'}", "--model.init_args.architecture=null"]
    assert main(["fit", *line, "--model.init_args.answer_mode=classify"]) == 0
    predictor = load(tmp_path / "model")
    assert isinstance(predictor.model, Arl)
    assert predictor.predict(picture, question="is there a pneumothorax?").answer in predictor.head.answers


@pytest.fixture
def picture():
    """A radiograph as an array."""
    return np.random.default_rng(0).integers(0, 255, (40, 32), dtype=np.uint8)


@pytest.mark.filterwarnings("ignore")
def test_a_backbone_is_loaded_by_its_folder_and_says_what_it_finds_but_not_where(run, picture):
    predictor = load(run / "backbone")
    found = predictor.predict(picture)
    assert set(found.findings) == set(predictor.architecture.knowledge.entities)
    batch = predictor.batch([predictor.item(picture)])
    image = predictor.encode_images(batch)
    logit_E = torch.from_numpy(predictor.entity_scores(image)[0])
    assert found.findings == pytest.approx(dict(zip(predictor.entities, logit_E.sigmoid().tolist(), strict=True)))
    with pytest.raises(BackboneError, match="Arl has no places of findings"):
        predictor.places(batch, image)
    vectors = predictor.embed(picture, "A pleural effusion.")
    assert vectors.images.shape == vectors.texts.shape == (1, 8)


def test_a_task_that_reads_regions_refuses_in_one_line(run):
    with pytest.raises(BackboneError, match="Grounding has no way to use a backbone of system arl"):
        Grounding(None, str(run / "backbone"))
