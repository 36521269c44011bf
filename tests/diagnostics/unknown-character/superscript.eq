y = x²; x = 2
