"""Numbers to pictures: pixels, lines over them, charts. Nothing here knows what is shown."""
