x in R^{-1}
