"""What a laboratory found: "covid negative" denies no finding of the film."""

import re

# Behind "negative" and "neg": whom or what was tested, and no finding.
TESTED = (
    r"(?:patients?|pt|m[ae]n|wom[ae]n|males?|females?|child|case|contact|donor|recipient|tests?|testing|swabs?"
    r"|cultures?|screen(?:ing)?|serology|results?|status|antigens?|pcr|smears?|titers?|panel|work ?up|chest|study"
    r"|exam(?:ination)?|films?|radiographs?|cxr|x-?rays?)"
)
_TEST = (
    r"(?:covid(?:[ -]?19)?|sars(?:[ -]cov[ -]?2)?|corona ?virus|hiv|hbv|hcv|hepatitis(?: [bc])?|rsv|flu"
    r"|influenza(?: [ab])?|mrsa|tb|tuberculosis|afb|ppd|mantoux|quantiferon|igra|legionella|strep|pertussis|mycoplasma"
    r"|troponins?|trop|bnp|d-?dimer|ana|anca|pregnancy|hcg|sputum"
    r"|(?:blood|urine|respiratory|viral) (?:cultures?|panel|screen))"
)
# "covid negative, pneumonia in the right base", "tb negative patient"
_OF_TEST = re.compile(
    rf"\b({_TEST}(?: (?:{_TEST}|{TESTED})){{0,2}} (?:(?:is|are|was|were|came back) )?)(?:neg\b\.?|negative\b)(?! for)"
)
# "patient is negative for flu and covid, edema at the bases"; a chest that is negative for tb is a film, and a list
# goes on: "patient is negative for tb, pneumonia and effusion"
_FOR_TEST = re.compile(
    rf"\b(?P<who>(?:(?!chest|study|exam|film|radio|cxr|x){TESTED}|he|she|tested)(?: (?:is|was|were|tested))* )"
    rf"negative for(?P<what> {_TEST}(?:(?:,|/| and| or)+ ?{_TEST}){{0,4}}"
    r"(?=;|$|,(?![^;]{0,80}\b(?:and|n?or)\b)| with\b))"
)


def without_results(lower: str) -> str:
    """A sentence in lower case in which what was tested for is called tested, whatever came out negative."""
    return _FOR_TEST.sub(r"\g<who>tested for\g<what>", _OF_TEST.sub(r"\1tested", lower))
