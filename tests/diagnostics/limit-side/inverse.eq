A = eye(3000)
B = A^-1
