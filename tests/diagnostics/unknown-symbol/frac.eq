z = \frac{1}{2}
