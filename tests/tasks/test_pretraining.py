"""Pre-training: which objectives run when, every choice in them, what they may read, and what is left behind."""

from dataclasses import asdict

import lightning as L
import pytest
import torch

from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.entities import ENTITIES, ENTITY_INDEX, entity
from gkmvlp.losses.itm import hard_negatives
from gkmvlp.tasks import GkMvlpPretraining
from gkmvlp.tasks.base import text_keys
from gkmvlp.tasks.parts.entity_predictions import zero_shot_scores, zero_shot_texts
from gkmvlp.tasks.parts.objectives import OBJECTIVES, Objective, Objectives
from tests.tiny import architecture, leaves, set_key, training_loss

pytestmark = pytest.mark.filterwarnings("ignore:You are trying to `self.log")
ALL = {"itc", "itm", "lm", "ecls"}


@pytest.fixture
def make(studies):
    """Makes tasks from one seed; dotted keys of objectives, or of the architecture as ``knowledge__mode``, are set."""

    def task(**changes):
        torch.manual_seed(0)
        made, objectives = architecture(), Objectives()
        for key, value in changes.items():
            if key.startswith("knowledge."):
                set_key(made, key, value)
            else:
                set_key(objectives, key, value)
        built = GkMvlpPretraining(made, objectives)
        built.prepare(studies)
        built.gather = lambda x_BK: x_BK  # what one rank gathers
        return built

    return task


@pytest.fixture(scope="module")
def batch(studies):
    return next(iter(studies.train_dataloader()))


CHOICES = [
    *[(f"{name}.weight", 0.5) for name in sorted(ALL)],
    *[(f"{name}.weight", 0.0) for name in sorted(ALL)],
    ("position.weight", 1.0),
    ("statement.weight", 1.0),
    ("sentence.weight", 1.0),
    ("itm_negatives", "uniform"),
    ("unmentioned", "ignore"),
    ("pos_weight", 3.0),
    ("label_smoothing", 0.0),
    ("init_temperature", 0.2),
]


@pytest.mark.parametrize(("key", "value"), CHOICES)
def test_a_choice_changes_the_loss(make, batch, key, value):
    usual = training_loss(make(), batch)
    assert torch.equal(usual, training_loss(make(), batch))
    assert (usual - training_loss(make(**{key: value}), batch)).abs() > 1e-4


def test_hidden_statuses_change_the_loss_of_report_mode_only(make, batch):
    for mode, differ in (("report", True), ("query", False)):
        losses = [
            training_loss(make(**{"knowledge.mode": mode, "status_dropout": share}), batch) for share in (0.0, 1.0)
        ]
        assert torch.equal(*losses) is not differ


def test_sentences_are_left_out_in_training_only(make, batch):
    for training, differ in ((True, True), (False, False)):
        losses = []
        for share in (0.0, 1.0):
            task = make(sentence_dropout=share).train(training)
            torch.manual_seed(2)
            losses.append(task.losses(batch, {"itc"})["itc"])
        assert torch.equal(*losses) is not differ


def test_sentences_on_entities_are_scored_as_the_zero_shot_figures_are(make, batch):
    task = make().eval()
    image_BD = task.model.embed_image(task.encode_images(batch).features)
    status_BE = batch["status"][:, task.columns]
    present, absent = (task.tokens(texts) for texts in zero_shot_texts(task.names))
    score_BE = task.scale() * zero_shot_scores(task.model, image_BD, present, absent)
    target_BE, known_BE = (status_BE == 1).float(), status_BE != -1
    nats_BE = torch.nn.functional.binary_cross_entropy_with_logits(score_BE, target_BE, reduction="none")
    assert torch.allclose(task.entity_sentences(status_BE, image_BD), nats_BE[known_BE].mean(), atol=1e-5)


def test_the_list_of_choices_is_complete():
    elsewhere = {
        "status_dropout",
        "sentence_dropout",
        "prompts_every_n_steps",
        *(f"{name}.{key}" for name in OBJECTIVES for key in ("every_n_steps", "start_step")),
    }
    assert {key for key, _ in CHOICES} | elsewhere == set(leaves(asdict(Objectives())))


@pytest.mark.parametrize("name", sorted(ALL))
def test_one_objective_alone(make, batch, name):
    others = {f"{other}.weight": 0.0 for other in ALL - {name}}
    task = make(**others, **{f"{name}.weight": 2.0})
    assert task.enabled() == {name}
    torch.manual_seed(1)
    (single,) = task.losses(batch, {name}).values()
    assert torch.allclose(training_loss(task, batch), 2 * single)


class Recording(GkMvlpPretraining):
    """Notes which objectives are due at which step."""

    def shared_step(self, batch, stage, due):
        self.seen.append((stage, self.global_step, set(due)))
        return super().shared_step(batch, stage, due)


@pytest.mark.filterwarnings("ignore")
def test_objectives_run_from_their_start_at_every_kth_step_and_all_in_validation(studies, tmp_path):
    objectives = Objectives(
        itm=Objective(every_n_steps=2), lm=Objective(every_n_steps=3, start_step=1), itc=Objective(weight=0.0)
    )
    task = Recording(architecture(), objectives)
    task.seen = []
    options = {"accelerator": "cpu", "logger": False, "enable_checkpointing": False, "num_sanity_val_steps": 0}
    quiet = {"enable_progress_bar": False, "enable_model_summary": False}
    trainer = L.Trainer(max_steps=6, default_root_dir=tmp_path, **options, **quiet)
    trainer.fit(task, studies)
    trained = {step: due for stage, step, due in task.seen if stage == "train"}
    assert trained == {
        0: {"ecls", "itm"}, 1: {"ecls"}, 2: {"ecls", "itm"},
        3: {"ecls", "lm"}, 4: {"ecls", "itm"}, 5: {"ecls"},
    }  # fmt: skip
    assert all(due == {"ecls", "itm", "lm"} for stage, _, due in task.seen if stage == "val")
    assert any(stage == "val" for stage, _, _ in task.seen)
    saved = backbones.load(tmp_path / "backbone")
    assert saved.info["trained_on"] == "phantom-mimic-cxr"
    assert saved.info["patients"] == sorted({backbones.patient_hash(row.patient_id) for row in studies.rows("train")})
    ours = task.model.state_dict()
    assert all(torch.equal(tensor, ours[name]) for name, tensor in saved.model.state_dict().items())


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
    assert values[0].keys() == {f"val/{name}" for name in (*ALL, "loss")}
    assert all(torch.equal(values[0][key], values[1][key]) for key in values[0])


def test_matching_takes_hard_negatives_of_other_studies(make, batch, monkeypatch):
    """The second third pairs each text with a wrong image, the last third each image with a wrong text."""
    task = make().eval()
    seen = {}

    def match(states, memory, row_B):
        seen.update(text=states.state, memory=memory.value[row_B])
        return torch.zeros(len(row_B), 2)

    monkeypatch.setattr(task.model, "itm_logits", match)
    text = [*batch["text"][:2], batch["text"][0].upper(), *batch["text"][3:]]
    pairs = {**batch, "text": text}
    with torch.no_grad():
        task.losses(pairs, {"itm"})
        memory_BMD = task.encode_images(pairs).memory.value
        state_BTD = task.model.begin(task.tokens(text)).state
    size = len(text)
    rows = {"text": state_BTD.flatten(1), "image": memory_BMD.flatten(1)}
    drawn = {"text": seen["text"].flatten(1), "image": seen["memory"].flatten(1)}
    place = {kind: [(rows[kind] == row).all(1).nonzero().flatten().tolist() for row in drawn[kind]] for kind in rows}
    own = [[b] for b in range(size)]
    assert place["image"][:size] == place["image"][2 * size :] == own
    assert all(b in place["text"][b] and b in place["text"][size + b] for b in range(size))
    key_B = text_keys(text, torch.device("cpu"))
    status_BE = batch["status"][:, task.columns]
    for b in range(size):
        (image,) = place["image"][size + b]
        for other in (image, place["text"][2 * size + b][0]):
            assert other != b
            assert key_B[other] != key_B[b]
            assert not torch.equal(status_BE[other], status_BE[b])


@pytest.mark.parametrize(("choice", "alike"), [("hard", False), ("uniform", True)])
def test_uniform_negatives_know_no_similarity(make, batch, monkeypatch, choice, alike):
    task, seen = make(itm_negatives=choice), []
    monkeypatch.setattr(
        "gkmvlp.tasks.pretraining.hard_negatives",
        lambda similarity_BB, forbidden_BB: seen.append(similarity_BB) or hard_negatives(similarity_BB, forbidden_BB),
    )
    task.losses(batch, {"itm"})
    assert [len(similarity_BB.unique()) == 1 for similarity_BB in seen] == [alike, alike]


def test_prompts_teach_the_text_encoder_every_nth_step_only(make, batch, monkeypatch):
    """Between, the same vectors are read: values stay, gradients end at them."""
    task = make(prompts_every_n_steps=3).train()
    losses, gradients = [], []
    for step in (3, 4):
        monkeypatch.setattr(type(task), "global_step", step)
        torch.manual_seed(1)
        task.zero_grad()
        loss = task.losses(batch, {"ecls"})["ecls"]
        loss.backward()
        losses.append(loss.item())
        gradients.append({name: p.grad is not None and bool(p.grad.any()) for name, p in task.named_parameters()})
    assert losses[0] == losses[1]
    differing = {name for name in gradients[0] if gradients[0][name] != gradients[1][name]}
    assert differing
    assert all(name.startswith("model.text.") and gradients[0][name] for name in differing)
    assert not any(taught for name, taught in gradients[1].items() if name.startswith("model.text."))


def test_status_columns_follow_the_entities_of_the_config(make, batch, monkeypatch):
    """Statuses of other entities than the config's change nothing; one of its own changes ECLS in its own column."""
    task = make().eval()
    assert task.names == task.architecture.knowledge.entities
    assert [ENTITIES[column].name for column in task.columns] == task.names
    shuffled = make(**{"knowledge.entities": task.names[::-1]})
    assert [ENTITIES[column].name for column in shuffled.columns] == task.names[::-1]
    seen = []
    monkeypatch.setattr(
        "gkmvlp.tasks.pretraining.entity_classification",
        lambda logits, status_BE, **_: seen.append(status_BE) or logits.sum(),
    )
    task.losses(batch, {"ecls"})
    for e, name in enumerate(task.names):
        assert torch.equal(seen[0][:, e], batch["status"][:, ENTITY_INDEX[name]])


def test_knowledge_prompts_are_those_of_the_entities_in_order(make):
    task = make()
    prompts = [entity(name).prompt for name in task.names]
    decoded = task.tokenizer.batch_decode(task.model.prompt_ET, skip_special_tokens=True)

    def plain(text):
        return "".join(character for character in text.lower() if character.isalnum())

    for wanted, found in zip(prompts, decoded, strict=True):
        assert plain(found)
        assert plain(wanted).startswith(plain(found))


def test_what_the_model_reads_does_not_depend_on_statuses_or_text(make, batch):
    """In query mode; in report mode it does, which is why that mode is never the default."""
    other = {**batch, "status": -batch["status"].clamp(-1), "text": ["Nothing is said."] * len(batch["text"])}
    for mode in ("query", "report"):
        task = make(**{"knowledge.mode": mode}).eval()
        with torch.no_grad():
            if task.model.status is not None:
                task.model.status.weight.normal_()
            memories = [
                task.encode_images(b, status_BE=task.visible(b["status"][:, task.columns])).memory.value
                for b in (batch, other)
            ]
        assert torch.equal(*memories) == (mode == "query")


def test_every_parameter_gets_a_gradient(make, batch):
    task = make()
    with torch.no_grad():
        for parameter in task.parameters():  # some norms start at 0 and close the way to what lies before them
            if not parameter.any():
                parameter.normal_(std=0.1)
    training_loss(task, batch).backward()
    without = [name for name, p in task.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_log_scale_is_learned_from_the_temperature_and_bounded(make, batch):
    task = make(init_temperature=0.05)
    assert task.log_scale.exp().item() == pytest.approx(20)
    training_loss(task, batch).backward()
    assert task.log_scale.grad != 0
    with torch.no_grad():
        task.log_scale.fill_(50.0)
    assert torch.isfinite(training_loss(task, batch))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("bounds", "steps"),
    [
        ({"max_epochs": 3}, 6),  # 21 rows by 8, the rest left out
        ({"max_epochs": 3, "limit_train_batches": 1}, 3),
        ({"max_epochs": 3, "limit_train_batches": 0.5}, 3),
        ({"max_epochs": 3, "accumulate_grad_batches": 2}, 3),
        ({"max_steps": 5}, 5),
        ({"max_steps": 5, "max_epochs": 2}, 4),
    ],
)
def test_steps_of_a_run_are_those_that_lightning_counts(studies, tmp_path, bounds, steps):
    task = GkMvlpPretraining(architecture(), Objectives())
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "num_sanity_val_steps": 0}
    trainer = L.Trainer(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        limit_val_batches=0,
        default_root_dir=tmp_path,
        **quiet,
        **bounds,
    )
    trainer.fit(task, studies)
    assert task.total_steps() == steps == trainer.estimated_stepping_batches == trainer.global_step
