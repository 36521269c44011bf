A = ones(2, 3)
P = softmax(A)
