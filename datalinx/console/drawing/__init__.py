"""Pictures as SVG, drawn on the server by functions that know nothing of requests."""
