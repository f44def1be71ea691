"""Our step beside BLIP's: a checkout is taken as it is, and nothing of what stands in for old releases stays behind."""

import sys

import pytest
import timm.models
import torch
import transformers

from gkmvlp.app.benchmarks import figures
from gkmvlp.app.benchmarks.against import Turns
from gkmvlp.app.benchmarks.blip import Tokenizer, blip_losses, build_blip
from gkmvlp.app.cli import main

CHECKOUT = """
import torch
from transformers import BertTokenizer
from transformers.models.bert.configuration_bert import BertConfig
from transformers.modeling_utils import PreTrainedModel, prune_linear_layer
from timm.models.helpers import named_apply
from fairscale.nn.checkpoint.checkpoint_activations import checkpoint_wrapper

def init_tokenizer():
    return BertTokenizer.from_pretrained("bert-base-uncased")

def concat_all_gather(tensor):
    return torch.distributed.get_world_size()

class Text(PreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.words = torch.nn.Embedding(config.vocab_size, 4)
        self.init_weights()

    def _init_weights(self, module):
        if isinstance(module, torch.nn.Embedding):
            module.weight.data.fill_(0.5)

class BLIP_Pretrain(torch.nn.Module):
    def __init__(self, med_config, image_size, queue_size):
        super().__init__()
        assert torch.hub.load_state_dict_from_url(url="https://example.org") == {"model": {}}
        self.tokenizer, self.queue_size = init_tokenizer(), queue_size
        self.text = Text.from_pretrained("bert-base-uncased", config=BertConfig.from_json_file(med_config))

    def forward(self, image, caption, alpha):
        text = self.tokenizer(caption, padding="max_length", max_length=30, return_tensors="pt").to(image.device)
        self.seen = text
        words = self.text.words(text.input_ids)
        return concat_all_gather(image).mean(), words.mean(), words.sum() * 0
"""


@pytest.fixture
def checkout(tmp_path):
    for name in ("models", "configs"):
        (tmp_path / name).mkdir()
    (tmp_path / "models" / "__init__.py").touch()
    (tmp_path / "models" / "blip_pretrain.py").write_text(CHECKOUT)
    for name in ("med.py", "vit.py"):
        (tmp_path / "models" / name).touch()
    (tmp_path / "configs" / "bert_config.json").write_text('{"vocab_size": 50, "hidden_size": 4}')
    return tmp_path


def test_a_checkout_runs_with_random_weights_and_made_up_texts(checkout):
    before, path = set(sys.modules), list(sys.path)
    model = build_blip(checkout, 3, [5, 2, 9], 9, 32)
    assert model.queue_size == 57600
    assert model.queue_size % 3 == 0
    loss = blip_losses(model, 3, 32)
    assert loss.item() == pytest.approx(1.0, abs=0.1)  # the mean of uniform grey values, and words of 0.5
    assert model.seen["attention_mask"].sum(1).tolist() == [5, 2, 9]
    assert model.seen.input_ids.shape == (3, 9)
    assert ((model.seen.input_ids > 2) == model.seen.attention_mask.bool()).all()
    assert sys.path == path
    assert not {name for name in set(sys.modules) - before if name.startswith(("fairscale", "models"))}
    assert hasattr(transformers.modeling_utils, "PreTrainedModel")
    assert timm.models.is_model("resnet18")
    assert transformers.modeling_utils.PreTrainedModel.__module__ == "transformers.modeling_utils"


def test_a_queue_holds_whole_batches(checkout):
    assert build_blip(checkout, 7, [4] * 7, 9, 32).queue_size % 7 == 0


def test_no_checkout_is_one_line(tmp_path, capsys):
    assert main(["bench", "--against", str(tmp_path), "--config", "small", "--batch", "2", "--what", "phantom"]) == 2
    line = capsys.readouterr().err
    assert "a checkout of github.com/salesforce/BLIP was expected, models/blip_pretrain.py is missing" in line


def test_ratios_are_those_of_the_seconds():
    rows = figures.against_figures("base", Turns(4, "full", 128, "bf16-mixed", "cpu", 2.0, 5.0, 9.0))
    values = {(row.name, row.label): row.value for row in rows}
    assert values["step_speed_ratio", None] == 2.5
    assert values["step_speed_ratio", "float32"] == 4.5
    assert values["pairs_per_s", "BLIP"] == 0.8


def test_made_up_texts_have_the_length_that_was_asked_for():
    words = Tokenizer(20, [1, 3], 4)(["", ""])
    assert words.attention_mask.tolist() == [[1, 0, 0, 0], [1, 1, 1, 0]]
    assert (words.input_ids[words.attention_mask == 0] == Tokenizer.pad_token_id).all()
    assert torch.equal(words.input_ids >= 3, words.attention_mask.bool())
