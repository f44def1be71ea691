"""Plain subcommands, one a file; those of one command in its folder."""
