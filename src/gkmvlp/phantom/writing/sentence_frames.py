"""Places and sentence frames of the report grammar. Data only; the nouns stand in ``grammar_tables``."""

# Whole sentences that deny: one entity or two at once.
NORMAL: tuple[tuple[tuple[str, ...], str], ...] = (
    (("cardiomegaly",), "Heart size is normal."),
    (("cardiomegaly",), "The heart is normal in size."),
    (("cardiomegaly",), "The heart is not enlarged."),
    (("cardiomegaly",), "The cardiac silhouette is within normal limits."),
    (("cardiomegaly",), "The size of the cardiac silhouette is normal."),
    (("cardiomegaly",), "Normal heart size."),
    (("cardiomegaly", "enlarged mediastinum"), "Heart size and mediastinal contours are normal."),
    (("cardiomegaly", "enlarged mediastinum"), "The cardiomediastinal silhouette is normal."),
    (("cardiomegaly", "enlarged mediastinum"), "Cardiac and mediastinal silhouettes are unremarkable."),
    (("cardiomegaly", "enlarged mediastinum"), "The cardiomediastinal silhouette is within normal limits."),
    (("elevated hemidiaphragm",), "Neither hemidiaphragm is elevated."),
)
# Only where nothing at all is seen in the lungs.
CLEAR: tuple[tuple[tuple[str, ...], str], ...] = (
    (("consolidation",), "The lungs are clear without focal consolidation."),
    (("consolidation",), "The lungs are clear, with no consolidation."),
    (("consolidation", "edema"), "Lungs are clear with no consolidation or edema."),
    (("consolidation", "pneumothorax"), "Clear lungs without consolidation or pneumothorax."),
)
MEDIASTINUM = ("The mediastinal contours are normal.", "The mediastinum is not widened.", "No mediastinal widening.")
# Sentences that state nothing about an entity.
NEUTRAL = (
    "The trachea is midline.", "The imaged upper abdomen is unremarkable.", "The soft tissues are unremarkable.",
    "The aorta is unremarkable.", "The hilar contours are unremarkable.", "The image is of adequate quality.",
    "The overlying soft tissues are normal.", "The patient's chin does not obscure the apices.",
)  # fmt: skip
ROTATED = (
    "The patient is rotated.", "Patient rotation limits assessment.", "The examination is limited by rotation.",
    "Note is made of patient rotation.",
)  # fmt: skip
LOW_VOLUMES = (
    "Lung volumes are low.", "Low lung volumes.", "There are low lung volumes.", "Inspiratory volumes are low.",
    "The lung volumes are low, which crowds the vessels.", "Low lung volumes accentuate the bronchovascular markings.",
)  # fmt: skip
ALL_WELL = (
    "No acute cardiopulmonary process.", "No acute cardiopulmonary abnormality.", "Normal chest radiograph.",
    "No acute intrathoracic process.", "Unremarkable chest radiograph.", "No evidence of acute disease.",
)  # fmt: skip

# zone -> words before the noun, words after it; {s} is "right", "left" or "bilateral", {l} "right lung", "both lungs".
LUNG_PRE: dict[str, tuple[str, ...]] = {
    "apical": ("apical",),
    "upper": ("upper lobe", "upper lung", "upper zone", "upper lung zone"),
    "mid": ("mid lung", "midlung", "mid zone", "mid lung zone"),
    "lower": ("lower lobe", "basilar", "lower lung", "lower lung zone", "basal", "lower zone"),
}
LUNG_POST: dict[str, tuple[str, ...]] = {
    "apical": ("at the {s} apex", "in the {s} lung apex", "in the apex of the {s} lung", "at the {s} lung apex"),
    "upper": ("in the {s} upper lobe", "in the {s} upper lung zone", "in the upper zone of the {s} lung",
              "in the {s} upper lung"),
    "mid": ("in the {s} mid lung", "in the {s} mid lung zone", "in the mid portion of the {s} lung",
            "in the {s} midlung"),
    "lower": ("in the {s} lower lobe", "at the {s} lung base", "at the {s} base", "in the {s} lower lung zone",
              "in the lower zone of the {s} lung"),
}  # fmt: skip
BOTH_POST: dict[str, tuple[str, ...]] = {
    "apical": ("at both apices", "at the lung apices bilaterally"),
    "upper": ("in both upper lobes", "in the upper lung zones bilaterally"),
    "mid": ("in both mid lung zones", "in the mid lungs bilaterally"),
    "lower": ("at both lung bases", "in both lower lobes", "at the bases bilaterally"),
}
PLEURA_PRE: dict[str, tuple[str, ...]] = {
    "apical": ("apical",),
    "upper": ("upper",),
    "mid": ("mid",),
    "lower": ("basilar", "basal", "lower"),
}
PLEURA_POST: dict[str, tuple[str, ...]] = {
    "apical": ("at the {s} apex", "at the {s} lung apex"),
    "upper": ("along the {s} upper chest wall", "at the {s} upper lung zone"),
    "mid": ("along the {s} mid chest wall", "at the {s} mid lung zone"),
    "lower": ("along the {s} lower chest wall", "at the {s} base", "at the {s} lung base"),
}

# Frames: {a} with article, {n} bare, {the} definite, {be}, {have}. Keys: what they say about the prior study.
PRESENT: dict[str, tuple[str, ...]] = {
    "": ("There {be} {a}.", "{a} {be} seen.", "{a} {be} present.", "{a} {be} noted.", "{n}.", "{a} {be} visualized.",
         "{a} {be} identified.", "Note is made of {a}.", "The radiograph demonstrates {a}.", "The image shows {a}.",
         "There is evidence of {n}.", "{a} {be} demonstrated.", "{n} {be} evident.", "Findings are notable for {a}."),
    "no change": ("Unchanged {n}.", "{the} {be} unchanged.", "{the} {be} stable.", "Stable {n}.",
                  "{a} {be} again seen.", "{the} {be} unchanged from the prior study.", "Again seen is {a}.",
                  "No significant change in {the}.", "Persistent {n}.", "{the} {have} not changed since ___.",
                  "As before, there {be} {a}.", "{the} {be} similar to the prior radiograph.",
                  "Redemonstrated is {a}.", "No interval change in {the}."),
    "improved": ("{the} {have} decreased.", "Interval decrease in {the}.", "Improved but persistent {n}.",
                 "{the} {be} less prominent than on the prior study."),
    "worsened": ("{the} {have} increased.", "Interval increase in {the}.", "Worsening {n}.", "New {n}.",
                 "Interval development of {a}.", "{the} {be} more prominent than on the prior study.",
                 "{a} {be} new since ___.", "Enlarging {n}."),
}  # fmt: skip
UNCERTAIN = (
    "Possible {n}.", "Cannot exclude {a}.", "{a} cannot be excluded.", "{a} {be} not excluded.", "Questionable {n}.",
    "There may be {a}.", "Findings raise the question of {a}.", "{a} {be} suspected.", "Equivocal {n}.",
    "{a} {be} difficult to exclude.", "There {be} possibly {a}.", "It is unclear whether there {be} {a}.",
    "{a} {be} questioned.", "{a} might be present.", "Concern for {n}.",
)  # fmt: skip
# {a}, {n} the first finding, {b}, {m} the second with and without article; {be}, {be2} their verbs.
JOINED = (
    "{a} and {b} are seen.", "There are {a} and {b}.", "{n} with {b}.", "{a} {be} accompanied by {b}.", "{n} and {m}.",
    "{a} and {b} are present.", "In addition to {a}, there {be2} {b}.", "{n}, with {b} also noted.",
    "Both {a} and {b} are noted.", "The radiograph shows {a} as well as {b}.",
)  # fmt: skip
# {d}: what is denied.
MIXED = (
    "There {be} {a} but no {d}.", "{n} without {d}.", "{a} {be} seen, without {d}.", "{a} {be} present; no {d}.",
    "{n} with no {d}.", "Although there {be} {a}, no {d} is seen.", "Apart from {a}, there is no {d}.",
)  # fmt: skip
DENIED = (
    "No {d}.", "There is no {d}.", "No {d} is seen.", "No {d} is identified.", "No {d} is present.",
    "There is no evidence of {d}.", "No evidence of {d}.", "No radiographic evidence of {d}.",
    "No {d} is appreciated.", "No convincing {d}.", "The study is negative for {d}.", "The chest is free of {d}.",
    "Absence of {d}.",
)  # fmt: skip
RESOLVED = (
    "The previously seen {n} has resolved.", "{n} has resolved.", "Interval resolution of {the}.",
    "{the} is no longer seen.", "Previously noted {n} is no longer present.", "The prior {n} has cleared.",
)  # fmt: skip
