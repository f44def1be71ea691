"""Words that decide a status: negations, hedges, what ends their reach. Data, compiled into one alternation.

Kinds: ``no`` reaches forward, ``gone`` reaches forward over things that went away, ``not`` reaches a quality close by,
``absent`` and ``maybe after`` reach back, ``maybe`` forward, ``aside`` forward over what is not a statement on this
image (history, questions), ``versus`` joins alternatives, ``split`` cuts the sentence in two, ``stop`` ends forward
reaches, ``keep`` is a look-alike that decides nothing.
"""

from gkmvlp.report.patterns import Alternation

_SEEN = ("(?:seen|identified|visuali[sz]ed|demonstrated|evident|present|detected|apparent|appreciated|noted|suspected"
         "|found"
         "|observed|shown|visible|discerned|recogni[sz]ed|confirmed|suggested|indicated|likely|delineated"
         "|there)")  # fmt: skip
_NOT = "(?:not|never)"
_LESS = (
    "(?:significant|significantly|interval|appreciable|appreciably|definite|substantial|substantially|relevant|notable"
)
_CHANGE = (
    rf"{_LESS}|major|obvious|real|further|other|great|much|acute|clear|short term|radiographic|interim|evidence of)"
)
_GOING = "(?:resolved|cleared|removed|resolution|clearing|disappeared|resolve)"
_PARTLY = ("(?:nearly|almost|partially|partly|incompletely|mostly|largely|near|partial|incomplete|substantially"
           "|somewhat"
           "|slowly|slightly|mildly|minimally|markedly|some|gradually|gradual|significantly|significant)")  # fmt: skip
_EXCLUDE = "(?:excluded?|ruled out|rule out|entirely excluded?|discounted)"
_DUE = ("(?: (?:be )?(?:due to|related to|secondary to|because of|from|(?:a )?combination of|represents?|representing"
        "|reflects?"
        "|reflecting|indicates?|indicating|with|accounted for by|attributable to|explained by|associated with"
        "|caused by))?")  # fmt: skip

CUES: dict[str, tuple[str, ...]] = {
    "no": ("no", "no evidence (?:of|for)", "without", "absence of", "negative for", "free (?:of|from)", "clear of",
           "lack of",
           "neither", "nor", "rather than", "instead of", "devoid of",
           "no longer (?:demonstrates?|shows?|has|have|any|contains?)",
           f"{_NOT} (?:show|demonstrate|have|see|identify|visuali[sz]e|reveal|suggest|indicate|suggestive of|represent"
           "|demonstrating|showing|support|favor)", "fails? to (?:show|demonstrate|reveal)", "nothing to suggest",
           "denies",
           "rules? out", "excludes", "argues? against", "against", "cleared of", "none of", "no signs? of"),
    "gone": ("resolution of", "removal of", "clearing of", "disappearance of", "interval resolution of",
             "interval removal of", "interval clearing of", "discontinuation of", "extraction of"),
    "not": ("not", "isn't", "aren't", "never"),
    "absent": (f"{_NOT} (?:\\w+ ){{0,2}}{_SEEN}", "no longer(?: \\w+)?", "resolved", "cleared", "disappeared",
               "removed", "absent",
               "ruled out", "excluded(?! from)", "gone", "taken out", "discontinued", "resolution(?! of)",
               "removal(?! of)",
               "clearing(?! of)", "extracted", "explanted", "pulled out", "is negative", "are negative", "none",
               "unlikely",
               "cannot be (?:seen|identified|demonstrated)", "no more"),
    "maybe after": (f"(?:cannot|can not|can't|could not|couldn't|may not) (?:be )?(?:\\w+ly )?{_EXCLUDE}",
                    f"(?:not|never) (?:be )?(?:\\w+ly )?{_EXCLUDE}", "difficult to (?:exclude|rule out)",
                    "hard to exclude",
                    "(?:is|are|remains?|be|also) (?:a |also |the |another |felt |thought )*(?:possible|possibilit\\w+"
                    "|suspected"
                    "|questioned|considered|concern|consideration|equivocal|questionable|in question)",
                    "in the differential(?: diagnosis)?", "(?:may|might|could) be (?:present|considered)",
                    "not impossible",
                    "(?:is|are) (?:also )?(?:less likely|in the differential)"),
    "maybe": ("(?:cannot|can not|can't|could not|difficult to|hard to|not|to|not entirely) (?:\\w+ly )?(?:exclude"
              "|rule out)",
              f"(?:likely|probably|possibly|perhaps|presumably|potentially|conceivably){_DUE}", "probable", "possible",
              f"(?:may|might|could)(?: (?:also|well|potentially|possibly|partly|in part))?{_DUE}",
              r"suggest\w*(?: of)?",
              "(?:concern(?:ing)?|worrisome|suspicious|suspicion|concerns|worry) (?:for|of|about)",
              r"possibilit\w+ of", "suspected",
              "presumed", "question(?: of)?", "questionable", "query", "equivocal", "potential",
              "differential(?: diagnosis)?",
              r"considerations?(?: includes?)?", "consider", "suspect", "favou?r(?:ed|ing|s)?", "less likely",
              "borderline",
              "unlikely to (?:be|represent|reflect)", "(?:thought|felt|believed) to (?:be|represent|reflect)", "r/o",
              "rule out",
              "suspicious", "raises?(?: the)? (?:possibility|question|concern)(?: of| for)?", "hint of", "apparent",
              "doubtful"),
    "aside": ("history of", "h/o", "hx of", r"evaluat\w+ (?:for|of)", r"assess\w* (?:for|of)?", "if", r"monitor\w* for",
              "look for", "clinical(?:ly)? (?:concern|suspicion|question|history) (?:for|of)?", "to assess",
              "risk (?:of|for)"),
    "versus": ("versus", r"vs\.?", "v\\.?s\\.?", "as opposed to"),
    "split": ("but", "however", "although", "though", "even though", "except(?: for)?", "aside from", "apart from",
              "other than",
              "besides", "yet", "whereas", "while", "nevertheless", "with the exception of", "on the other hand",
              "nonetheless", "excepting", "save for", "outside of", "despite"),
    "stop": ("which", "that", "after", "following", "since", "status post", "s/p", "given", "in the setting of",
             "due to",
             "there (?:is|are|has|have|remains?)", "and (?:the|there)", "with", "related to", "because", "compared",
             "as well as",
             "secondary to", "post", "again", "superimposed on", "in (?:a|this) patient with"),
    "keep": (f"(?:no|without|not) (?:{_CHANGE} )*(?:changes?|changed|difference|increase[ds]?|decrease[ds]?"
             f"|worsen(?:ed|ing)"
             "|improve(?:d|ment)|progress(?:ed|ion))", "(?:not|never|no) only", "no doubt",
             "no (?:prior|previous|priors|comparison"
             "|old|earlier) (?:\\w+ )*(?:studies|study|radiographs?|exams?|examinations?|films?|images?|comparison"
             "|available)",
             f"(?:{_PARTLY}|{_NOT})(?: (?:yet|been|have|completely|fully|entirely|complete|interval|interim|totally"
             f"|significantly)){{0,3}}"
             f" {_GOING}(?: of)?", "without (?:interval |complete |significant )*(?:resolution|clearing|removal) of",
             "no (?:interval |complete |significant )*(?:resolution|clearing|removal) of", "not without",
             f"(?:should|could|can|may|to|will|must|ready to) be (?:{_GOING}|advanced|withdrawn)",
             "(?:consistent|compatible) with",
             f"{_NOT} (?:\\w+ )?(?:well|fully|optimally|adequately|entirely|completely) (?:seen|evaluated|assessed"
             f"|visuali[sz]ed"
             "|imaged|included)", "associated with", "not (?:free of|negative for|clear of|devoid of)", "as before",
             "with or without"),
}  # fmt: skip

ALL_CUES: Alternation[str] = Alternation([(wording, kind) for kind, rows in CUES.items() for wording in rows])
