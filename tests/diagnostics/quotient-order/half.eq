a = 1; b = 2; c = 3
s = a / b c
