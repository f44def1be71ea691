"""Words that decide a status: negations, hedges, what ends their reach. Data, compiled into one alternation.

Kinds: ``no`` reaches forward, ``gone`` reaches forward over things that went away, ``not`` reaches a quality close by,
``absent`` and ``maybe after`` reach back, ``maybe`` forward, ``aside`` forward over what is not a statement on this
image (history, questions), ``versus`` joins alternatives, ``split`` cuts the sentence in two, ``stop`` ends forward
reaches, ``keep`` is a look-alike that decides nothing.
"""

from gkmvlp.report.patterns import Alternation

_SEEN = ("(?:seen|identified|visuali[sz]ed|demonstrated|evident|present|detected|apparent|appreciated|noted|suspected"
         "|found|observed|shown|visible|discerned|recogni[sz]ed|confirmed|suggested|indicated|likely|delineated|there"
         "|in place)")  # fmt: skip
_NOT = "(?:not|never)"
_CHANGE = ("(?:significant|significantly|interval|appreciable|appreciably|definite|substantial|substantially|relevant"
           "|notable|major|obvious|real|further|other|great|much|acute|clear|short term|interim|evidence of"
           "|visible)")  # fmt: skip
_CHANGED = ("(?:changes?|changed|difference|increase[ds]?|decrease[ds]?|worsen(?:ed|ing)|improve(?:d|ment)"
            "|progress(?:ed|ion)|regress(?:ed|ion))")  # fmt: skip
_GOING = "(?:resolved|cleared|removed|resolution|clearing|disappeared|resolve)"
_WHOLLY = "(?:yet|been|have|completely|fully|entirely|complete|interval|interim|totally|significantly|quite)"
_PARTLY = ("(?:nearly|almost|partially|partly|incompletely|mostly|largely|near|partial|incomplete|substantially|some"
           "|somewhat|slowly|slightly|mildly|minimally|markedly|gradually|gradual|significantly"
           "|significant)")  # fmt: skip
_EXCLUDE = "(?:exclude|excluded|ruled out|rule out|discounted)"
_CANNOT = "(?:cannot|can not|can't|could not|couldn't|may not)"
_DUE = ("(?: (?:be )?(?:due to|related to|secondary to|because of|from|(?:a )?combination of|represents?|representing"
        "|reflects?|reflecting|indicates?|indicating|with|accounted for by|attributable to|explained by"
        "|associated with|caused by))?")  # fmt: skip
_OPEN = "(?:possible|possibilit\\w+|suspected|questioned|considered|concern|consideration|equivocal|questionable)"
_FILMS = "(?:studies|study|radiographs?|exams?|examinations?|films?|images?|comparison|available)"

CUES: dict[str, tuple[str, ...]] = {
    "no": (
        "no", "no evidence (?:of|for)", "no signs? of", "none of", "without", "absence of", "lack of", "devoid of",
        "negative for", "free (?:of|from)", "clear of", "cleared of", "neither", "nor", "rather than", "instead of",
        "no longer (?:demonstrates?|shows?|has|have|any|contains?)", "nothing to (?:suggest|indicate)", "denies",
        f"{_NOT} (?:show|demonstrate|have|see|identify|visuali[sz]e|reveal|suggest|indicate|suggestive of|represent"
        "|demonstrating|showing|support|favor)", "fails? to (?:show|demonstrate|reveal)", "rules out", "excludes",
        "argues? against", "against",
    ),
    "gone": (
        "resolution of", "removal of", "clearing of", "disappearance of", "discontinuation of", "extraction of",
        "withdrawal of",
    ),
    "not": ("not", "isn't", "aren't", "never"),
    "absent": (
        f"{_NOT} (?:\\w+ ){{0,2}}{_SEEN}", "no longer", "no more", "none", "absent", "resolved", "cleared",
        "disappeared", "removed", "gone", "discontinued", "extracted", "explanted", "pulled(?! back)",
        "(?:is|are|been|now|came|come|taken|pulled) out(?! of)", "ruled out", "excluded(?! from)",
        "resolution(?! of)", "removal(?! of)", "clearing(?! of)", "is negative", "are negative",
        "cannot be (?:seen|identified|demonstrated)",
    ),
    "maybe after": (
        f"{_CANNOT} (?:be )?(?:\\w+ly )?{_EXCLUDE}", f"{_NOT} (?:be |been )?(?:\\w+ly )?{_EXCLUDE}",
        "(?:difficult|hard|impossible) to (?:exclude|rule out|detect|see|assess)", "unlikely", "not impossible",
        f"(?:is|are|remains?|be|also) (?:a |also |the |another |felt |thought )*{_OPEN}", "in question",
        "in the differential(?: diagnosis)?", "(?:may|might|could) be (?:present|considered)",
        "(?:is|are) (?:also )?less likely",
    ),
    "maybe": (
        f"(?:{_CANNOT}|{_NOT}|not entirely|(?:not possible|difficult|hard|impossible|unable) to) (?:\\w+ly )?"
        "(?:exclude|rule out)", "unlikely to (?:be|represent|reflect)", "less likely", "borderline", "apparent",
        f"(?:likely|probably|possibly|perhaps|presumably|potentially|conceivably){_DUE}", "probable", "possible",
        f"(?:may|might|could)(?: (?:also|well|potentially|possibly|partly|in part))?{_DUE}", "suggest\\w*(?: of)?",
        "(?:concern(?:ing)?|worrisome|suspicious|suspicion|concerns|worry) (?:for|of|about)", "suspected", "suspect",
        "possibilit\\w+ of", "presumed", "question(?: of)?", "questionable", "query", "equivocal", "potential",
        "differential(?: diagnosis)?", "considerations?(?: includes?)?", "consider", "favou?r(?:ed|ing|s)?",
        "(?:thought|felt|believed) to (?:be|represent|reflect)", "hint of", "doubtful",
        "raises?(?: the)? (?:possibility|question|concern|suspicion)(?: of| for)?",
        "(?:unclear|uncertain) (?:if|whether)(?: there (?:is|are))?",
    ),
    "aside": (
        "history of", "h/o", "hx of", "r/o", "rule out", "to (?:exclude|rule out|evaluate|assess|look)(?: for)?",
        "evaluat\\w+ (?:for|of)", "assess\\w* (?:for|of)", "monitor\\w* for", "look for", "if", "risk (?:of|for)",
        "clinical(?:ly)? (?:concern|suspicion|question|history)(?: for| of)?",
    ),
    "versus": ("versus", "vs\\.?", "as opposed to"),
    "split": (
        "but", "however", "although", "though", "even though", "except(?: for)?", "aside from", "apart from",
        "other than", "besides", "yet", "whereas", "while", "nevertheless", "nonetheless", "excepting", "save for",
        "with the exception of", "on the other hand", "outside of", "despite",
    ),
    "stop": (
        "which", "after", "following", "post", "since", "status post", "s/p", "given", "in the setting of", "due to",
        "there (?:is|are|has|have|remains?)", "and (?:the|there)", "with", "related to", "secondary to", "because",
        "compared", "as well as", "again", "superimposed on", "in (?:a|this) patient with",
    ),
    "keep": (
        f"(?:no|without|not) (?:{_CHANGE} )*{_CHANGED}", "(?:not|never|no) only", "no doubt", "no evidence that",
        "not without", "without (?:lung|pulmonary|vascular|bronchovascular) markings?",
        f"no (?:prior|previous|priors|comparison|old|earlier) (?:\\w+ )*{_FILMS}", "as before", "with or without",
        f"(?:{_PARTLY}|{_NOT})(?: {_WHOLLY}){{0,3}} {_GOING}(?: of)?", "(?:consistent|compatible|associated) with",
        "(?:no|without) (?:interval |complete |significant )*(?:resolution|clearing|removal) of",
        f"(?:should|could|can|may|to|will|must) be (?:{_GOING}|advanced|withdrawn)",
        f"{_NOT} (?:\\w+ )?(?:well|fully|optimally|adequately|entirely|completely) (?:seen|evaluated|assessed|imaged"
        "|visuali[sz]ed|included)", "not (?:\\w+ )?(?:free of|negative for|clear of|devoid of)",
    ),
}  # fmt: skip

ALL_CUES: Alternation[str] = Alternation([(wording, kind) for kind, rows in CUES.items() for wording in rows])
