y = x^; x = 2
