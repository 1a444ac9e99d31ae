package grade

import (
	"math/big"
	"strings"
)

// Score is an exact number of points out of those at stake.
type Score struct {
	Earned, Points *big.Rat
}

// String returns a score such as "12.5/15".
func (s Score) String() string {
	return FormatPoints(s.Earned) + "/" + FormatPoints(s.Points)
}

// Full reports whether all points were earned.
func (s Score) Full() bool { return s.Earned.Cmp(s.Points) == 0 }

// FormatPoints writes points with at most two decimals. It rounds down, so that
// full marks are shown only where they were earned.
func FormatPoints(points *big.Rat) string {
	hundredths := new(big.Int).Mul(points.Num(), big.NewInt(100))
	hundredths.Quo(hundredths, points.Denom())
	text := new(big.Rat).SetFrac(hundredths, big.NewInt(100)).FloatString(2)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}
