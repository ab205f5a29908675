"""One place for each question that HTTP asks: who, where, may they, how often, and in what shape."""
