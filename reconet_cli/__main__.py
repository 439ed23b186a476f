"""`python -m reconet_cli` is the `reconet` command."""

from reconet_cli.cli import main

if __name__ == "__main__":
    main()
