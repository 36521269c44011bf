x = 3
y = log x
