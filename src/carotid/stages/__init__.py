"""The pipeline's steps, one a file, and the loop that takes a cohort through them."""
