"""One file a subcommand: options, one call into the library, printing."""
