"""Many files and many rows of inputs, one record each: the same bytes however the work is shared out."""
