"""``python -m maquette.cli``: the command where the script is not on the path."""

from maquette.cli import main

main()
