A = I
b = sum(A)
