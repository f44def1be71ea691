"""Fine-tuning by low-rank adapters: what is trained, what is written, and what is read back."""

import pytest
from safetensors.torch import load_file

import gkmvlp
from gkmvlp.app.cli import main
from tests.tiny import words

pytest.importorskip("peft", reason="the extra lora is not installed")


@pytest.fixture(scope="module")
def run(phantoms, pretrained, tmp_path_factory):
    """The folder of a fine-tuning for questions by the real command, with an adapter of rank 2."""
    out = tmp_path_factory.mktemp("adapter") / "run"
    start = f"--model.init_args.backbone={pretrained / 'backbone'}"
    more = [start, "--model.init_args.adapter=lora", "--model.init_args.adapter.rank=2"]
    assert main(["fit", *words("vqa-phantom", phantoms, out, *more)]) == 0
    return out


def test_a_run_leaves_a_small_adapter_that_answers(run, pretrained, phantoms):
    folder = run / "model"
    tensors = load_file(folder / "adapter_model.safetensors")
    assert all(min(tensor.shape) == 2 for tensor in tensors.values())
    assert any(tensor.abs().max() > 0 for name, tensor in tensors.items() if "lora_B" in name)
    assert not (folder / "tokenizer.json").exists()
    model = gkmvlp.load(folder, device="cpu")
    image = next((phantoms).rglob("*.png"), None) or next(phantoms.rglob("*.jpg"))
    assert model.predict(str(image), question="Is there a pneumothorax?").answer
