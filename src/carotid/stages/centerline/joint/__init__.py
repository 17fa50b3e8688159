"""Both arteries of a side found together, between voxels: each says where the other is not."""
