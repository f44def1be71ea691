"""From report text to sections, sentences and entity statuses with side, zone and region."""
