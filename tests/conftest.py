"""Fixtures that several test folders share."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real public data beside the repository; tests that need it are skipped without it."""
    if not SHARED.is_dir():
        pytest.skip(f"no real data: {SHARED.name} folder beside the repository is absent")
    return SHARED


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A phantom corpus at 32 px: 24 patients (21 train, 1 validate, 3 test), 10 images with questions. Read only."""
    from gkmvlp.data_modules.synthetic import mimic_cxr, vqa_rad

    root = tmp_path_factory.mktemp("phantoms") / "data"
    mimic_cxr.write(root, 24, 0, size=32, workers=1)
    vqa_rad.write(root, 10, 0, size=32, workers=1)
    return root


@pytest.fixture(scope="session")
def pretrained(phantoms: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pre-training on the tiny corpus by the real command; its backbone is ``backbone/``. Read only."""
    from gkmvlp.app.cli import main
    from tests.tiny import words

    out = tmp_path_factory.mktemp("pretrained") / "run"
    assert main(["fit", *words("pretrain-phantom", phantoms, out, "--trainer.logger=true")]) == 0
    return out
