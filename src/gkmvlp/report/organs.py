"""What reports say of organs: "heart size is normal", "blunted costophrenic angle". Data with names.

An organ and a quality that belong together state entities: ``MEANINGS[organ, quality]`` is ((entity, status), ...).
"""

from gkmvlp.report.patterns import Alternation

ORGAN_WORDINGS: dict[str, tuple[str, ...]] = {
    "heart": ("cardiac(?= ?:)", "heart(?: size| contours?| silhouette| shadow)?", "heart and mediastinal silhouettes?",
              "cardiac(?: (?:and|or) mediastinal)? (?:silhouettes?|size|contours?|shadow|borders?|diameter|outline)",
              "size of the (?:heart|cardiac silhouette)", "cardio ?pericardial silhouette",
              "cardio ?thoracic (?:ratio|index)", "ctr",
              "ventric(?:le|ular size)"),
    "heart and mediastinum": ("cardio ?mediastinal (?:silhouettes?|contours?|structures|shadow|outline|borders?)",
                              "cardio ?mediastinum", "cardiac and mediastinal (?:silhouettes?|contours?|structures)",
                              "(?:cardio)?mediastinal and cardiac (?:silhouettes?|contours?)",
                              "cardiac mediastinal silhouettes?"),
    "heart, mediastinum and hila": ("cardiac,? mediastinal,? and hilar (?:silhouettes?|contours?|structures)",
                                    "cardio ?mediastinal and hilar (?:silhouettes?|contours?|structures)",
                                    "hilar and cardio ?mediastinal (?:silhouettes?|contours?|structures)"),
    "mediastinum and hila": ("(?:mediastinal and hilar|hilar and mediastinal) (?:silhouettes?|contours?|structures)",),
    "mediastinum": ("mediastinum", "mediastinal(?= ?:)",
                    "mediastinal (?:silhouettes?|contours?|structures|width|borders?|outline)",
                    "mediastinal(?:,)? (?:and|or) aortic (?:contours?|silhouettes?)"),
    "hila": ("hila", "hilum", "hilums", "hili", "hilar (?:contours?|structures|regions?|silhouettes?|shadows?)"),
    "lungs": ("pulmonary(?= ?:)", "chest(?= (?:(?:is|remains|appears|looks) )?(?:\\w+ly )?clear\\b)",
              "lungs?(?: fields?| parenchyma| zones?| bases?| apices)?", "bases", "pulmonary parenchyma"),
    "angles": ("(?:costo ?phrenic|phreni[cn]o ?costal|costo ?diaphragmatic|pleural) (?:angles?|sulc(?:us|i)"
               "|recess(?:es)?|sinus(?:es)?)",
               "(?:phrenic )?sinus(?:es)?(?= (?:(?:is|are) )?(?:free|clear)\\b)", "cp (?:angles?|sulc(?:us|i))",
               "lateral (?:costophrenic )?(?:angles?|sulc(?:us|i))",
               "posterior (?:costophrenic )?(?:angles?|sulc(?:us|i))"),
    "pleura": ("pleural(?= ?:)", "pleural (?:spaces?|surfaces?|margins?)", "pleura"),
    "bones": ("(?:osseous|bony|skeletal|musculoskeletal)(?= ?:)",
              "(?:osseous|bony|skeletal) (?:structures?|thorax|framework|elements|skeleton)", "bones", "ribs?",
              "(?:bony|rib|thoracic) ?cage", "vertebral (?:body )?heights?", "vertebral bod(?:y|ies)",
              "skeleton", "regional skeleton"),
    "aorta": ("aorta", "aortic (?:arch|knob|button|contour|silhouette|xxxx)", "thoracic aorta", "arch of the aorta"),
    "hemidiaphragm": ("hemi ?diaphragms?", "diaphragms?", "diaphragmatic contours?"),
    "vessels": ("(?:pulmonary )?vascular (?:markings?|pedicle|pattern|structures?|caliber)",
                "(?:pulmonary )?vasculature", "(?:pulmonary )?vascularity", "vessels",
                "(?:pulmonary )?vascular(?= (?:normal|unremarkable)\\b)",
                "(?:pulmonary|upper lobe|upper zone) (?:vessels|veins|vasculature)",
                "interstitial vascular markings"),
    "volumes": ("(?:lung|inspiratory|pulmonary) volumes?",),
    "inspiration": ("(?:lung )?expansion(?: of the lungs)?", "inspiration", "inspiratory effort"),
    "interstitium": ("(?:interstitial|interstitium)(?: lung)? markings?", "interstitium"),
    "none": (
        "(?:paranasal|maxillary|frontal|sphenoid|ethmoid|nasal) sinus(?:es)?",
        "(?:great|coronary|crowded|overlapping|overlying|brachiocephalic|neck|carotid) vessels",
        "vessels? (?:on|seen on|in) end",
        "heart (?:failure|rate|rhythm|block|border|valve)", "right heart border",
             "lung (?:cancer|transplant\\w*|nodule)"),
}  # fmt: skip

QUALITY_WORDINGS: dict[str, tuple[str, ...]] = {
    "normal": ("normal", "normali[sz]ed", "unremarkable", "within (?:normal )?limits", "wnl",
               "within (?:the )?(?:normal range|normality|norms?)",
               "regular(?! (?:in )?(?:(?:heart|cardiac|sinus) )?(?:rhythm|rate|beats?))",
               "without (?:any |significant |evident |pathological |relevant )*(?:alterations?|abnormalit(?:y|ies)"
               "|particularities|peculiarities)",
               "not remarkable", "not abnormal(?:ly (?:enlarged|wide|dilated))?",
               "intact", "normal appearing",
               "no (?:\\w+ )?abnormalit(?:y|ies) (?:of|in)(?= the (?:heart|lungs?|bones|bony))", "preserved",
               "maintained", "ok", "okay",
               "satisfactory", "of normal size",
               "normal in size", "normal sized?", "grossly normal", "well (?:aerated|defined)", "clean",
               "non ?enlarged", "adequate"),
    "clear": ("clear(?:ed)?(?! of)", "sharp", "clear bilaterally", "well aerated and clear", "crisp",
              "free of fluid", "free(?! (?:of|from|air|gas|fluid|intra|sub|flow|edge|peri))"),
    "not clear": ("(?:not|partially|partly|mostly|largely|incompletely|somewhat|nearly|almost) (?:\\w+ )?cleared",
                  "(?:fail(?:s|ed|ing)?|yet) to (?:\\w+ly )?clear",
                  "(?:far from|anything but|less than) (?:clear|normal|sharp|unremarkable)"),
    "enlarged": (r"enlarg(?:ed|ement)", "large", "increased(?: in size)?", "widen(?:ed|ing|s)", "wide", "dilated",
                 "big",
                 "dilatation", "engorged", "engorgement", "indistinct(?:ness)?", "plethoric", "full", "fullness",
                 "bulky", "distended", "broad(?:ened)?", "globular", "greater than normal", "indistinct margins",
                 "enlarging"),
    # Read only where it is negated: what has grown may be normal.
    "increase": ("increase in (?:size|width|caliber|diameter|prominence)(?! of)", "increase(?! (?:in|of))"),
    "increase of": ("increase (?:in|of)",),  # of the organ behind it
    "prominent": ("prominent", "generous", "prominence", "magnified", "exaggerated size"),
    "borderline": ("borderline(?: in size)?(?: enlarged| enlargement| large| prominent| size| normal)?",
                   "borderline to mildly enlarged",
                   "(?:upper )?normal to (?:mildly |slightly |minimally )?(?:enlarged|increased|borderline"
                   "|prominent)(?: in size)?", "upper limits? of (?:the )?normal", "top normal", "upper normal",
                   "top (?:limits? )?of normal", "high normal",
                   "(?:at|within|near) (?:the )?upper limits?(?: of normal)?"),
    "low normal": ("low normal", "(?:at )?(?:the )?lower limits? of normal", "lower normal"),
    "small": ("small", "low(?!er)", "shallow", "poor"),
    "less": ("reduced", "diminished", "decreased"),  # of a heart it says no more than that it was larger
    "blunted": (r"blunt(?:ed|ing)", "pinch(?:ed|ing)", "imping(?:ed|ement)", "effaced",
                "effacement", r"meniscus", "obliterat(?:ed|ion)", "filled in"),
    "obscured": ("obscured(?! by (?:the |an? )?(?:overlying|soft|breast|heart|chin|arms?|monitor|leads?|body"
                 "|patient))", "obscuration", "indistinct lateral"),
    "tortuous": (r"tortuous", "tortuosity", "unfold(?:ed|ing)", "unwound", "uncoil(?:ed|ing)", "ectatic", "ectasia",
                 "elongat(?:ed|ion)"),
    "calcified": (r"calcifi\w+", "atherosclerotic", "atheromatous", "calcific"),
    "thickened": ("thickened",),
    "coarse": ("coarse(?:ned|ning)?", r"accentuat\w+"),
    "former": ("(?:previously|formerly) (?:\\w+ly )?(?:enlarged|widened|wide|prominent|blunted|elevated"
               "|dilated)",),
    "elevated": ("elevat(?:ed|ion)", "raised", "high(?: riding)?", "asymmetrically high",
                 "higher(?= than the (?:left|right))"),
    "flat": ("flat(?:tened|tening)?", "low lying"),
}  # fmt: skip

Meaning = tuple[tuple[str, int], ...]
_CLEAR: Meaning = (("consolidation", 0), ("lung opacity", 0))
_NO_FLUID: Meaning = (("pleural effusion", 0),)
MEANINGS: dict[tuple[str, str], Meaning] = {
    ("heart", "normal"): (("cardiomegaly", 0),),
    ("heart", "small"): (("cardiomegaly", 0),),
    ("heart", "enlarged"): (("cardiomegaly", 1),),
    ("heart", "prominent"): (("cardiomegaly", -1),),
    ("heart", "borderline"): (("cardiomegaly", -1),),
    ("heart and mediastinum", "normal"): (("cardiomegaly", 0), ("enlarged mediastinum", 0)),
    ("heart and mediastinum", "enlarged"): (("cardiomegaly", 1), ("enlarged mediastinum", 1)),
    ("heart and mediastinum", "prominent"): (("cardiomegaly", -1), ("enlarged mediastinum", -1)),
    ("heart and mediastinum", "borderline"): (("cardiomegaly", -1),),
    ("heart, mediastinum and hila", "normal"): (
        ("cardiomegaly", 0),
        ("enlarged mediastinum", 0),
        ("hilar enlargement", 0),
    ),
    ("mediastinum and hila", "normal"): (("enlarged mediastinum", 0), ("hilar enlargement", 0)),
    ("mediastinum", "normal"): (("enlarged mediastinum", 0),),
    ("mediastinum", "enlarged"): (("enlarged mediastinum", 1),),
    ("mediastinum", "prominent"): (("enlarged mediastinum", -1),),
    ("mediastinum", "borderline"): (("enlarged mediastinum", -1),),
    ("hila", "normal"): (("hilar enlargement", 0),),
    ("hila", "enlarged"): (("hilar enlargement", 1),),
    ("hila", "prominent"): (("hilar enlargement", 1),),
    ("lungs", "clear"): _CLEAR,
    ("lungs", "normal"): _CLEAR,
    ("angles", "clear"): _NO_FLUID,
    ("angles", "normal"): _NO_FLUID,
    ("angles", "blunted"): (("pleural effusion", 1),),
    ("angles", "obscured"): (("pleural effusion", -1),),
    ("pleura", "clear"): (("pleural effusion", 0), ("pneumothorax", 0)),
    ("pleura", "normal"): (("pleural effusion", 0), ("pneumothorax", 0)),
    ("pleura", "thickened"): (("pleural thickening", 1),),
    ("bones", "normal"): (("fracture", 0),),
    ("aorta", "tortuous"): (("tortuous aorta", 1),),
    ("aorta", "calcified"): (("aortic calcification", 1),),
    ("hemidiaphragm", "elevated"): (("elevated hemidiaphragm", 1),),
    ("hemidiaphragm", "normal"): (("elevated hemidiaphragm", 0),),
    ("hemidiaphragm", "flat"): (("hyperinflation", 1),),
    ("vessels", "normal"): (("vascular congestion", 0),),
    ("vessels", "enlarged"): (("vascular congestion", 1),),
    ("vessels", "prominent"): (("vascular congestion", 1),),
    ("interstitium", "enlarged"): (("interstitial lung disease", 1),),
    ("interstitium", "prominent"): (("interstitial lung disease", 1),),
    ("interstitium", "coarse"): (("interstitial lung disease", 1),),
    ("interstitium", "normal"): (("interstitial lung disease", 0),),
    ("volumes", "small"): (("low lung volumes", 1),),
    ("inspiration", "small"): (("low lung volumes", 1),),
    ("volumes", "less"): (("low lung volumes", 1),),
    ("volumes", "low normal"): (("low lung volumes", -1),),
    ("volumes", "normal"): (("low lung volumes", 0),),
    ("volumes", "enlarged"): (("hyperinflation", 1),),
    ("volumes", "elevated"): (("hyperinflation", 1),),
}

# "No increase in heart size" says as much as "the heart is not enlarged".
MEANINGS |= {
    (organ, increase): means
    for (organ, quality), means in MEANINGS.items()
    if quality == "enlarged" and organ != "volumes"
    for increase in ("increase", "increase of")
}

# Organ or quality, and which.
Said = tuple[str, str]
ORGANS: Alternation[Said] = Alternation(
    [(wording, ("organ", name)) for name, wordings in ORGAN_WORDINGS.items() for wording in wordings]
    + [(wording, ("quality", name)) for name, wordings in QUALITY_WORDINGS.items() for wording in wordings]
)
