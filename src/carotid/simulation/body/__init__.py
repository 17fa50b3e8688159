"""What surrounds the carotids in a neck that is scanned whole: spine, muscles, organs, skin."""
