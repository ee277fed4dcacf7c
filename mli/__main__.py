"""`mli` and `python -m mli`: the command line."""

from mli.commands.application import app

__all__ = ["main"]


def main() -> None:
    """Run the console command."""
    app()


if __name__ == "__main__":
    main()
