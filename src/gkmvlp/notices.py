"""What a reader must be told, wherever it is shown."""

NO_PATIENT = "A model that never saw a patient: it was trained on phantoms only."
NOT_CLINICAL = "Research software, not for clinical use."
CREDENTIALED = "Made from credentialed data: its use agreement covers this page. Do not share it."
