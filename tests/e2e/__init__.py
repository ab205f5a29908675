"""The platform from the outside, as one piece."""
