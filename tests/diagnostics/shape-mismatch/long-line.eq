alpha = [1, 2]; beta = [1, 2, 3]
result = 3 alpha + 4 alpha + 5 alpha + 6 alpha + 7 alpha + 8 alpha + 9 alpha + 10 alpha + 11 alpha + beta
