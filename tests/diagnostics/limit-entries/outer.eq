u = ones(100000)
A = u u^T
s = sum(A)
