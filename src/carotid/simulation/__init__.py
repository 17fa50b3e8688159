"""Black-blood MRI of necks with known centerlines, made from a seed."""
