$z = x$
