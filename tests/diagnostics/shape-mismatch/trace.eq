A = ones(2, 3)
t = trace(A)
