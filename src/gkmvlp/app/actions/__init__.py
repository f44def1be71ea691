"""What the actions of ``gkmvlp data`` and ``gkmvlp zoo`` do: arguments in, what is printed out."""
