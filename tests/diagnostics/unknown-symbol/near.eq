z = \gama
