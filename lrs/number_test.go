package lrs

import (
	"fmt"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// numberLiteral makes numbers in every spelling of JSON, with exponents that math/big can bear.
var numberLiteral = rapid.Custom(func(r *rapid.T) string {
	digits := rapid.StringMatching(`0|[1-9][0-9]{0,5}(0{0,3})`)
	literal := rapid.SampledFrom([]string{"", "-"}).Draw(r, "sign") + digits.Draw(r, "whole")
	if rapid.Bool().Draw(r, "fraction") {
		literal += "." + rapid.StringMatching(`0{0,3}[0-9]{1,4}0{0,3}`).Draw(r, "decimals")
	}
	if rapid.Bool().Draw(r, "power") {
		literal += rapid.SampledFrom([]string{"e", "E", "e+", "E-", "e-00"}).Draw(r, "e") + fmt.Sprint(rapid.IntRange(0, 12).Draw(r, "exponent"))
	}
	return literal
})

func rational(tb interface{ Fatalf(string, ...any) }, literal string) *big.Rat {
	n, ok := new(big.Rat).SetString(literal)
	if !ok {
		tb.Fatalf("not a number: %s", literal)
	}
	return n
}

func TestNumbersCompareAsMathBigDoes(t *testing.T) {
	compare := func(r *rapid.T, a, b string) {
		sign := rational(r, a).Cmp(rational(r, b))
		if equalNumber(a, b) != (sign == 0) || lessNumber(a, b) != (sign < 0) || lessNumber(b, a) != (sign > 0) {
			r.Fatalf("%s and %s compare as equal %v, less %v, greater %v; want %d", a, b, equalNumber(a, b), lessNumber(a, b), lessNumber(b, a), sign)
		}
	}
	t.Run("any two", func(t *testing.T) {
		rapid.Check(t, func(r *rapid.T) { compare(r, numberLiteral.Draw(r, "a"), numberLiteral.Draw(r, "b")) })
	})
	t.Run("one and its neighbours", func(t *testing.T) {
		rapid.Check(t, func(r *rapid.T) {
			a := numberLiteral.Draw(r, "a")
			near := new(big.Rat).Add(rational(r, a), big.NewRat(int64(rapid.IntRange(-1, 1).Draw(r, "step")), 1_000_000))
			compare(r, a, near.FloatString(30))
		})
	})
}

func TestNumbersOfAnySize(t *testing.T) {
	ascending := []string{
		"-1e99999999999999999999", "-1e400", "-1.00000000000000000000000000001", "-1", "-1e-400", "0", "1e-99999999999999999999", "1e-400", "0.1", "0.10000000000000000000000000001", "1", "1e400", "1e401", "1e99999999999999999999",
	}
	for i, a := range ascending {
		for j, b := range ascending {
			if lessNumber(a, b) != (i < j) || equalNumber(a, b) != (i == j) {
				t.Errorf("%s and %s: less %v, equal %v", a, b, lessNumber(a, b), equalNumber(a, b))
			}
		}
	}
	for _, same := range [][2]string{{"0", "-0"}, {"0e99999999999999", "-0.0e-5"}, {"1", "1e0000000000000000000000000"}, {"1" + strings.Repeat("0", 1000), "1e1000"}, {"0." + strings.Repeat("0", 999) + "1", "1e-1000"}} {
		if !equalNumber(same[0], same[1]) || lessNumber(same[0], same[1]) || lessNumber(same[1], same[0]) {
			t.Errorf("%.20s and %.20s differ", same[0], same[1])
		}
	}
}
