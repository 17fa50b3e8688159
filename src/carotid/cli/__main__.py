"""`python -m carotid.cli` is `carotid`."""

from carotid.cli import main

main()
