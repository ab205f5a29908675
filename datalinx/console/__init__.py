"""The console: signed-in pages for people. Everything it knows and does goes through the public API."""
