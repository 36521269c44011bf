x in R^2
x in R^3
