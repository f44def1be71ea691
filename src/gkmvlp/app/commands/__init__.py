"""Plain subcommands, one a file."""
