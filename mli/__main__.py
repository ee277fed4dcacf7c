"""`mli` and `python -m mli`: the command line."""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the console command; Ctrl-C while it is loaded is one line, as later on."""
    try:
        from mli.commands.application import app
    except KeyboardInterrupt:
        sys.exit("mli: interrupted")
    app()


if __name__ == "__main__":
    main()
