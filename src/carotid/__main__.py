"""`python -m carotid` is `carotid`."""

from carotid.cli import main

main()
