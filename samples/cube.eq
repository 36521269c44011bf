# One output, one input: the gradient is the slope, df/dx = 3x^2.
# "How much will the output change if we change the input a bit?"

f(x) = x^3
x = 2

f == 8
∂f/∂x == 3 x^2
∂f/∂x == 12

# A bit is 0.001: the output changes about 12 times as much.
((x + 0.001)^3 - x^3) / 0.001 == 12.006
