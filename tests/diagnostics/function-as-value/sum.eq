h = tanh + 1
