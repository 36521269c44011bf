A = [1, 2; 3, 4]
P = softmax(A, axis=1)
D = ∂P/∂A
