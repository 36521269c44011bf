s = trace(I)
