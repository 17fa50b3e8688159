"""One participant's arteries to turn and to scroll through: a page that needs nothing else."""
