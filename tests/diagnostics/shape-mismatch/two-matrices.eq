A = ones(3, 2); B = ones(3, 4)
C = A B
