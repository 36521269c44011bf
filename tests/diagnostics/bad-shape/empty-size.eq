x in R^{n×}
