"""From the files of public challenges to scans and contours as this package takes them."""
