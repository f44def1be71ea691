"""Views of the published sets, each in its own spelling."""

import pytest

from gkmvlp.data_modules.pipeline.views import is_lateral, standard_view

# MIMIC-CXR's ViewPosition; PadChest's Projection and ViewPosition_DICOM; CheXpert's Frontal/Lateral and AP/PA; Open-i.
PUBLISHED = {
    "PA": ["PA", "pa", " Pa ", "POSTEROANTERIOR", "postero-anterior", "Postero Anterior", "PA erect"],
    "AP": ["AP", "ap", "ANTEROPOSTERIOR", "antero-posterior", "AP_horizontal", "AP portable", "AP supine"],
    "": ["", "Frontal", "FRONTAL", "frontal"],
    "LATERAL": ["LATERAL", "Lateral", "lateral", "L"],
    "LL": ["LL", "ll"],
    "RL": ["RL"],
}
OTHER = [
    "AP LLD",
    "PA LLD",
    "AP RLD",
    "PA RLD",
    "LAO",
    "RAO",
    "LPO",
    "RPO",
    "AP AXIAL",
    "SWIMMERS",
    "COSTAL",
    "EXCLUDE",
]


@pytest.mark.parametrize(("view", "spelling"), [(view, each) for view, kept in PUBLISHED.items() for each in kept])
def test_published_spellings(view: str, spelling: str):
    assert standard_view(spelling) == view
    assert is_lateral(spelling) == (view in ("LATERAL", "LL", "RL"))


@pytest.mark.parametrize(
    ("view", "spelling"),
    [
        ("PA", "Postero-anterior (PA)"),
        ("PA", "posterior anterior"),
        ("PA", "PA chest x-ray"),
        ("PA", "DX CHEST PA"),
        ("AP", "Anterior-posterior"),
        ("AP", "CR CHEST AP PORT"),
        ("AP", "antero_posterior supine"),
    ],
)
def test_projections_in_full_and_among_other_words(view: str, spelling: str):
    assert standard_view(spelling) == view
    assert not is_lateral(spelling)


@pytest.mark.parametrize("spelling", OTHER)
def test_other_views_are_known_and_neither(spelling: str):
    assert standard_view(spelling) == spelling
    assert not is_lateral(spelling)


@pytest.mark.parametrize("spelling", ["XTABLE LATERAL", "left lateral", "LLO", "LAT"])
def test_laterals(spelling: str):
    assert is_lateral(spelling)
    assert standard_view(spelling) not in ("PA", "AP", "", None)


@pytest.mark.parametrize("spelling", ["sideways", "P A L", "0", "view1", "AP/PA", "anterior", "X-ray", "non-frontal"])
def test_unknown_spellings_are_none(spelling: str):
    assert standard_view(spelling) is None
