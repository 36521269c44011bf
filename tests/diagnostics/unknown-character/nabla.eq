g = ∇s
