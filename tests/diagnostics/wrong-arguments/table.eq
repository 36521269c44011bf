y = exp(1, 2)
