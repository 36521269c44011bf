x in R^{2×3×4}
