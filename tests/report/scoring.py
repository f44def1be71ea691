"""How well statuses agree with the truth."""

from collections.abc import Mapping, Sequence


def status_f1(predicted: Sequence[Mapping[str, int]], truth: Sequence[Mapping[str, int]]) -> float:
    """Micro F1 over triples (sentence, entity, status) of mentioned entities.

    F1 = 2 hits / (number of predicted triples + number of true triples); a wrong status counts against both.

    Args:
        predicted: Entity to status (1, 0, -1) for each sentence.
        truth: The same for the same sentences.

    Returns:
        A fraction in [0, 1]; 1 where neither side mentions anything.

    Raises:
        ValueError: If the two differ in length.
    """
    given = {(row, *item) for row, statuses in enumerate(predicted) for item in statuses.items()}
    true = {(row, *item) for row, statuses in enumerate(truth) for item in statuses.items()}
    if len(predicted) != len(truth):
        raise ValueError(f"expected one prediction a sentence: {len(truth)} sentences, {len(predicted)} predictions")
    return 2 * len(given & true) / (len(given) + len(true)) if given or true else 1.0
