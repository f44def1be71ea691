"""METER and M3AE, small and random, against the ARL backbones that are made of their files."""

import re

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from tokenizers import ByteLevelBPETokenizer
from tokenizers.processors import RobertaProcessing
from transformers import PreTrainedTokenizerFast

from gkmvlp.app.cli import main
from gkmvlp.app.running.configs import zoo_configs
from gkmvlp.checkpoints import backbone as backbones
from gkmvlp.checkpoints.meter_weights import PUBLISHED, import_checkpoint
from gkmvlp.models.config import ArlArchitecture
from gkmvlp.models.memory import Memory
from tests.checkpoints.meter import HEADS, SIDE, WIDTH, Published
from tests.checkpoints.test_foreign_weights import VIT, loud, normalised

TEXTS = ["Small left pleural effusion and cardiomegaly.", "Normal.", "No pneumothorax is seen, the heart is of size"]
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
SIZES = {
    "image_size": SIDE,
    "projection_dim": 8,
    "vision": {"name": "vit_base_patch16_clip_quickgelu_224", "timm_kwargs": VIT},
    "text": {
        "hidden_size": WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": HEADS,
        "intermediate_size": 2 * WIDTH,
        "layer_norm_eps": 1e-5,
        "max_length": 48,
        "dropout": 0.0,
    },
    "fusion": {
        "num_hidden_layers": 2,
        "num_attention_heads": HEADS,
        "intermediate_size": 2 * WIDTH,
        "entity_attention_heads": 2,
        "entity_intermediate_size": 12,
        "masked_image_layers": 1,
        "dropout": 0.0,
    },
    "knowledge": {"entities": ["pleural effusion", "cardiomegaly", "pneumothorax"], "head_size": 4, "dropout": 0.0},
    "image_decoder": {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16},
}  # fmt: skip


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """A tokenizer as RoBERTa's: bytes, and its special tokens by their numbers."""
    model = ByteLevelBPETokenizer()
    model.train_from_iterator(TEXTS, 300, special_tokens=list(SPECIAL))
    model.post_processor = RobertaProcessing(("</s>", 2), ("<s>", 0))
    names = dict(zip(("bos_token", "pad_token", "eos_token", "unk_token", "mask_token"), SPECIAL, strict=True))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=model._tokenizer, **names, cls_token="<s>", sep_token="</s>")
    folder = tmp_path_factory.mktemp("words")
    tokenizer.save_pretrained(folder)
    return folder, len(tokenizer)


@pytest.fixture(params=PUBLISHED)
def theirs(request, words):
    return request.param, loud(Published(request.param, words[1]))


@pytest.fixture
def file(tmp_path, theirs):
    path = tmp_path / "theirs.safetensors"
    save_file({name: x.contiguous() for name, x in theirs[1].state_dict().items()}, path)
    return path


def made(file, words):
    torch.manual_seed(3)
    done = import_checkpoint(file, ArlArchitecture.from_dict(SIZES), str(words[0]))
    done.backbone.model.eval()
    return done


@torch.no_grad()
def test_encoders_fusion_and_matching_compute_what_the_published_model_does(file, words, theirs):
    """Also of texts with entities: the entity stream is silent until it is trained."""
    reference, backbone = theirs[1], made(file, words).backbone
    model, close = backbone.model, {"atol": 1e-5, "rtol": 1e-5}
    image = torch.rand(3, 1, SIDE, SIDE)
    tokens = reference.image(normalised(model.vision, image))
    seen = model.vision.model.forward_features((image - model.vision.mean) / model.vision.std)
    torch.testing.assert_close(seen, tokens, **close)
    image_BMD = reference.image_stream(tokens)
    torch.testing.assert_close(model.vision.project(seen) + model.kind[1], image_BMD, **close)

    text = backbone.read_texts(TEXTS)
    assert text.entity_mask.sum(1).tolist() == [2, 0, 1]
    assert not text.mask.all()
    text_BTD, begun = reference.text_stream(text.ids, text.mask), model.begin(text)
    torch.testing.assert_close(begun.state[text.mask], text_BTD[text.mask], **close)

    expected = reference.fused(text_BTD, image_BMD, text.mask)
    streams = model.fusion_streams(begun, image_BMD)
    torch.testing.assert_close(streams.text[text.mask], expected[0][text.mask], **close)
    torch.testing.assert_close(streams.image, expected[1], **close)
    matched = model.itm_logits(begun, Memory(image_BMD, image_BMD))
    torch.testing.assert_close(matched, reference.match(*expected), **close)


def test_the_entity_stream_opens_as_it_learns(file, words):
    backbone = made(file, words).backbone
    model, text, image = backbone.model, backbone.read_texts(TEXTS), torch.rand(3, 1, SIDE, SIDE)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def loss(entity_NC):
        return model.itm_logits(model.begin(text, entity_NC), model.encode_image(image).memory).square().sum()

    entity_NC = model.encode_entities().detach()
    assert torch.equal(loss(entity_NC), loss(-entity_NC))
    loss(entity_NC).backward()
    optimizer.step()
    assert not torch.equal(loss(entity_NC), loss(-entity_NC))


def test_what_is_loaded_new_and_left_over_is_told(file, words, theirs):
    done, names = made(file, words), theirs[1].names
    state, vision = theirs[1].state_dict(), names["vision"]
    unread = ("mlm_", f"{vision}.token", f"{vision}.positional", f"{vision}.ln_final", f"{names['text']}.pooler")
    left = [name for name in state if name.startswith(unread)]
    assert done.loaded.startswith(f"{len(state) - len(left)} of the {len(state)} tensors of {file}, read as")
    assert f"read as {theirs[0]}: " in done.loaded
    parts = [int(count) for count in re.findall(r"(?:encoder|fusion) (\d+)", done.loaded)]
    assert sum(parts) == len(state) - len(left)
    assert sum(int(count) for count in re.findall(r" (\d+)", done.left_over)) == len(left)
    new = set(done.new.split(", "))
    assert {"vision.norm", "vision.pool", "graph", "layers.entity_self", "image_decoder", "text.head"} <= new
    assert not new & {"layers.text_self", "layers.text_cross", "layers.entity_norm", "itm_head", "text_projection"}


def test_every_tensor_that_is_not_called_new_comes_from_the_file(file, words):
    """Two imports that draw other weights differ in the new parts alone."""
    one = made(file, words)
    torch.manual_seed(99)
    other = import_checkpoint(file, ArlArchitecture.from_dict(SIZES), str(words[0]))
    added = len(one.backbone.tokenizer) - words[1]  # the row of the decoder's first token
    mine, theirs = (dict(done.backbone.model.named_parameters()) for done in (one, other))
    mine["text.word.weight"], theirs["text.word.weight"] = (
        state["text.word.weight"][: words[1]] for state in (mine, theirs)
    )
    assert added == 1
    differing = {re.sub(r"\.\d+\.", ".", name) for name in mine if not torch.equal(mine[name], theirs[name])}
    assert differing
    new = tuple(one.new.split(", "))
    assert [name for name in differing if not name.startswith(new)] == []


def test_without_matching_the_head_is_new(file, words, theirs):
    state = {name: x for name, x in load_file(file).items() if not name.startswith(theirs[1].names["match"])}
    save_file(state, file)
    assert "itm_head" in made(file, words).new.split(", ")


@pytest.fixture
def sizes(tmp_path):
    path = tmp_path / "architecture.yaml"
    path.write_text(yaml.safe_dump(SIZES))
    return path


def test_the_command_converts_imports_and_says_so(theirs, words, sizes, tmp_path, capsys):
    torch.save({"state_dict": theirs[1].state_dict(), "epoch": 3}, tmp_path / "theirs.ckpt")
    asked = ["zoo", "import", str(tmp_path / "theirs.ckpt"), f"--architecture={sizes}", f"--tokenizer={words[0]}",
             f"--out={tmp_path / 'bb'}"]  # fmt: skip
    assert main(asked) == 1
    assert "is a pickle, which can run code; it was not opened: gkmvlp zoo convert" in capsys.readouterr().err
    assert main(["zoo", "convert", str(tmp_path / "theirs.ckpt")]) == 0
    capsys.readouterr()
    asked[2] = str(tmp_path / "theirs.safetensors")
    assert main(asked) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["loaded", "new", "left over", "folder"]
    backbone = backbones.load(tmp_path / "bb")
    assert backbone.info["imported"] == f"{theirs[0]}, theirs.safetensors"
    assert main(asked) == 1
    assert "bb exists: name another folder by --out" in capsys.readouterr().err


def without(part):
    return lambda state: {name: x for name, x in state.items() if part not in name}


WRONG = {
    "another model": (lambda state: {"a": torch.ones(1)}, r"no checkpoint of METER or M3AE: neither .* its 1 tensors"),
    "CLIP alone": (without("cross_modal_text_transform"), r"goes into vision\.weights"),
    "a part is missing": (without("crossattention.self.key"), r"does not fit .*: 8 missing: layers\.0\.\w+_cross\.key"),
    "another text encoder": (without("encoder.layer.1"), r"does not fit the architecture: 16 missing: layers\.1\."),
    "another image encoder": (without("resblocks.1"), r"vision weights .* 12 missing: blocks\.1\..* as OpenAI CLIP"),
    "deeper": (
        lambda state: state | {"cross_modal_text_layers.2.output.dense.bias": torch.ones(WIDTH)},
        r"1 extra: layers\.2\.text_feed\.output\.bias 16",
    ),
    "three kinds of tokens": (
        lambda state: state | {"token_type_embeddings.weight": torch.ones(3, WIDTH)},
        r"kind 3x16 where 2x16 is expected",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_refused_in_one_line(case, words, sizes, tmp_path, capsys):
    change, message = WRONG[case]
    state = {name: x.contiguous() for name, x in loud(Published("METER", words[1])).state_dict().items()}
    save_file(change(state), tmp_path / "w.safetensors")
    asked = ["zoo", "import", str(tmp_path / "w.safetensors"), f"--architecture={sizes}", f"--tokenizer={words[0]}"]
    assert main([*asked, f"--out={tmp_path / 'bb'}"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(message, error), error
    assert not (tmp_path / "bb").exists()


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("knowledge: {num_hidden_layers: 1}\n", 1, "of another system than ArlArchitecture"),
        ("- 1\n", 2, "no architecture"),
        ("a: [\n", 2, "no architecture"),
    ],
)
def test_an_architecture_that_is_none(text, code, told, tmp_path, capsys):
    (tmp_path / "a.yaml").write_text(text)
    asked = ["zoo", "import", "w.safetensors", f"--architecture={tmp_path / 'a.yaml'}", f"--out={tmp_path / 'bb'}"]
    assert main(asked) == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert told in error


def test_the_architecture_that_ships_is_of_the_published_size():
    """RoBERTa-base and 11 blocks, as the fact sheet has them; the rest is ARL's own default."""
    text = zoo_configs()["_base/architecture_meter"].read_text()
    ours = ArlArchitecture.from_dict(yaml.safe_load(text))
    default = ArlArchitecture()
    assert (ours.fusion, ours.knowledge, ours.image_decoder) == (
        default.fusion, default.knowledge, default.image_decoder,
    )  # fmt: skip
    assert (ours.image_size, ours.vision.timm_kwargs) == (288, {"depth": 11})
    assert (ours.text.vocab_size, ours.text.layer_norm_eps, ours.text.hidden_size) == (50265, 1e-5, 768)
