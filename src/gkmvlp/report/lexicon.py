"""Wordings of the entities in radiology reports: data, one row an entity.

Each wording is a regular expression over lower-case text that begins with a letter; a blank stands for blanks or
hyphens. The longest wordings are tried first. Phrases that say something of an organ ("heart size is normal") are in
``organs.py``.
"""

from gkmvlp.report.patterns import Alternation

_INSPIRATORY = r"(?:inspiration|inspiratory (?:effort|volumes?|lung volumes?|level)|degree of inspiration)"
_PLACES = (r"(?:(?:right|left|bilateral|upper|middle|mid|lower|lobes?|lungs?|midlung|zones?"
           r"|bases?|(?:peri|supra|infra)?hilar|apical|basilar|lingular|pulmonary|parenchymal) ){0,4}")  # fmt: skip
_CANCER = "(?:mass|tumou?r|nodule|cancer|carcinoma|lesion|malignancy|neoplasm)"
_OPERATED = "(?:resection|excision|surgery|biopsy|treatment)"
_TREATED = ("(?:treated|resected|status post (?:\\w+ ){0,3}(?:resection|excision|lobectomy|pneumonectomy|segmentectomy"
            "|surgery|radiation|radiotherapy|chemotherapy|treatment|therapy|ablation))")  # fmt: skip
_JOINT = (r"(?:shoulder|acromio\w*|gleno\w*|ac joint|humer\w*|knee|hip|ankle|(?:mid|fore|hind)?foot|hand|wrist|elbow"
          r"|sternoclavicular|sacroiliac|compartment)")  # fmt: skip
_VERTEBRA = r"(?:(?!and\b|no\b|with\b)[\w-]+ ){0,5}(?:vertebra\w*|[tld]\d+)"
# Of a device: "intact without fracture".
_WHOLE = (
    r"(?:(?:(?:is|are|appears?) )?(?:\w+ )?(?:intact|unbroken),? (?:without"
    r"|with no) (?:evidence of )?(?:\w+ )?fractures?"
    r"|(?:(?:is|are|appears?) )?not fractured)"
)
_LINE = r"(?:catheters?|lines?|cvc|cvl|sheaths?|cordis|introducers?|picc)"

WORDINGS: dict[str, tuple[str, ...]] = {
    "atelectasis": (r"atelect\w+", r"dystelect\w+", "volume loss", "loss of (?:lung )?volume", r"collaps(?:e|ed|ing)"),
    "cardiomegaly": ("cardiomegaly", "megalocardia", "cardiac enlargement", "heart enlargement", "cardiac dilatation",
                     "cardiac prominence", "(?:bi)?ventricular (?:enlargement|dilatation)",
                     "cardiac silhouette enlargement"),
    "consolidation": (r"consolidat\w+",),
    "edema": ("o?edema", "odema", "fluid overload", "volume overload", "overhydration", "heart failure", "chf",
              "cardiac failure", "(?:cardiac|heart) decompensation", "ccf", "lvf", "(?:congestive )?failure",
              r"kerley(?: \w)? lines?",
              "b lines", "septal (?:lines|thickening)",
              "fluid status overload"),
    "enlarged mediastinum": ("mediastinal (?:widening|enlargement|prominence|fullness)",
                             "mediastinal contour widening"),
    "fracture": (r"fractur\w+", "(?:healing |old )?callus (?:formation|around|about)", "fxs?",
                 r"compression deformit\w+", r"(?:vertebral|rib|wedge) deformit\w+",
                 "(?:anterior|vertebral(?: body)?) wedging",
                 "vertebral (?:body )?(?:collapse|compression)", "wedge compression",
                 r"compression of (?:the )?[tld]\d+", rf"(?:collapse|crush(?:ing|ed)?) (?:of|at|in) {_VERTEBRA}",
                 "vertebral (?:body )?(?:crush(?:ing|es)?|burst)", r"crushed vertebra\w*",
                 "compressed vertebra\\w*", "loss of (?:vertebral |anterior )(?:body )?height",
                 rf"(?:loss of height|height loss|wedging) (?:of|at|in|involving) {_VERTEBRA}",
                 "vertebral (?:body )?height loss", r"wedg(?:e|ed|ing) (?:\w+ )?(?:deformit\w+|vertebra\w*)",
                 rf"deformit(?:y|ies) of {_VERTEBRA}", r"deformit(?:y|ies) of the (?:\w+ )*(?:ribs?|clavicles?)"),
    "nodule": (r"nodul\w*", r"micronodul\w+", rf"non ?calcified (?:\w+ )?{_PLACES}nodules?",
               r"(?:pulmonary|lung) metasta\w+", "coin lesion"),
    "mass": ("mass(?:es)?", r"tumou?rs?",
             "(?:lung|pulmonary|parenchymal) lesions?"),
    "lung opacity": (r"opacit\w+", r"opacif\w+", "haz[ey]", "haziness", r"densit(?:y|ies)", "ground glass",
                     "white ?out", r"hyperdensit\w+", "shadowing", "airspace filling",
                     "(?:inhomogeneous|patchy|ill defined|round(?:ed)?|dense|hazy|pulmonary|faint|vague|streaky)"
                     " shadows?"),
    "pleural effusion": (r"effusions?", "pleural (?:fluid|collections?|liquid)", r"h(?:a?)emothora\w+",
                         r"hydrothora\w+", r"(?:chylo|pyo)thora\w+",
                         "empyema", r"(?:pus|blood) in the (?:\w+ )*pleural (?:space|cavity)",
                         r"fluid (?:\w+ )?in the (?:\w+ )?fissures?",
                         r"fluid (?:tracks?|tracking|extends?|extending) (?:\w+ ){1,3}(?:fissures?|pleura"
                         r"|pleural space)", "fissural fluid",
                         "fluid filled (?:\\w+ )?fissures?", "fissural effusion",
                         "(?:layering|loculated|subpulmonic|free) fluid", "(?:pleural|costophrenic) fluid",
                         "fluid (?:is |collection )?(?:in|at|along|within|layering) (?:\\w+ )*(?:pleura|pleural"
                         "|bases?|fissures?)"),
    "pleural thickening": ("pleural thickening", r"pleural plaqu\w+", r"apical (?:pleural )?cap\w*",
                           "pleural cap(?:ping|s)?", "pleural reactions?",
                           r"pleural calcifi\w+",
                           r"pleural scar\w*", "thickening of the (?:\\w+ )*pleura", "thickened pleura", "fibrothorax",
                           "(?:bi ?)?apical (?:fibro ?nodular |cap |soft tissue |smooth )?thickening",
                           "(?:fissural|fissure) thickening",
                           "thickening (?:of|along) the (?:\\w+ )*fissures?", "thickened (?:\\w+ )?fissures?"),
    "pneumonia": (r"pneumoni\w+", r"bronchopneumoni\w+", r"infect(?:ion|ions|ious|ive)\b", "superinfection",
                  "aspiration", "pna"),
    "pneumothorax": (r"pneumothora\w+", "ptx", "pleural air", "(?:air|gas) in the (?:\\w+ )*pleural (?:space|cavity)",
                     "pneumothroax"),
    "support device": ("support(?:ive)? (?:devices?|lines?|apparatus|hardware|equipment)",
                       "support and monitoring devices?", "monitoring and support devices?", "monitoring devices?",
                       "lines,? (?:and |or )?tubes",
                       "lines(?= (?:are |is |remain )?(?:unchanged|stable|in (?:place|situ|(?:\\w+ )?position)))",
                       "tubes (?:and|or) lines", "hardware", "lines and catheters",
                       "(?:prosthetic|mechanical|artificial|bioprosthetic) (?:\\w+ )?valves?",
                       "valve (?:prosthesis|replacement)", "(?:aortic )?balloon pump", "iabp", "lvad", "impella",
                       r"ventricular assist device\w*", "implanted devices?", "stents?", "vp shunt", "stimulator",
                       r"indwelling (?:catheters?|lines?|tubes?)", "devices?", "ecmo cannula\\w*",
                       "ta[vu][ri]", "loop recorders?", "annuloplasty(?: rings?)?",
                       "(?:fusion|fixation|pedicle) (?:plates?|rods?|screws?)", "(?:spinal|harrington) rods?",
                       "(?:catheters?|tubes?), indwelling",
                       "(?:ivc|(?:vena )?caval?|inferior vena cava) filters?"),
    "infiltration": (r"infiltrat\w+",),
    "emphysema": (r"emphysem\w+", "bull(?:a|ae|ous)", "blebs?"),
    "fibrosis": (r"fibros[ei]s", "fibrotic", r"honeycomb\w*"),
    "hernia": (r"hern[ie]as?", r"herniation\w*"),
    "vascular congestion": ("congestion", "congested", "(?:vascular|venous) engorge(?:ment|d)",
                            r"cephali[sz]\w+", "(?:vascular|flow) (?:re)?distribution", "venous hypertension",
                            "vascular (?:prominence|indistinctness|plethora|crowding and congestion)",
                            "congestive changes?", "upper (?:lobe|zone) (?:venous |blood )?diversion"),
    "interstitial lung disease": ("interstitial (?:lung |pulmonary )?disease", "ild", "interstitial pneumonitis",
                                  "interstitial (?:abnormalit\\w+|process|pattern|changes?|prominence|thickening)",
                                  "(?:usual|nonspecific|non specific|desquamative|lymphocytic|lymphoid|idiopathic"
                                  r"|fibrosing|chronic) interstitial pneumoni(?:a|as|tis)", r"reticulation\w*"),
    "bronchiectasis": (r"bronchiecta\w+",),
    "calcified granuloma": (r"granuloma\w*(?: (?:lung |pulmonary )?(?:infections?|diseases?|process|changes?"
                            r"|exposure))?", rf"calcified (?:\w+ )?{_PLACES}(?:nodules?|granuloma\w*)",
                            "(?:calcific|calcific density|granulomatous) nodules?",
                            "(?:ghon|ranke)(?: (?:focus|foci|lesion|complex))?",
                            rf"nodules? (?:(?:in|at|of) (?:the )?{_PLACES})?(?:(?:that|which) )?(?:is|are|appears?) "
                            r"(?:\w+ly )?calcified"),
    "scarring": (r"scar(?:s|ring|red)?", "nodular scar(?:s|ring)?",
                 r"fibro ?calcific(?: (?:changes?|disease|densit\w+|scar\w*|opacit\w+|lesions?))?",
                 "fibrous (?:bands?|strands?|stranding|tracts?|streaks?|scars?|scarring)",
                 r"fibro ?nodular(?: (?:changes?|disease|scarring|densit\w+|opacit\w+))?"),
    "hilar enlargement": (r"(?:lymph ?)?adenopathy (?:in|of|at|involving) (?:(?:the|both|right|left|bilateral) )*"
                          "hil(?:a|um)",
                          r"hilar (?:(?:and|or) \w+ )?(?:(?:lymph ?)?adenopathy|lad)",
                          "hilar (?:enlargement|prominence|fullness|lymph node enlargement)"),
    "tortuous aorta": (r"aortic (?:tortuosity|unfolding|ectasia|elongation)", r"unfolding of the (?:\w+ )?aorta"),
    "aortic calcification": (r"aortic (?:\w+ )?(?:calcific\w+|atheroscl\w+|atheroma)",
                             r"vascular calcific\w+", r"atheroscl\w+(?: calcific\w+| diseases?| changes?)?",
                             r"arch calcific\w+",
                             r"atherom\w+ (?:of|in) the (?:\w+ )?(?:aorta|arch|aortic arch)"),
    "elevated hemidiaphragm": ("eventration", "diaphragmatic (?:elevation|eventration)",
                               "(?:hemi)?diaphragm elevation"),
    "hyperinflation": (r"hyper ?inflat\w+", r"hyper ?expan\w+", r"hyper ?aerat\w+", r"over ?inflat\w+", "overexpanded",
                       "air trapping", r"(?:hyper|over) ?disten\w+", "copd",
                       "chronic obstructive (?:pulmonary|lung|airways?) disease",
                       "obstructive (?:pulmonary|lung|airways?) disease"),
    "low lung volumes": ("low (?:lung |inspiratory )*volumes?", "low in volume",
                         rf"(?:poor|shallow|low|suboptimal|limited|"
                         rf"reduced|decreased|incomplete|weak|small) {_INSPIRATORY}", r"hypo ?inflat\w+",
                         r"hypo ?ventilat\w+", r"under ?inflat\w+", r"hypo ?aerat\w+", "underexpanded",
                         r"hypo ?expan\w+", "poorly (?:inflated|expanded)"),
    "subcutaneous emphysema": ("(?:subcutaneous|soft tissue|chest wall|surgical) (?:emphysema|air|gas)",
                               r"(?:air|gas|emphysema) (?:\w+ ){0,2}(?:in|into|within|through(?:out)?) the (?:\w+ )*"
                               r"(?:soft tissues?|chest wall)"),
    "free air": ("free (?:intra ?peritoneal |intra ?abdominal |sub ?diaphragmatic |abdominal |peritoneal "
                 "|sub ?phrenic )*"
                 "(?:air|gas)", "pneumoperitoneum", r"(?:air|gas) (?:\w+ )?(?:under|beneath|below) "
                 r"(?:the |either |\w+ )*(?:hemi ?)?diaphragm\w*", "sub ?diaphragmatic (?:free )?(?:air|gas|lucency)",
                 "intra ?peritoneal (?:free )?(?:air|gas)"),
    "scoliosis": (r"(?:dextro|levo|kypho|roto)?scolio\w+", "(?:spinal|scoliotic|thoracic) curvature", "scolio\\w+",
                  "(?:dextro|levo)curvature",
                  "curvature of the (?:\\w+ )?spine", r"(?:dextro|levo)convex\w*", "s shaped curv(?:ature|e)"),
    "degenerative spine": ("degenerative", r"(?:spinal|spine|dis[ck]|endplate) degeneration",
                           r"degeneration (?:of|in|within|along) (?:the )?(?:\w+ ){0,2}(?:spine|vertebra\w*|dis[ck]s?)",
                           r"osteophyt\w+", r"spondyl(?:osis|otic)", "dis[ck] space narrowing",
                           "spurring", "(?:arthritic|hypertrophic|senescent|endplate) changes? (?:of|in|within"
                                       "|throughout|along)"
                         " (?:the )?(?:\\w+ )*spine", "spinal arthritis",
                           "dish", "ddd",
                           "(?:djd|degenerative joint disease) (?:of|in) (?:the )?(?:\\w+ )*spine",
                           "(?:spinal|spine|thoracic|multilevel) djd", "djd (?:of the )?(?:spine|[tl] spine|thoracic)",
                           "diffuse idiopathic skeletal hyperostosis"),
    "endotracheal tube": ("endotracheal(?: tubes?)?", "e\\.?t\\.? tubes?", "ett", "tracheal tube", "intubated",
                          r"tracheostom\w+(?: tube| cannula)?", "endo tracheal tube", "intubation",
                          "trach(?: tube)?"),
    "enteric tube": ("(?:naso|oro)(?:gastric|enteric|jejunal|duodenal)(?: tubes?)?", "enteric tubes?", "enteric",
                     "n\\.?g\\.? tubes?", "o\\.?g\\.? tubes?", "[no]gt", r"dob+ ?ho\w+(?: (?:feeding )?tube)?",
                     "feeding tubes?", "(?:gastric|stomach) (?:tubes?|probes?)", "(?:o?esophageal) tube",
                     "tube (?:\\w+ )?in the stomach",
                     r"corpak\w*(?: tube)?"),
    "central line": (r"piccs?(?: lines?| catheters?)?", rf"central (?:venous )?(?:access )?{_LINE}", "cvc", "cvl",
                     "tlc", "triple lumen (?:catheter|line)",
                     rf"(?:internal )?jugular (?:[\w-]+ ){{0,4}}{_LINE}", rf"ij(?: [\w-]+){{0,3}} {_LINE}", "[rl]?ij",
                     rf"subclavian (?:[\w-]+ ){{0,4}}{_LINE}", rf"sc {_LINE}",
                     r"port ?a ?cath\w*", "medi ?port", "chest port",
                     "(?:infusion|subclavian|venous access) port", "port catheter", "port", "swan ganz(?: catheter)?",
                     "pulmonary arter(?:y|ial) catheter", "(?:hemo)?dialysis (?:catheter|line)",
                     "hickman(?: catheter)?",
                     "perma?cath", "vas ?cath", "(?:quinton|trialysis|groshong|broviac|tesio) (?:catheter|line)",
                     rf"venous {_LINE}", "peripherally inserted central catheter", "pa catheter", "swan"),
    "pacemaker": (r"pace ?makers?", "pacers?", "ppm", "pacing (?:leads?|wires?|devices?|system)",
                  "(?:a?icd|icds|bivicd)",
                  r"(?:cardioverter )?defibrillators?", "cardioverter defibrillators?",
                  "dual (?:chamber|lead) (?:cardiac )?"
                  "(?:device|generator)", "cardiac (?:rhythm |conduction )?(?:device|generator)", "crt d"),
    "chest tube": ("chest tubes?", "thoracostomy(?: tubes?)?", r"pig ?tails?(?: (?:pleural )?(?:catheters?|drains?))?",
                   "pleural (?:catheters?|drains?|tubes?|pigtails?)", r"pleurx\w*(?: catheter)?",
                   "(?:thoracic|intercostal|chest|mediastinal) drains?"),
    "sternotomy wires": (r"(?:median )?sternotom\w+(?: (?:wires?|hardware))?", "sternal (?:\\w+ )?(?:wires?|sutures?)",
                         "cerclage wires?"),
    "cavity": (r"cavit\w+",),
}  # fmt: skip

# Wordings that name several entities, or one that others would claim.
SHARED: dict[str, tuple[str, ...]] = {
    r"hydro ?pneumothora\w+": ("pneumothorax", "pleural effusion"),
    r"pyo ?pneumothora\w+": ("pneumothorax", "pleural effusion"),
    r"h(?:a?)emo ?pneumothora\w+": ("pneumothorax", "pleural effusion"),
    "(?:pleuro ?parenchymal|pleural parenchymal|pleural and parenchymal) scar\\w*": ("scarring", "pleural thickening"),
    "(?:fractured?|broken|disrupted) (?:\\w+ )?(?:sternal|sternotomy|cerclage) (?:wires?|sutures?)": (
        "sternotomy wires",
    ),
    "(?:fractured?|broken|disrupted) (?:pacer|pacemaker|pacing|icd) (?:leads?|wires?)": ("pacemaker",),
    "(?:sternal|sternotomy|cerclage) wire fractures?": ("sternotomy wires",),
    f"(?:median )?(?:sternal|sternotomy|cerclage) (?:wires?|sutures?) {_WHOLE}": ("sternotomy wires",),
    r"cavit(?:ary|ating|ated) (?:\w+ )?lesions?(?: (?:in|of|within|at) the (?:\w+ ){0,3}(?:lungs?|lobes?|lingula|zones?"
    r"|apex|apices))?": ("cavity",),
    "(?:copd|emphysema) ?/ ?(?:copd|emphysema)": ("emphysema", "hyperinflation"),
}

# Words that look like an entity and are none.
DECOYS: tuple[str, ...] = (
    "pericardial (?:effusions?|fluid)", "joint effusions?", "mass effect", "mass ?like",
    "nodular(?= (?:\\w+ )?(?:irregularit\\w+|pleural|thickening|contours?|infiltrat\\w+|interstitial|goit\\w+))",
    "(?:soft tissue|laryngeal) edema", "(?:mediastinal|interstitial|gastric|orbital) emphysema",
    "(?:pleural|thoracic|chest|abdominal|peritoneal|oral|body) cavit(?:y|ies)", "densit(?:y|ies) of the bones?",
    r"(?:bone|bony|osseous)(?: mineral)? densit\w+", "nipple shadows?", r"dis[ck] herniation",
    "degenerative (?:joint disease|changes?|disease|arthritis) (?:of|in|at|about|involving) (?:the |both |bilateral "
    f"|right |left )*{_JOINT}s?", f"{_JOINT}(?: joints?)? degenerative (?:joint )?(?:changes?|disease|arthritis)",
    r"(?:bowel|colonic|gastric|stomach|intestinal) (?:gas|air|loops?) (?:\w+ )?(?:under|beneath|below) "
    r"(?:the |\w+ )*(?:hemi ?)?diaphragm\w*",
    "(?:airways?|circulatory|vascular|cardiovascular|tracheal|bronchial) collapse",
    "port of entry", "calcified (?:lung |pulmonary )?lesions?",
    "atherosclerosis of the coronar\\w+",
    "(?:body )?mass index", "side ?port",
    "not (?:yet |been )*extubated", "cystic fibrosis", r"post ?infectio\w+", r"post ?pneumoni\w+",
    "post ?(?:inflammatory|empyema)", "(?:hypersensitivity|radiation|drug|lupus|allergic) (?:induced )?pneumonitis",
    r"pneumonitis (?:from|due to|secondary to|after) (?:\w+ )?(?:radiation|radiotherapy|drugs?|amiodarone)",
    r"(?:chest|thoracostomy) tube (?:tracts?|tracks?|sites?|scar\w*)",
    "(?:respiratory|renal|liver|hepatic|kidney|hardware|treatment|ventilatory|multi ?organ) failure",
    "(?:hiatal |hiatus |diaphragmatic )?hernia repair", "(?:inguinal|umbilical|ventral|incisional) hernias?",
    "(?:breast|colon|renal|kidney|thyroid|prostate|ovarian|esophageal|gastric|pancreatic|cervical|bladder|skin|brain"
    "|head and neck|rectal|colorectal|liver|hepatic|uterine|endometrial)(?: cell)? (?:ca|cancers?|carcinomas?"
    "|mass(?:es)?"
    "|tumou?rs?|malignanc(?:y|ies)|neoplasms?|lesions?)",
    r"(?:abdominal|neck|adrenal|splenic|axillary|scalp) mass(?:es)?",
    f"{_CANCER} {_OPERATED}", f"(?:lung|pulmonary|bronchogenic) {_CANCER} {_OPERATED}",
    f"{_CANCER} {_TREATED}", f"(?:lung|pulmonary|bronchogenic|(?:upper|middle|lower) lobe) {_CANCER} {_TREATED}",
    # Left ventricular function.
    "(?:normal|preserved|good|poor|fair|satisfactory|adequate|reduced|impaired|depressed) (?:\\w+ )?lvf",
    "lvf (?:(?:is|was|remains|of|appears) )?(?:\\w+ly )?(?:normal|preserved|good|poor|fair|satisfactory|adequate"
    "|reduced|impaired|depressed|\\d+)",
    "(?:fractured|broken) (?:\\w+ )?(?:leads?|hardware|catheters?|screws?|rods?)",
    "(?:lead|hardware|catheter|screw|rod|wire) fractures?",
    f"(?:leads?|wires?|hardware|catheters?|rods?|screws?|sutures?|plates?) {_WHOLE}",
    "fractures? (?:repair|fixation|reduction)", "failure (?:of|to)",
    "(?:needle|foreign body) aspiration", "(?:metallic|surgical|contrast|metal|radiopaque|pleural) densit(?:y|ies)",
    r"(?:peripheral|leg|ankle|extremity) edema", r"(?:lung |pulmonary |active )*tubercul\w+ infections?",
    "(?:osseous|bony|bone|lytic|sclerotic|blastic|destructive|skin|cutaneous) (?:lytic |or |and |destructive "
    "|blastic )*lesions?",
)  # fmt: skip

# A reticular pattern is interstitial disease where the sentence does not call it fibrosis.
RETICULAR: dict[str, tuple[str, ...]] = {
    r"reticul(?:ar nodular|o ?nodular|ar) (?:\w+ )?(?:opacit\w+|densit\w+)": (
        "interstitial lung disease", "lung opacity"),
    "reticul(?:ar nodular|o ?nodular|ar)(?: pattern)?": ("interstitial lung disease",),
}  # fmt: skip

# A nodule where nothing harmless explains it in the same sentence (a nipple, a rib, crossing shadows).
NODULAR: tuple[str, ...] = (r"nodular (?:\w+ ){0,4}(?:opacit\w+|opacification|densit\w+)",)

# What was once: named as the cause of a trace that is left ("scarring from prior pneumonia"), it states nothing now.
PAST: dict[str, str] = {
    r"(?:old|prior|previous|remote|past|healed|earlier|childhood|antecedent|treated) "
    r"(?:(?!granuloma|no |without |but )\w+ ){0,3}"
    r"(?:pneumoni\w+|pna|infections?|infectious|aspiration)": "pneumonia",
    r"(?:sequela\w*|residua\w*) (?:of|from) (?:(?!granuloma)\w+ ){0,2}"
    r"(?:pneumoni\w+|infections?|aspiration)": "pneumonia",
    "(?:after|following) (?:an? |the |his |her )?(?:\\w+ )?(?:pneumonia|infection)": "pneumonia",
    "(?:after|following) (?:an? |the |his |her )?(?:\\w+ )?(?:empyema|h(?:a?)emothora\\w+)": "pleural effusion",
    "status post (?:(?!no |without |and |but )\\w+ ){0,2}pneumothora\\w+": "pneumothorax",
    "(?:old|prior|previous|remote|former) (?:\\w+ )?(?:chest|thoracostomy) tubes?": "chest tube",
    "(?:old|prior|previous|remote|past|healed) (?:\\w+ )?(?:empyema|h(?:a?)emothora\\w+)": "pleural effusion",
}  # fmt: skip

# Present turns into absent: the word itself says that the thing is gone.
GONE: dict[str, tuple[str, ...]] = {"endotracheal tube": (r"extubat\w+",)}

# A mass, but where the sentence speaks of nodules: "nodules consistent with malignancy", "nodular lesion".
CANCERS: tuple[str, ...] = (
    "lung cancer", "(?:upper|middle|lower) lobe (?:cancer|tumou?r)", r"carcinoma\w*", r"malignan\w+", r"neoplas\w+",
    "(?:upper|middle|lower) lobe lesions?",
    r"lesions? (?:is |are )?(?:(?:seen|noted|present|identified) )?(?:in|of|within|at) the (?:\w+ ){0,3}"
    "(?:lungs?|lobes?|lingula|zones?|apex|apices)",
)  # fmt: skip

# An opacity where it is present; its denial denies consolidation too.
AIRSPACE: tuple[str, ...] = ("(?:lung |pulmonary )?air ?space diseases?",)

# Signs: they yield to a wording of the same entity in the same sentence.
SIGNS: dict[str, str] = {
    r"lucency (?:\w+ )?(?:under|beneath|below) (?:the |either |\w+ )*(?:hemi ?)?diaphragm\w*": "free air",
}

# Counted only under a negation: "no acute cardiopulmonary process", never "cardiopulmonary disease".
ONLY_NEGATED: dict[str, tuple[str, ...]] = {
    r"(?:cardio ?(?:pulmonary|thoracic|respiratory)|intra ?thoracic|thoracic|pulmonary|chest|lung|parenchymal)"
    r" (?:process|disease|abnormalit\w+|patholog\w+|findings?)": ("consolidation", "lung opacity"),
    r"air ?space (?:process|abnormalit\w+)": ("consolidation", "lung opacity"),
    r"(?:osseous|osseus|bony|skeletal|bone) (?:\w+ )?(?:abnormalit\w+|injur\w+|patholog\w+|findings?"
    "|process)": ("fracture",),
    r"pleural abnormalit\w+": ("pleural effusion",),
    r"acute (?:cardio ?(?:pulmonary|thoracic)|cp) (?:\w+ )?(?:process|disease|abnormalit\w+|patholog\w+|findings?)":
        ("consolidation", "edema", "pneumonia"),
}  # fmt: skip

DEVICES = frozenset(
    {"endotracheal tube", "enteric tube", "central line", "pacemaker", "chest tube", "sternotomy wires"}
)


# Kind and entities of a wording.
Term = tuple[str, tuple[str, ...]]


def _terms() -> Alternation[Term]:
    """All wordings with their kind and entities.

    Kinds: term, decoy, gone, only negated, reticular, nodular, past, sign, airspace, cancer.
    """
    rows: list[tuple[str, Term]] = []
    rows += [(wording, ("term", (name,))) for name, wordings in WORDINGS.items() for wording in wordings]
    rows += [(wording, ("term", names)) for wording, names in SHARED.items()]
    rows += [(wording, ("decoy", ())) for wording in DECOYS]
    rows += [(wording, ("gone", (name,))) for name, wordings in GONE.items() for wording in wordings]
    rows += [(wording, ("only negated", names)) for wording, names in ONLY_NEGATED.items()]
    rows += [(wording, ("reticular", names)) for wording, names in RETICULAR.items()]
    rows += [(wording, ("nodular", ("lung opacity", "nodule"))) for wording in NODULAR]
    rows += [(wording, ("cancer", ("mass",))) for wording in CANCERS]
    rows += [(wording, ("airspace", ("lung opacity", "consolidation"))) for wording in AIRSPACE]
    rows += [(wording, ("sign", (name,))) for wording, name in SIGNS.items()]
    rows += [(wording, ("past", (name,))) for wording, name in PAST.items()]
    return Alternation(rows)


TERMS = _terms()
