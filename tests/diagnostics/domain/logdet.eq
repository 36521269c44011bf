A = [1, 2; 3, 4]
s = logdet(A)
