"""Sentences of a report and what they speak of, as the package's labeler reads them: entity, side, regions, boxes."""

from collections.abc import Collection, Mapping, Sequence

from gkmvlp.app.serving.reading import Box, Link, Said, Sentence
from gkmvlp.report.labeler import Mention, label_report
from gkmvlp.report.sentences import split_sentences

SAID: dict[int, Said] = {1: "present", 0: "absent", -1: "uncertain"}


def link(text: str, boxes: Mapping[str, Sequence[Box]], mapped: Collection[str]) -> list[Sentence]:
    """The sentences of a report, each with a link for every entity that it states something of.

    Args:
        text: The report.
        boxes: Entity -> its boxes on the image.
        mapped: Entities that have a heat map.
    """
    mentions = label_report(text)
    return [
        Sentence(
            sentence.text.strip(),
            tuple(_link(one, boxes, mapped) for one in mentions if one.sentence == number),
        )
        for number, sentence in enumerate(split_sentences(text))
    ]


def _link(mention: Mention, boxes: Mapping[str, Sequence[Box]], mapped: Collection[str]) -> Link:
    said = SAID[mention.status]
    found = () if said == "absent" else tuple(boxes.get(mention.entity, ()))
    no_box = "" if found else _reason(mention.entity, said)
    return Link(mention.entity, said, mention.side, mention.regions, found, no_box, mention.entity in mapped)


def _reason(name: str, said: Said) -> str:
    if said == "absent":
        return f"no box: the sentence says that {name} is absent"
    return f"no box: none of the models shows where {name} lies"
