"""Results for other people's tools, and what comes back from them."""
