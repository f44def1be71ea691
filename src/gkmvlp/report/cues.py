"""Words that decide a status: negations, hedges, what ends their reach. Data, compiled into one alternation.

Kinds: ``no`` reaches forward, ``not larger`` forward over all but the finding right behind it, ``gone`` reaches forward
over things that went away, ``not`` reaches a quality close by, ``absent`` and ``maybe after`` reach back, ``maybe``
forward, ``aside`` forward over what is not a statement on this image (history, questions, operations), ``once`` over
what an earlier image showed, ``aside after`` back over no statement, ``limited`` over itself and what ends right
before it, ``answer`` reaches back over what was set aside and says that it is absent, ``still`` over what was once so
and says that it is present, ``request`` over a recommendation, ``versus`` joins alternatives, ``split`` cuts the
sentence in two, ``stop`` ends forward reaches, ``keep`` is a look-alike that decides nothing.
"""

from gkmvlp.report.patterns import Alternation

_SEEN = ("(?:seen|identified|visuali[sz]ed|demonstrated|evident|present|detected|apparent|appreciated|noted|suspected"
         "|found|observed|shown|visible|discerned|recogni[sz]ed|confirmed|suggested|indicated|likely|delineated|there"
         "|reproduced|redemonstrated|in place|demonstrable|discernible|detectable|identifiable"
         "|appreciable)")  # fmt: skip
_NOT = "(?:not|never)"
_CHANGE = ("(?:significant|significantly|interval|appreciable|appreciably|definite|substantial|substantially|relevant"
           "|notable|major|obvious|real|further|other|great|much|acute|clear|short term|interim|evidence of"
           "|visible)")  # fmt: skip
_CHANGED = ("(?:changes?|changed|difference|reduction|decline|diminution|increase[ds]?"
            "|decrease[ds]?|worsen(?:ed|ing)|improve(?:d|ment)"
            "|progress(?:ed|ion)|regress(?:ed|ion)|growth)")  # fmt: skip
_SAME = f"(?:{_CHANGE} )*{_CHANGED}"
_LARGER = "(?:larger|bigger|enlarging|growing|increasing|progressing|expanding)"
# "Neither the effusion nor the edema has changed" denies neither.
_CHANGES_NOT = ("(?! (?:[\\w-]+ ){1,9}(?:has|have) (?:\\w+ly )?(?:changed|moved|shifted"
                "|progressed|increased|decreased|grown|improved"
                "|resolved|cleared)\\b)")  # fmt: skip
_MISPLACED = ("(?:malposition(?:ing)?|kink(?:ing|s)?|displacement|migration|disruption|coiling|discontinuity"
              "|dislodge?ment)")  # fmt: skip
_SMALL = "(?:small|tiny|little|minimal|minor|trace|mild|slight|faint|scant)"
_GOING = ("(?:resolved|cleared|removed|resolution|clearing|clearance|disappeared|resolve|gone|settled|regressed"
"|subsided|abated"
          "|dissipated|vanished)")  # fmt: skip
_WHOLLY = "(?:yet|been|have|completely|fully|entirely|complete|interval|interim|totally|significantly|quite)"
_PARTLY = ("(?:nearly|almost|partially|partly|incompletely|mostly|largely|near|partial|incomplete|substantially|some"
           "|somewhat|slowly|slightly|mildly|minimally|markedly|gradually|gradual|significantly"
           "|significant)")  # fmt: skip
_SHOWN = "(?:shows?|shown|showed|demonstrates?|demonstrated|undergone|undergoing|with|had|has had)"
# "Some of the edema has resolved": the rest is there.
_A_PART = ("(?:none of|some of|much of|most of|many of|several of|parts? of|half(?: of)?|(?:a )?portions? of"
           "|not (?:all|every|each|both)(?: of)?|(?:the )?(?:bulk|majority) of)")  # fmt: skip
_EXCLUDED = "(?:excluded|ruled out|discounted|dismissed|discarded)"
_CANNOT = "(?:cannot|can not|could not|may not)"
_DUE = ("(?: (?:be )?(?:due to|related to|secondary to|because of|from|(?:a )?combination of|represents?|representing"
        "|reflects?|reflecting|indicates?|indicating|with|accounted for by|attributable to|explained by"
        "|associated with|caused by))?")  # fmt: skip
_OPEN = "(?:possible|possibilit\\w+|suspected|questioned|considered|concern|consideration|equivocal|questionable)"
_BEGUN = (
    "(?:developed?|occurred|recurr?e?d?|reaccumulated?|accumulated?|formed?|arisen|appeared|reappeared|re accumulated)"
)
_EARLIER = "(?:prior|previous|earlier|old|older|last|comparison|outside|preceding|most recent)"
# What looks like a finding and is none.
_SHADOW = ("(?:(?:an?|due|secondary|related|to|from|some|of|just|only|merely|the|overlying) )*(?:summation|artifact\\w*"
           "|overlap\\w*|superimpos\\w*|superposition|nipple\\w*|projectional|confluence)")  # fmt: skip
# A shadow that a finding turned out to be.
_MERE_SHADOW = ("(?:(?:an?|the|only|merely|just|due to|from|overlying) )*(?:\\w+ )?(?:summation|artifact\\w*"
                "|overlapping|(?:breast|soft) tissues?|superimposition|superposition|nipple\\w*|skin ?folds?"
                "|projectional"
                "|confluence of)")  # fmt: skip
_EXAMS = ("(?:ct|mri|chest|further|follow|repeat|dedicated|obtaining|short|lateral|oblique|additional|correlat|imaging"
          "|decubitus|pa|upright|apical|noncontrast|cross|clinical|comparison|non|dual|expiratory"
          "|contrast)")  # fmt: skip
_STUDY = ("(?:evaluation|assessment|detection|visuali[sz]ation|sensitivity|exclusion|diagnosis|interpretation"
          "|delineation|characteri[sz]ation|detectability|identification)")  # fmt: skip
# "Decreased visualization" may be that of something smaller.
_LIMITS = ("(?:limit(?:s|ed|ing)?|reduc(?:es|ing)|decreas(?:es|ing)|hamper(?:s|ed|ing)?|hinder(?:s|ed|ing)?"
           "|imped(?:es|ed|ing)|impair(?:s|ed|ing)?|preclud(?:es|ed|ing)|restrict(?:s|ed|ing)?|prevent(?:s|ed|ing)?"
           "|degrad(?:es|ed|ing)|compromis(?:es|ed|ing)|diminish(?:es|ing)|lower(?:s|ing))")  # fmt: skip
_POOR = ("(?:limited|reduced|suboptimal|difficult|restricted|degraded|compromised|impaired|hampered|hindered|precluded"
         "|low|poor|impossible|not possible|incomplete|inadequate|insufficient)")  # fmt: skip
_RELATIVE = ("(?:mother|father|parents?|brothers?|sisters?|siblings?|aunt|uncle|cousin|grandmother|grandfather"
             "|grandparents?|wife|husband|spouse|relatives?|family(?: members?)?)")  # fmt: skip
_IS = "(?:is|are|was|were|remains?)"
_OPERATION = ("(?:lobectom|pneumonectom|mastectom|segmentectom|lumpectom|thymectom|esophagectom|nephrectom|colectom"
              "|thoracotom|bilobectom)(?:y|ies)")  # fmt: skip
_TREATED = ("(?:resections?|resected|excision|biops(?:y|ies)|surger(?:y|ies)|radiation(?: therapy| treatment)?"
            "|radiotherapy|chemotherapy|treat(?:ment|ed)|therapy|repair|ablation|thoracentesis|drainage|operation"
            "|pleurodesis|decortication|vats|thoracoscopy|transplant(?:ation)?)")  # fmt: skip
_FILM = ("(?:(?:chest|portable|frontal) )?(?:study|radiographs?|exams?|examinations?|films?|images?|ct|cxr"
         "|x ?rays?)")  # fmt: skip
_FILM_OF = f"{_FILM}(?: (?:of|from|dated|on) [\\w/-]+)?"
_FILMS = "(?:studies|study|radiographs?|exams?|examinations?|films?|images?|comparison|available)"

_BY_TECHNIQUE = ("(?:due|secondary|related|attributable) to (?:the |an? )?(?:(?:ap|portable|supine|poor|patient) )*"
                 "(?:technique|projection|positioning|rotation|magnification)")  # fmt: skip
_SETTING = "in the (?:right|appropriate|proper|correct) clinical (?:setting|context|circumstances)"
# One of two views: what it does not show the other does.
_OTHER_VIEW = ("(?:on|in|by) (?:the )?(?:lateral|frontal|pa|ap)(?: (?:view|exam|projection|image|radiograph|film|study)"
               "|(?= ?[.,;]|$))")  # fmt: skip

CUES: dict[str, tuple[str, ...]] = {
    "no": (
        "no", "(?:neither|nor) (?:is|are|was|were) there", "no evidence (?:of|for)",
        "no signs? of", "none of",
        f"none of the following(?: findings| abnormalities)?(?: (?:is|are|was|were))?(?: {_SEEN})?",
        "without", "absence of", "lack of", "devoid of",
        "negative for", "negative (?:chest |x ray |radiographs? |study |exam(?:ination)? |films? |cxr )+for",
        "free (?:of|from)", "clear of", "cleared of",
        f"neither{_CHANGES_NOT}", f"nor{_CHANGES_NOT}", "rather than", "instead of", "in place of", "as opposed to",
        "no longer (?:demonstrates?|shows?|has|have|any|contains?)", "(?:nothing|little) to (?:suggest|indicate)",
        "nothing (?:remains|(?:is )?left|is seen) of", "denies",
        "none(?= (?:of (?:them|these|those|which) )?(?:is |are )?cavit)",
        f"no evidence that(?= (?:[\\w-]+ ){{1,8}}(?:has|have) (?:\\w+ )?{_BEGUN}\\b)",
        f"{_NOT} (?:show|demonstrate|have|see|identify|visuali[sz]e|reveal|suggest|indicate|suggestive of|represent"
        "|demonstrating|showing|support|favor|appreciate|find|detect)",
        f"(?:{_CANNOT}|unable to|fail(?:s|ed)? to) (?:\\w+ly )?(?:see|identify|visuali[sz]e|appreciate|find|detect"
        "|demonstrate|discern|show|reveal)", "nowhere (?:is|are)(?: there)?", "rules out", "excludes",
        "little (?:evidence|signs?) (?:of|for)", "(?:inconsistent|incompatible) with",
        "argues? against", "against",
        f"{_NOT} (?:due to|caused by|secondary to|related to|explained by|because of|attributable to)",
        f"{_NOT} (?:appear|seem|look)(?:s|ing)? to (?:be|have|represent|reflect|show|contain|demonstrate)(?! {_SEEN})",
    ),
    "not larger": (
        f"(?:no|without) (?:{_CHANGE} )*{_MISPLACED} of", f"no evidence (?:of|for) (?:{_CHANGE} )*{_MISPLACED} of",
        f"(?:no|without) (?:an? )?(?:{_CHANGE} )*{_LARGER}",
        f"(?:no|without) (?:{_CHANGE} )*evidence of (?:an? )?(?:{_CHANGE} )*{_LARGER}",
    ),
    "gone": (
        "there used to be", "used to have", "complete regression of", "evacuation of",
        "resolution of", "removal of", "clearing of", "clearance of", "disappearance of",
        "discontinuation of", "extraction of", "withdrawal of",
    ),
    "not": ("not", "never"),
    "absent": (
        f"{_NOT} (?!only|just|merely|likely)(?:\\w+ ){{0,2}}{_SEEN}",
        f"(?:has|have|did) not (?:yet )?{_BEGUN}", "no longer", "no more", "none",
        "absent", f"{_NOT} an? (?:feature|finding)",
        f"{_NOT} (?:thought|felt|believed|considered) to be {_SEEN}", "(?:is|are) (?:\\w+ly )?lacking", "resolved",
        "cleared",
        "disappeared", "removed", "gone", "resorbed", "re ?absorbed",
        "evacuated(?! (?:the|an?|this|that|most|some|much|all|part)\\b)",
        "(?:has|have|was|were) been (?:(?:completely|fully|entirely|successfully|since|now) )?drained",
        "dissipated", "subsided", "vanished", "abated",
        "melted away", "settled(?! (?:in|on|at|into))", "(?:completely|fully|totally|entirely) regressed",
        "regressed (?:completely|fully|totally|entirely)", "discarded", "(?:has|have) given way(?= to)",
        "discontinued", "extracted", "explanted", "pulled(?! back)",
        "(?:is|are|been|now|came|come|taken|pulled) out(?! of)", "ruled out",
        "(?:has|have|was|were) (?:been )?(?:\\w+ly )?withdrawn(?! (?:to|by|into|back|\\d|slightly|somewhat))",
        f"(?:(?:is|are|was|were)(?: (?:explained|caused|accounted for) by)?|represents?"
        f"|corresponds? to|proved to be|turned out to be) {_MERE_SHADOW}",
        "excluded(?! from)",
        "resolution(?! of)", "removal(?! of)", f"(?:{_SHOWN} )?(?:(?:interval|complete|full|total) )+clearing(?! of)",
        f"{_SHOWN} (?:the )?clear(?:ing|ance)(?! of)(?!,? (?:but|yet|though) (?:\\w+ )?(?:persist|remain|continue))",
        "(?:(?:interval|complete|full|total) )+clearance(?! of)",
        "(?:on|in|at|within) neither (?:side|lung|base|apex)", "is negative", "are negative",
        "(?:cannot|can not|could not) be (?:seen|identified|demonstrated|visuali[sz]ed|detected|found)"
        f"(?! {_OTHER_VIEW})",
    ),
    "maybe after": (
        f"{_CANNOT} (?:\\w+ly )?be (?:\\w+ly )?(?:{_EXCLUDED}|ruled in|confirmed|established|verified)",
        f"(?:neither|not) (?:confirmed|established|seen|identified) n?or {_EXCLUDED}",
        f"(?:may|might|could) (?:well )?(?:be|have been|represent|reflect) {_SHADOW}",
        f"{_NOT} (?:be |been )?(?:\\w+ly )?{_EXCLUDED}",
        "(?:difficult|hard|impossible|not possible) to (?:exclude|rule out|discard|detect|see|assess)", "unlikely",
        "not impossible",
        f"(?:is|are|remains?|be|also) (?:a |also |the |another |felt |thought )*{_OPEN}",
        f"{_SETTING}(?=\\s*(?:$|[.;)]))", "in question", "until proven otherwise", "improbable", "remote possibility",
        f"{_NOT} (?:\\w+ )?likely",
        "in the differential(?: diagnosis)?", "(?:may|might|could) be present",
        "if (?:present|any|real|there(?! (?:is|are|were|remains?|be))|indeed)",
        "(?:is|are) (?:also )?less likely",
        f"(?:{_IS}|may be|might be|could be) (?:\\w+ly )?(?:likely |probably |possibly )?{_BY_TECHNIQUE}",
        "(?:is|are|was|were) (?:\\w+ly )?(?:likely|probable)(?=\\s*(?:[.,;)]|$|(?:and|but|given|though"
        "|although)\\b))", "(?:is|are) favou?red(?! over)",
        "favou?red(?=\\s*(?:[.,;)]|$))",
        "(?:may|might|could|should) be considered",
        "(?:can|could|may|might) (?:have|give|produce|cause) (?:this|such|these|a similar|an identical)",
        f"{_NOT} (?:\\w+ )?well {_SEEN} (?:on|in) (?:today|(?:the |this )?(?:current|present)|this)",
        "(?:can|could|may|might) (?:appear|look) (?:similar|identical|the same|like this)",
    ),
    "maybe": (
        f"(?:{_CANNOT}|{_NOT}|not entirely|(?:not possible|difficult|hard|impossible|unable) to) (?:\\w+ly )?"
        "(?:exclud(?:e|ing)|rul(?:e|ing) out|discard(?:ing)?)", "dubious(?: for| of)?",
        "unlikely to (?:be|represent|reflect)", "less likely", "borderline",
        "apparent",
        f"(?:likely|probably|possibly|perhaps|presumably|potentially|conceivably|maybe){_DUE}", "probable", "possible",
        "(?:it is (?:\\w+ )?)?(?:possible|conceivable|probable|likely) that(?: there (?:is|are))?",
        "not (?:impossible|inconceivable|out of the question) that(?: there (?:is|are))?",
        f"(?:{_CANNOT}|unable to|(?:difficult|hard|impossible|not possible) to) (?:\\w+ly )?(?:say|state|claim"
        "|guarantee|confirm|conclude|assert|be (?:certain|sure|confident))(?: that)? there (?:is|are) no",
        f"(?:may|might|could)(?: (?:also|well|potentially|possibly|partly|in part))?{_DUE}", "suggest\\w*(?: of)?",
        "(?:concern(?:ing)?|worrisome|suspicious|suspicion|concerns|worry) (?:for|of|about)",
        "(?:concerning|suspicious|suggestive|worrisome) (?:for|of),? but not (?:\\w+ )?(?:diagnostic|specific"
        "|pathognomonic|typical|proof) (?:of|for),?",
        "suspected(?! (?:[\\w-]+ ){1,4}(?:is|are|was|were|has been|have been) (?:now )?confirmed)", "suspects?",
        "possibilit\\w+ of", "presumed", "question(?: of| whether| if)?(?: there (?:is|are))?",
        "questionable", "query", "equivocal", "potential",
        "differential(?: diagnosis)?", "considerations?(?: includes?)?", "consider", "favou?r(?:ed|ing|s)?",
        "(?:thought|felt|believed) to (?:be|represent|reflect)", "hint of", "doubtful",
        f"{_NOT} (?:definitely|definitively|necessarily|certainly|convincingly)(?! (?:\\w+ ){{0,2}}{_SEEN})",
        f"nor can(?! (?:[\\w-]+ ){{1,6}}be (?:\\w+ly )?{_SEEN})",
        "raises?(?: the)? (?:possibility|question|concern|suspicion)(?: of| for)?",
        "(?:unclear|uncertain|unknown|(?:not|never) (?:\\w+ )?(?:clear|certain|known|sure)|unsure) (?:if|whether)"
        "(?: (?:there|this|it|these|they)(?: is| are| represents?| reflects?)?)?",
        f"{_NOT} (?:\\w+ )?(?:diagnostic|specific|pathognomonic) (?:of|for)", "doubt",
        f"(?:probably|likely|possibly|perhaps|presumably) not(?! (?:only|new|{_SAME}|{_GOING}|{_SEEN}))"
        "(?: (?:due to|represent\\w*|reflect\\w*|an?))?",
        f"(?:{_CANNOT}|unable to|(?:difficult|hard|impossible) to) (?:tell|distinguish|differentiate|separate)",
        "(?:has|have|with) (?:the|an) (?:look|appearance) of", "looks? like", "resembl\\w+",
        f"(?:unclear|uncertain|unknown|{_CANNOT} (?:tell|say|determine)) (?:if|whether) the (?:[\\w-]+ ){{1,4}}"
        "(?:represents?|reflects?|(?:is|are) due to|is an?)",
        "(?:atypical|unusual) for", "with or without", "at (?:most|best)", "impending", "threatened",
        f"{_NOT} (?:\\w+ )?typical (?:for|of)", "(?:may|might|could) be that(?: there (?:is|are))?",
        "would be (?:consistent|compatible|in keeping) with", "treat (?:\\w+ )?(?:as|like|for)",
        "more likely than not(?: that)?(?: there (?:is|are))?",
        f"{_SMALL} (?:or|to) (?:almost )?no(?! {_SAME})", f"no (?:or|to) (?:only |very )?{_SMALL}(?! {_SAME})",
        f"{_NOT} much(?! {_SAME})(?: of an?)?", "(?:hardly|scarcely|barely) any",
        f"(?:almost|virtually|practically|nearly) no(?! {_SAME})", f"no (?:more|greater|larger) than (?:an? )?{_SMALL}",
        "(?:concern|suspicion|possibility|likelihood|chance) that", f"{_NOT} (?:yet )?proven", "unproven",
        "whether (?:or not )?there (?:is|are|may be)", "doubt (?:that |whether |if )?there (?:is|are)",
        "(?:may|might|could) not (?:represent|reflect|indicate)",
        f"{_NOT} (?:clearly|definitely|definitively|necessarily|certainly) (?:an?|the|due to|represent\\w*)",
        f"(?:{_CANNOT}|(?:unable|difficult|hard|impossible) to) (?:tell|say|determine|judge|know) (?:if|whether)"
        "(?: there (?:is|are))?",
        # Open-i masks words, and what stands before "representing" is a doubt.
        "(?:most )?xxxx (?:represent\\w*|reflect\\w*|due to|related to|secondary to|compatible with"
        "|consistent with|suggest\\w*|relates to)", "most xxxx", "xxxx due(?: at xxxx)?(?: in part)?(?: to)?",
    ),
    "aside": (
        "history of", "h/o", "hx of", "r/o", "rule out",
        "to (?:exclude|rule out|discard|evaluate|assess|look)(?: for)?",
        "evaluat\\w+ (?:for|of)", "assess\\w* (?:for|of)", "check(?:ing)? for", "monitor\\w* for", "look for",
        "if(?: there (?:is|are|were|remains?|be))?",
        "unless(?: there (?:is|are))?",
        "(?:medical |surgical )?history (?:is )?(?:significant|notable|remarkable|positive) for", "history includes",
        "(?:non ?diagnostic|inadequate|insufficient) for",
        "risk (?:of|for)",
        "clinical(?:ly)? (?:concern|suspicion|question|history)(?: for| of)?",
        "year old (?:\\w+ ){0,4}(?:with|who|status post|presenting|undergoing)",
        "(?:in|for) (?:a |this |the )?patient with", "patient with(?: known| a)?",
        "(?:present(?:s|ed|ing)|admitted|hospitali[sz]ed|referred) with", "complain(?:s|ed|ing|ts?) of",
        f"{_LIMITS} (?:for |in )?(?:the |its |our )?{_STUDY}(?: of| for| to)?", "(?:not |in)?sensitive (?:for|to)",
        "ability to (?:detect|see|identify|visuali[sz]e|evaluate|assess|exclude|diagnose)",
        "(?:makes?|making) it (?:more |very )?(?:difficult|hard|impossible) to (?:detect|see|identify|visuali[sz]e"
        "|evaluate|assess)",
        "(?:sensitivity|insensitivity|specificity) (?:for|to|of)", "limited for", "suboptimal (?:for|evaluation of)",
        f"{_OPERATION}(?: \\w+){{0,2}} (?:for|of|due to|because of|secondary to|from)",
        f"{_TREATED} (?:for|of|due to|because of|secondary to)", "(?:treated|resected|excised)", "known history",
        "(?:simulate|simulates|simulating|mimic|mimics|mimicking)",
        "(?:could|may|might|can|would) (?:\\w+ly )?(?:obscure|hide|mask|conceal)",
        "(?:patient|he|she) had",
        f"{_RELATIVE} (?:has|have|had|with|died (?:of|from|with)|diagnosed with|treated for)",
        "antibiotics? (?:\\w+ )?for",
        "treat(?:ing|s|ed) (?:the |this )?(?:patient|him|her) for",
        "awaiting", "(?:would|should) (?:\\w+ )?expect(?:ed)?(?: to (?:see|find))?",
        "(?:physician|clinician|team|doctor|patient|he|she) (?:reports?|reported|describes?|described)", "according to",
        "(?:obtained|performed|done|ordered) (?:for|because of|due to)",
        "(?:patient|he|she) (?:has been|was) (?:\\w+ly )?(?:treated|followed|evaluated|admitted|hospitali[sz]ed)"
        " (?:for|with)",
    ),
    "once": (
        f"{_FILM},? (?:that|which) (?:had )?(?:showed|shown|demonstrated|revealed)",
        "(?:previously|formerly|earlier) there (?:was|were|had been)", "there (?:was|were) (?:previously|formerly)",
        "when (?:there|an?|the|it|this|these|they|he|she) (?:\\w+ ){0,3}(?:was|were|had)",
        f"{_EARLIER} {_FILM_OF} (?:\\w+ )?(?:show(?:ed|ing)|demonstrat(?:ed|ing)|reveal(?:ed|ing)|described|reported"
        "|noted)", "compar(?:ed|ison) (?:to|with) (?:[\\w/-]+ ){1,6}(?:showing|demonstrating|revealing)",
        f"(?:on|in) (?:the |an? |her |his )?{_EARLIER} {_FILM_OF},? there (?:was|were|had been)",
        f"there (?:was|were)(?= (?:[\\w-]+ ){{1,6}}(?:on|in) (?:the |an? |her |his )?{_EARLIER} {_FILM})",
        f"{_FILM} (?:of|from) (?:last (?:week|month|year)|yesterday|\\w+ (?:days?|weeks?|months?|years?) ago)"
        " (?:\\w+ )?(?:show(?:ed|ing)|demonstrat(?:ed|ing)|reveal(?:ed|ing)|described|reported|noted)",
        f"(?:on|in) (?:the |an? )?{_EARLIER} {_FILM_OF}(?= (?:[\\w-]+ ){{1,6}}(?:was|were) (?:\\w+ )?"
        "(?:described|reported|seen|noted|suspected|questioned|present|visible|identified"
        "|demonstrated))",
    ),
    "aside after": (
        "(?:by|per) (?:\\w+ )?history", "(?:(?:is|are) )?(?:strongly )?suspected clinically(?! (?:is|are|was|were)\\b)",
        "in the (?:remote |distant )?past",
        "(?:has|have) been treated(?! (?:\\w+ ){0,5}(?:but|yet|however|persist\\w*|remains?)\\b)",
        f"in (?:his|her|their|the patient's) {_RELATIVE}",
        "(?:could|may|might|can|would) (?:easily |also |not |well )*(?:be |remain )?(?:easily )?(?:missed|overlooked"
        "|obscured|hidden|masked|undetected|occult|inapparent)",
        "(?:may|might) not be (?:\\w+ )?(?:visible|seen|detected|apparent"
        "|appreciated|evident|demonstrated|identified)",
        "(?:cannot|can not|could not) be (?:\\w+ )?(?:assessed|evaluated"
        "|determined|judged)", "not (?:\\w+ )?(?:assessed|evaluated|assessable|evaluable)",
        "(?:would|may|can|could|might) be (?:\\w+ )?(?:difficult|hard|impossible) to (?:detect|see|identify|appreciate"
        "|visuali[sz]e|recogni[sz]e)",
        "(?:should|must|needs? to|has to|have to|to) be (?:\\w+ )?(?:excluded|ruled out)",
    ),
    "limited": (
        f"{_STUDY} (?:of|for|to) (?:[\\w,/-]+ ){{1,8}}{_IS} (?:\\w+ ){{0,2}}{_POOR}",
        f"{_STUDY} {_IS} (?:\\w+ ){{0,2}}{_POOR}", f"{_STUDY} {_POOR}",
        f"(?:makes?|making|renders?|rendering) (?:the )?{_STUDY} (?:of|for) (?:[\\w,/-]+ ){{1,8}}{_POOR}",
        f"no (?:[\\w,/-]+ ){{1,6}}(?:was|were) (?:\\w+ly )?{_SEEN} (?:on|in|at|by) (?:the |a |any |our )*{_EARLIER}",
        f"no (?!{_SAME})(?:(?!as |than |is |are |with |from |change )[\\w,/-]+ ){{1,6}}(?:on|in|at) (?:the |an? |our )*"
        f"(?:prior|previous|earlier|old|older|last|outside|preceding) {_FILM}",
    ),
    "answer": (
        f"(?:none|neither) (?:of (?:these|those|them|which) )?(?:{_IS} |can be )?(?:\\w+ly )?{_SEEN}",
        "(?:now|since) (?:been )?(?:completely |fully |entirely |totally )?(?:resolved|cleared|gone|disappeared)",
        "(?:which|that) (?:is|are|has|have|had) (?:(?:now|since|been|\\w+ly) )*(?:resolved|cleared|disappeared|gone"
        "|settled)",
        f"(?:which|that) (?:is|are) no longer {_SEEN}",
        f"(?:which|that) {_CANNOT} be {_SEEN}(?! {_OTHER_VIEW})",
        f"which (?:is|are) not (?:\\w+ly )?{_SEEN}(?! (?:on|in|at|by|with) (?:the |a |any |our )*{_EARLIER})"
        f"(?! {_OTHER_VIEW})",
    ),
    "still": (
        f"(?:which|that) (?:has|have|is|are) (?:now )?{_PARTLY} {_GOING}",
        f"(?:which|that) (?:(?:has|have|is|are|was|were|still|now|also|has been|\\w+ly) )*(?:persist(?:s|ed|ent)?"
        "|remains?(?! (?:an?|the|in) (?:\\w+ )?(?:concern|question|consideration|possibility))|continues?"
        f"|unchanged|stable|still {_SEEN}|not (?:\\w+ )?(?:changed|{_GOING})|improv(?:ed|ing)"
        "|worse(?:ned)?|increas(?:ed|ing)|decreas(?:ed|ing)|larger|smaller|again (?:seen|noted|present|visible))",
    ),
    "request": (
        "attention (?:to|on|at|for)",
        f"(?:would|will|should) (?:get|obtain|order|repeat) (?:(?:an?|the) )?(?!chest tube){_EXAMS}\\w*",
        "recommend(?:ed|s|ing|ations?)?", "advis(?:e|ed|able)", "(?:is|are|be) suggested", f"suggest {_EXAMS}\\w*",
        f"consider(?:ation (?:of|for|to))? (?:a |an )?{_EXAMS}\\w*", "correlat(?:e|ion)", "please",
        "(?:would|could|may|might|can|should) be (?:\\w+ )?(?:helpful|useful|beneficial|obtained|performed|of benefit"
        "|valuable|warranted|of value|followed|repeated)",
        "(?:is|are) (?:\\w+ )?(?:warranted|required|needed|necessary)",
        "(?:may|might|could|can|should) be (?:\\w+ )?considered (?:for|to)",
        "to (?:document|ensure|confirm|establish|verify|assure|re ?evaluate|reassess|better)",
        "follow ?up (?:to|for|until|of|with|in|is|can|may|should|exam\\w*|imaging|radiographs?|chest|study|films?|ct)",
        "follow ?up to (?:\\w+ )?(?:resolution|clearing)",
        "clinically (?:indicated|warranted|desired|suspected(?! (?:[\\w-]+ ){1,5}(?:is|are|was|were)\\b))",
        "would better",
        "further (?:evaluat|characteri|workup)\\w*",
    ),
    "versus": (
        f"{_CANNOT} be (?:\\w+ )?(?:distinguished|differentiated|separated|told apart) from", "indistinguishable from",
        "(?:difficult|hard|impossible) to (?:distinguish|differentiate|separate) from", "versus",
        "vs?\\.?", "(?:(?:is|are) )?favou?red over",
               "(?:is|are) (?:\\w+ )?(?:less|more) likely than(?! not)",
               "(?:less|more) likely than(?! not)"),
    "split": (
        "but", "however", "although", "though", "even though", "except(?: for)?", "aside from", "apart from",
        "other than", "besides", "yet", "whereas", "while", "nevertheless", "nonetheless", "excepting", "save for",
        "with the exception of", "on the other hand", "outside of", "despite", "in spite of",
    ),
    "stop": (
        "which", "after", "following", "post", "since",
        "(?:makes?|making|renders?|rendering)", "status post", "s/p", "given", "in the setting of", "due to",
        "there (?:is|are|has|have|remains?)", "and (?:the|there)", "with", "related to", "secondary to", "because",
        "compared", "as well as", "again", "superimposed on", "positive for",
    ),
    "keep": (
        f"{_NOT} (?:\\w+ ){{0,2}}{_SEEN} {_OTHER_VIEW}",
        f"{_NOT} (?:\\w+ ){{0,2}}{_SEEN} (?:on|in|at|by|with) (?:the |a |any |our |her |his )*{_EARLIER}",
        f"(?:none|neither) (?:{_IS} )?(?:\\w+ly )?(?:{_SEEN} )?(?:on|in|at|by|with) (?:the |a |any |our |her |his )*"
        f"{_EARLIER}", f"(?:none|neither) (?:{_IS} )?(?:{_SEEN} )?(?:previously|before|earlier)",
        f"{_NOT} (?:\\w+ )?{_SEEN} (?:on|in|at) (?:the |a )?(?:\\w+ ){{0,2}}(?:of|from|dated|in) "
        "(?:\\d|xxxx|last)[\\w/]*",
        f"{_NOT} (?:\\w+ )?{_SEEN} to (?:better|best|good) advantage", "costo ?phrenic xxxx",
        "(?:stability|chronicity|age|acuity|size|etiology|cause|change|progression|significance|nature|position) of "
        "(?:[\\w/-]+ ){1,6}(?:cannot|can not|could not) be (?:\\w+ )?(?:assessed|evaluated|determined|judged)",
        f"(?:previously|earlier) {_NOT} {_SEEN}",
        f"{_NOT} (?:previously|earlier) {_SEEN}", f"{_NOT} {_SEEN} (?:previously|before|earlier|yesterday)",
        f"tips? (?:(?:is|are) )?{_NOT} (?:\\w+ )?{_SEEN}", f"tips? {_CANNOT} be (?:\\w+ )?{_SEEN}",
        f"tips? of (?:[\\w-]+ ){{1,6}}(?:(?:is|are) {_NOT}|{_CANNOT} be) (?:\\w+ )?{_SEEN}",
        "history of known",
        f"(?:no|without|not|lack of|absence of) {_SAME}", f"no evidence (?:of|for) (?:an? |any )?{_SAME}",
        "(?:not|never|no) only", "(?:no|without) (?:a )?doubt",
        "(?:no|without) question (?:that|about)", "(?:no|without) (?:further|additional|progressive) (?:enlargement"
        "|widening|dilat\\w+|elevation)",
        "no longer (?:acute|growing|enlarging|increasing|progressing|expanding|worsening|as (?:large|big|extensive"
        "|dense|wide"
        "|prominent|severe|marked))",
        f"(?:{_CANNOT}|unable to|{_NOT}) (?:\\w+ly )?(?:see|identify|visuali[sz]e|appreciate|follow|show|include)"
        " (?:the |its |their )?(?:distal |catheter |tube |line )?(?:tips?|ends?|side ?ports?|course)",
        "no evidence that",
        "none (?:of (?:them|these|those|which) )?(?:is |are )?(?:\\w+ly )?(?:larger|bigger|greater|calcified|new"
        "|suspicious|exceed\\w*|measur\\w+|over|above|more)",
        f"n(?:either|or) (?:(?!is\\b|are\\b)[\\w-]+ ){{0,9}}(?:has|have) (?:\\w+ly )?{_GOING}",
        f"{_A_PART} (?:(?!(?:is|are|was|were|has|have|remains?|persists?)\\b)[\\w-]+ ){{1,7}}(?:has|have)"
        f" (?:been )?(?:\\w+ly )?(?:{_GOING}|drained|evacuated|re ?absorbed|resorbed)",
        f"neither (?:\\w+ ){{1,3}}nor (?:\\w+ )?(?:{_GOING}|changed|enlarged|increased|decreased)",
        "not without", "not (?:a )?new", "not an? (?:simple|typical|isolated|mere|small|minor)",
        "without (?:lung|pulmonary|vascular|bronchovascular) markings?",
        f"no (?:prior|previous|priors|comparison|old|earlier) (?:\\w+ )*{_FILMS}", "as before",
        "to (?:complete |full )?(?:resolution|clearing)",
        "(?:in|under|undergoing) (?:\\w+ ){0,3}(?:resolution(?! of)|clearing(?! of)|regression)",
        f"(?:{_PARTLY}|{_NOT})(?: {_WHOLLY}){{0,3}} (?:{_GOING}|evacuated)(?: of)?",
        "(?:consistent|compatible|associated) with",
        "(?:likely|probably|possibly|(?:may|could|might) be) (?:\\w+ )?(?:exaggerated|accentuated|magnified) (?:by"
        "|due to|from)",
        "(?:no|without) (?:interval |complete |significant |full |definite )*(?:resolution|clearing|removal)(?: of)?",
        "(?:recommend(?:ed|s|ing)?|suggest(?:ed|ing)?|advised?|consider) (?:slight |slightly |the )?(?:advanc|withdraw"
        "|retract|re ?position|remov)\\w*(?: of| back)?",
        f"(?:should|could|can|may|to|will|must) be (?:{_GOING}|advanced|withdrawn)",
        f"{_NOT} (?:\\w+ )?(?:well|fully|optimally|adequately|entirely|completely) (?:seen|evaluated|assessed|imaged"
        "|visuali[sz]ed|included|demonstrated|delineated|characteri[sz]ed|defined|shown|depicted|appreciated)",
        "not (?:\\w+ )?(?:free of|negative for|clear of|devoid of)",
    ),
}  # fmt: skip

ALL_CUES: Alternation[str] = Alternation([(wording, kind) for kind, rows in CUES.items() for wording in rows])
