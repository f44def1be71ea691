"""Words of the report grammar: nouns, adjectives, places and sentence frames. Data only.

Written by hand for phantoms. The package's labeler must be able to fail on it, so neither reads the other's words.
A noun starts with ``~`` where it takes no article (atelectasis), with ``+`` where it is a plural.
"""

from typing import NamedTuple


class Term(NamedTuple):
    """How one finding is worded.

    Attributes:
        nouns: Names of a present or uncertain finding.
        small: Adjectives of severity ``small``.
        moderate: Adjectives of severity ``moderate``.
        large: Adjectives of severity ``large``.
        place: How its place is worded: ``lung`` and ``pleura`` with zone, ``side`` without, ``diffuse``, ``none``.
        plurals: Names where it lies on both sides; empty where the singular serves.
        denied: Names after "no".
        special: Whole sentences, with {pre} "left basilar", {post} "at the left base", {side}, {adj}, {adv}, {noun}.
        doubted: Whole uncertain sentences with the same slots.
        weight: How often it is denied where it is absent, as a probability.
    """

    nouns: tuple[str, ...]
    small: tuple[str, ...]
    moderate: tuple[str, ...]
    large: tuple[str, ...]
    place: str
    plurals: tuple[str, ...]
    denied: tuple[str, ...]
    special: tuple[str, ...]
    doubted: tuple[str, ...]
    weight: float


_MILD = (("mild", "minimal", "minor"), ("moderate", "moderate"), ("severe", "marked", "extensive"))
_SIZE = (("small", "tiny", "small"), ("moderate", "moderate-sized", "medium-sized"), ("large", "sizable", "large"))
_PLAIN: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]] = ((), (), ())

TERMS: dict[str, Term] = {
    "atelectasis": Term(
        ("~atelectasis", "~linear atelectasis", "~subsegmental atelectasis", "~platelike atelectasis",
         "+atelectatic changes", "~discoid atelectasis", "~bandlike atelectasis"),
        *_MILD, "lung", (), ("atelectasis", "lobar collapse", "atelectatic change"),
        ("Streaky opacity {post} is consistent with {adj} atelectasis.", "Linear opacity {post} reflects atelectasis.",
         "There is volume loss {post} in keeping with atelectasis.",
         "Bandlike density {post} compatible with {adj} atelectasis."),
        ("Streaky opacity {post} may represent atelectasis.", "Linear density {post} could reflect atelectasis."),
        0.12),
    "cardiomegaly": Term(
        ("~cardiomegaly", "~cardiac enlargement", "~enlargement of the cardiac silhouette",
         "~enlargement of the heart"),
        *_MILD, "none", (), ("cardiomegaly", "cardiac enlargement"),
        ("The heart is {adv} enlarged.", "The cardiac silhouette is {adv} enlarged.", "Heart size is {adv} enlarged.",
         "The heart size is {adv} increased.", "The cardiac silhouette is {adv} increased in size.",
         "{adv} enlarged cardiac silhouette.", "{adv} enlarged heart."),
        ("The heart may be {adv} enlarged.", "The cardiac silhouette is possibly {adv} enlarged."), 0.6),
    "consolidation": Term(
        ("~consolidation", "~focal consolidation", "~airspace consolidation", "~parenchymal consolidation",
         "consolidative opacity", "~lung consolidation"),
        ("mild", "small", "subtle"), ("moderate", "patchy"), ("dense", "extensive", "large"), "lung", (),
        ("focal consolidation", "consolidation", "airspace consolidation", "lobar consolidation"),
        ("Dense opacity with air bronchograms {post} is consistent with consolidation.",
         "Airspace opacity {post} represents {adj} consolidation.",
         "Confluent opacity {post} is compatible with consolidation."),
        ("Opacity {post} may represent consolidation.", "Hazy density {post} could reflect early consolidation."),
        0.6),
    "edema": Term(
        ("~pulmonary edema", "~interstitial edema", "~interstitial pulmonary edema", "~edema", "~perihilar edema"),
        *_MILD, "diffuse", (), ("pulmonary edema", "interstitial edema", "edema"),
        ("Perihilar hazy opacities are consistent with {adj} pulmonary edema.",
         "Bilateral perihilar haze is in keeping with {adj} edema.",
         "Indistinct perihilar markings reflect {adj} interstitial edema."),
        ("Perihilar haziness may represent {adj} pulmonary edema.",
         "Bilateral perihilar opacities could reflect {adj} edema."), 0.4),
    "emphysema": Term(
        ("~emphysema", "+emphysematous changes", "~pulmonary emphysema", "+changes of emphysema"),
        *_MILD, "diffuse", (), ("emphysema", "emphysematous change"),
        ("The lungs are {adv} emphysematous.", "Lucent lungs with attenuated vessels reflect {adj} emphysema.",
         "Increased lucency of both lungs is consistent with {adj} emphysema."),
        ("Increased lucency of the lungs may reflect {adj} emphysema.",), 0.05),
    "fibrosis": Term(
        ("~fibrosis", "~pulmonary fibrosis", "+fibrotic changes", "~reticular fibrosis", "~interstitial fibrosis"),
        *_MILD, "lung", (), ("fibrosis", "pulmonary fibrosis", "fibrotic change"),
        ("Coarse reticular markings {post} are consistent with {adj} fibrosis.",
         "Reticular opacities {post} reflect {adj} fibrosis.",
         "A coarse network of lines {post} is compatible with fibrosis."),
        ("Reticular markings {post} may represent fibrosis.",), 0.05),
    "hernia": Term(
        ("hiatal hernia", "hiatus hernia", "retrocardiac hiatal hernia", "sliding hiatal hernia"),
        *_SIZE, "none", (), ("hiatal hernia", "hiatus hernia"),
        ("A rounded retrocardiac density with an air-fluid level is consistent with a {adj} hiatal hernia.",
         "Retrocardiac lucency represents a {adj} hiatal hernia.",
         "A {adj} hiatal hernia projects behind the heart."),
        ("Retrocardiac density may represent a {adj} hiatal hernia.",), 0.05),
    "mass": Term(
        ("mass", "lung mass", "pulmonary mass", "rounded mass", "lobulated mass", "parenchymal mass"),
        ("small", "smaller"), ("moderate-sized", "medium-sized"), ("large", "sizable"), "lung",
        ("masses", "pulmonary masses", "lung masses"), ("mass", "pulmonary mass", "lung mass"),
        ("A {adj} well-defined mass projects over the {pre} region.",
         "A {adj} mass occupies part of the lung {post}.", "Rounded opacity {post} represents a {adj} mass."),
        ("Rounded density {post} may represent a mass.",), 0.12),
    "nodule": Term(
        ("nodule", "pulmonary nodule", "lung nodule", "rounded nodule", "solitary nodule", "solid nodule"),
        ("small", "tiny", "subtle"), ("moderate-sized", "medium-sized"), ("large", "prominent"), "lung",
        ("nodules", "pulmonary nodules", "lung nodules"), ("pulmonary nodule", "nodule", "lung nodule"),
        ("A {adj} nodule projects over the {pre} region.", "A {adj} rounded opacity {post} represents a nodule.",
         "Rounded opacity {post} is consistent with a {adj} pulmonary nodule."),
        ("Rounded density {post} may represent a pulmonary nodule.",
         "A nipple shadow {post} could mimic a nodule, so that a nodule is not excluded."), 0.15),
    "pleural effusion": Term(
        ("pleural effusion", "pleural effusion", "effusion", "layering pleural effusion", "~pleural fluid",
         "pleural fluid collection"),
        *_SIZE, "side", ("pleural effusions", "pleural effusions", "effusions", "layering effusions"),
        ("pleural effusion", "effusion", "pleural fluid"),
        ("Blunting of the {side} costophrenic angle is consistent with a {adj} pleural effusion.",
         "The {side} costophrenic angle is blunted by a {adj} effusion.",
         "Meniscus at the {side} base indicates a {adj} pleural effusion.",
         "{adj} amount of pleural fluid on the {side}."),
        ("Blunting of the {side} costophrenic angle may represent a {adj} pleural effusion.",
         "Hazy density at the {side} base could reflect a {adj} effusion."), 0.75),
    "pleural thickening": Term(
        ("~pleural thickening", "~thickening of the pleura", "~smooth pleural thickening", "~pleural thickening"),
        *_MILD, "pleura", (), ("pleural thickening", "thickening of the pleura"),
        ("The pleura is {adv} thickened {post}.", "{adj} thickening of the pleura is seen {post}.",
         "A band of density along the chest wall {post} represents {adj} pleural thickening."),
        ("Density along the chest wall {post} may represent pleural thickening.",), 0.06),
    "pneumothorax": Term(
        ("pneumothorax", "pneumothorax", "residual pneumothorax", "pneumothorax"),
        *_SIZE, "pleura", ("pneumothoraces",), ("pneumothorax",),
        ("A visceral pleural line {post} indicates a {adj} pneumothorax.",
         "Lucency without lung markings {post} is consistent with a {adj} pneumothorax.",
         "A pleural line is visible {post}, compatible with a {adj} pneumothorax."),
        ("Lucency {post} may represent a {adj} pneumothorax.",
         "A skin fold {post} mimics a pleural line, and a {adj} pneumothorax is not excluded."), 0.7),
    "calcified granuloma": Term(
        ("calcified granuloma", "granuloma", "punctate calcified granuloma", "dense calcified granuloma"),
        ("tiny", "small"), ("small",), ("larger",), "lung", ("calcified granulomas", "granulomas"),
        ("calcified granuloma", "granuloma"),
        ("A {adj} densely calcified focus {post} is consistent with a granuloma.",
         "Punctate calcification {post} represents a {adj} granuloma.",
         "A {adj} calcified granuloma projects over the {pre} region."),
        ("A tiny dense focus {post} may represent a granuloma.",), 0.03),
    "elevated hemidiaphragm": Term(
        ("~elevation of the {side} hemidiaphragm", "~elevation of the {side} diaphragm",
         "~{side} hemidiaphragm elevation", "~{side} hemidiaphragmatic elevation"),
        *_MILD, "named", (), ("elevation of either hemidiaphragm", "hemidiaphragm elevation"),
        ("The {side} hemidiaphragm is {adv} elevated.", "The {side} diaphragm is {adv} elevated.",
         "The {side} hemidiaphragm is {adv} higher than expected, consistent with elevation."),
        ("The {side} hemidiaphragm may be {adv} elevated.",), 0.05),
    "central line": Term(
        ("central venous catheter", "central line", "internal jugular central venous catheter", "PICC",
         "subclavian central venous catheter", "internal jugular line", "PICC line"),
        *_PLAIN, "side", ("central venous catheters", "central lines"), ("central venous catheter", "central line"),
        ("The {side} internal jugular central venous catheter terminates in the mid SVC.",
         "{side} PICC ends in the lower superior vena cava.",
         "The tip of the {side} subclavian central line projects over the SVC.",
         "{side}-sided central venous catheter with its tip at the cavoatrial junction.",
         "A {side} IJ central line ends in the superior vena cava."),
        (), 0.04),
    "pacemaker": Term(
        ("pacemaker", "chest wall pacemaker", "pectoral pacemaker", "dual-lead pacemaker", "cardiac pacemaker"),
        *_PLAIN, "side", ("pacemakers",), ("pacemaker", "cardiac pacemaker"),
        ("A {side} chest wall pacemaker has leads in the right atrium and right ventricle.",
         "{side}-sided dual-chamber pacemaker with leads in standard position.",
         "The leads of the {side} pectoral pacemaker end in the expected location.",
         "{side} pacer with intact leads."),
        (), 0.04),
}  # fmt: skip

# Findings that phantoms never show, only denied: name -> (words, probability).
ONLY_DENIED: dict[str, tuple[tuple[str, ...], float]] = {
    "pneumonia": (("pneumonia", "focal pneumonia", "lobar pneumonia"), 0.2),
    "fracture": (("acute fracture", "displaced rib fracture", "rib fracture"), 0.1),
    "free air": (("free air below the diaphragm", "subdiaphragmatic free air", "pneumoperitoneum"), 0.05),
}
