"""What a user types: options, renamed keys, and errors of one line."""
