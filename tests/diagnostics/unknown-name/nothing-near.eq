z = 3 q
