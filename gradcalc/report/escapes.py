"""Words in LaTeX."""

from __future__ import annotations

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "×": r"$\times$",
    "∂": r"$\partial$",
    "→": r"$\to$",
    "←": r"$\leftarrow$",
    "⟨": r"$\langle$",
    "⟩": r"$\rangle$",
    "²": "$^2$",
    "|": r"\textbar{}",
    "√": r"$\surd$",
    "−": "$-$",
    "∘": r"$\circ$",
    "⊗": r"$\otimes$",
    "‖": r"$\lVert$",
    "δ": r"$\delta$",
    "…": r"\dots{}",
    "∈": r"$\in$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "≠": r"$\ne$",
    "·": r"$\cdot$",
    "ℝ": r"$\mathbf{R}$",
    "ᵀ": "$^T$",
    "∞": r"$\infty$",
}
_GREEK_NAMES = (
    "αalpha βbeta γgamma εvarepsilon ζzeta ηeta θtheta ιiota κkappa λlambda μmu νnu ξxi πpi ρrho σsigma "
    "τtau υupsilon φvarphi χchi ψpsi ωomega ΓGamma ΔDelta ΘTheta ΛLambda ΞXi ΠPi ΣSigma ΦPhi ΨPsi ΩOmega"
)
_ESCAPES.update({word[0]: f"$\\{word[1:]}$" for word in _GREEK_NAMES.split()})


def escape(text: str) -> str:
    """Words as LaTeX shows them; characters that it has no plain form for become U+XXXX."""
    return "".join(_ESCAPES.get(c) or (c if c.isascii() or "À" <= c <= "ɏ" else f"U+{ord(c):04X}") for c in text)
