"""Texts that stand where a report should and say that it is elsewhere, not yet there, or never was."""

import re

from gkmvlp.report.sentences import split_sentences

_LONGEST = 300  # characters: a longer text says something
_IT = (
    r"(?:(?:radiology|radiologist'?s?|official|final|formal|full|complete|written|typed|dictated|preliminary|diagnostic"
    r"|separate|separately|other|another|attached|scanned|corresponding|previous|prior|earlier|above|below|linked|main"
    r"|imaging|narrative|text|free|chest|x-?ray|cxr|ct) )*"
    r"(?:reports?|dictations?|interpretations?|readings?|reads?|transcriptions?|transcripts?|texts?|narratives?"
    r"|results?|documents?|reporting|comments?)"
)
# Alone "no findings" is a statement, and so is "findings: none".
_PART = r"(?:(?:the|any) )?(?:impressions?|findings|conclusions?)"
_BE = r"(?:is|are|was|were|be|been|has|have|still|yet|currently|now|to|will|only|not|never)"
_AWAY = (
    r"(?:unavailable|available|pending|awaited|awaiting|outstanding|missing|absent|withheld|redacted|removed|deleted"
    r"|cancell?ed|lost|in progress|follow(?:s|ing)?|provided|found|given|recorded|entered|filed|on file|dictated"
    r"|transcribed|issued|made|received|signed|finali[sz]ed|generated|retrieved|exists?|in pacs|elsewhere"
    r"|separate(?:ly)?|n/?a|tbd|none|null|empty|restricted|attached|scanned)"
)
# Each word can be read in one way alone: time would double with each that can be read in two.
_NO_PLACE = r"(?!(?:yet|here|separately|elsewhere|so|at|to|in|on|for|by|under|with|above|below|from)\b)"
_WHERE = (
    r"(?:(?: (?:yet|here|separately|elsewhere|so far|at (?:this|the) (?:time|moment)|to follow|in (?:the )?(?:system"
    r"|pacs|ris|record|chart|database|file)|on (?:file|record|pacs)|for (?:this|the|these) (?:study|studies|exam"
    r"|examination|images?|films?|patient)|by (?:the )?(?:radiologist|radiology)|under (?:separate|another) (?:cover"
    rf"|accession(?: number)?)|with (?:the )?(?:ct|other|same)(?: {_NO_PLACE}\w+)?|above|below"
    r"|from (?:the )?same (?:day|date)))*)"
)
_STUDY = r"(?:(?:this|the) )?(?:study|exam(?:ination)?|images?|films?|radiographs?|x-?rays?|cxr|case|procedure)"
_UNREAD = r"(?:reported|read|interpreted|dictated|reviewed(?: by radiology)?|performed|done|completed)"
_SAID = re.compile(
    rf"(?:there (?:is|was|are) )?(?:no|without)(?: a| any)? {_IT}(?: {_BE})*(?: {_AWAY})?{_WHERE}"
    rf"|(?:no )?{_PART}(?: {_BE})* (?!found|absent|none|made|removed|lost){_AWAY}{_WHERE}"
    rf"|(?:the |a )?{_IT}{_WHERE}(?: {_BE})*[ :-]*{_AWAY}{_WHERE}"
    rf"|(?:await(?:ing|s)?|pending|missing)(?: the| a)? {_IT}{_WHERE}"
    rf"|(?:please |kindly )?(?:see|refer to|view|check|cf\.?|as per|per|consult)(?: the| a)? {_IT}{_WHERE}"
    rf"|(?:please )?(?:see|as|refer to) (?:the )?(?:above|below|attached|separate|separately|pacs|ris)"
    rf"|{_STUDY}(?: {_BE})* (?:un|not ){_UNREAD}{_WHERE}|(?:un|not (?:yet )?){_UNREAD}{_WHERE}"
    rf"|{_STUDY}(?: {_BE})* (?:cancell?ed|pending|reported (?:separately|elsewhere))"
    rf"|(?:to be )?(?:reported|dictated|read|interpreted) (?:separately|elsewhere|later)|to be {_UNREAD}{_WHERE}"
    r"|(?:images?|films?) only|(?:report|result|text|impression|findings)|null|nan|n/?a|tbd|tba|pending|unknown"
    r"|unavailable|not available|blank|empty|void|to follow|error"
)
# One word that is a number, a date, a truth value, or where a text lies.
_NO_TEXT = re.compile(
    r"[^\W\d_]?[\W\d_]*|true|false|[a-z][a-z0-9+.-]*://\S+"
    r"|\S+\.(?:txt|xml|html?|json|pdf|rtf|docx?|csv|zip|gz|dcm|dicom|png|jpe?g|tiff?)",
    re.IGNORECASE,
)
_EDGES = " \t.,;:!-\u2013\u2014*_()[]<>\"'#=/\\"


def is_placeholder(text: str) -> bool:
    """Whether a text says that there is no report and nothing else: "Report pending.", "see separate report".

    So do a number, a path and an address.

    Args:
        text: What ``report_text`` gives.
    """
    if len(text) > _LONGEST:
        return False
    if _NO_TEXT.fullmatch(text):
        return True
    return all(_says_nothing(sentence.text) for sentence in split_sentences(text))


def _says_nothing(sentence: str) -> bool:
    """Whether a sentence is a placeholder, whatever brackets or stars it stands in."""
    return _SAID.fullmatch(" ".join(sentence.lower().split()).strip(_EDGES)) is not None
