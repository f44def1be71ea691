"""What stands around findings and impression: examination, indication, technique, comparison, wet reads, addenda.

None of it depends on the findings, but for a wet read, which says what the report says again below.
"""

import numpy as np

from gkmvlp.phantom.plan import Phantom
from gkmvlp.phantom.writing.noun_phrases import chance, pick

_SIGNS = ("cough", "fever", "chest pain", "shortness of breath", "dyspnea", "weakness", "fall", "hypoxia", "syncope",
          "altered mental status", "abdominal pain", "weight loss", "recent surgery", "productive cough")  # fmt: skip
_ASKED = ("evaluate for pneumonia", "rule out infiltrate", "evaluate for acute process", "assess for effusion",
          "preoperative assessment", "interval change", "eval pneumothorax", "please assess", "rule out edema",
          "evaluate for cardiopulmonary disease")  # fmt: skip
_EXAMINATIONS = {
    "AP": ("CHEST (PORTABLE AP)", "Chest radiograph, portable AP", "Portable chest"),
    "PA": ("CHEST (PA)", "Chest radiograph, PA view", "Chest, single PA view"),
}
_TECHNIQUES = {"AP": "Single portable AP view of the chest.", "PA": "Single PA view of the chest."}
_EARLIER = ("___.", "Chest radiograph ___.", "Prior radiograph from ___.", "Multiple priors, most recent ___.")
_ADDENDA = ("Findings were discussed with Dr. ___ by telephone at ___.", "The history should read: ___.",
            "The report was reviewed with the referring service on ___.")  # fmt: skip


def head(rng: np.random.Generator, phantom: Phantom, prior: bool) -> dict[str, str]:
    """Examination, indication, technique and comparison, by the names of the fields of ``Report``."""
    person = pick(rng, ("woman", "female", "F") if phantom.sex == "F" else ("man", "male", "M"))
    return {
        "examination": pick(rng, _EXAMINATIONS[phantom.view]) if chance(rng, 0.7) else "",
        "indication": f"___ year old {person} with {pick(rng, _SIGNS)}, {pick(rng, _ASKED)}.",
        "technique": _TECHNIQUES[phantom.view] if chance(rng, 0.5) else "",
        "comparison": pick(rng, _EARLIER if prior else ("None.", "None available.", "")),
    }


def headers(rng: np.random.Generator) -> tuple[str, str]:
    """Spellings of the headers of examination and indication."""
    return (
        pick(rng, ("EXAMINATION", "EXAMINATION", "TYPE OF EXAMINATION")),
        pick(rng, ("INDICATION", "INDICATION", "HISTORY", "REASON FOR EXAM", "CLINICAL HISTORY")),
    )


def preface(rng: np.random.Generator, body: str) -> str:
    """A wet read of ``body`` in 3 % of the reports, an addendum in 2 %, otherwise ""."""
    draw = rng.random()
    if draw < 0.03:
        clock = f"{int(rng.integers(1, 12))}:{int(rng.integers(10, 60))} {pick(rng, ('AM', 'PM'))}"
        return f"WET READ: ___ ___ {clock}\n{body}"
    return f"ADDENDUM  {pick(rng, _ADDENDA)}" if draw < 0.05 else ""
