package lrs

import (
	"math"
	"strconv"
	"strings"
)

// normalForm splits a JSON number into its significant digits, without leading or trailing zeros, and
// a power of ten, so that the number is ±digits·10^exponent. Zero has no digits. Exponents beyond
// what an int32 holds are clamped: such numbers compare by their exponents alone anyway.
func normalForm(literal string) (digits string, exponent int, negative bool) {
	literal, negative = strings.CutPrefix(literal, "-")
	if mantissa, power, ok := cutExponent(literal); ok {
		literal = mantissa
		n, err := strconv.ParseInt(power, 10, 32)
		if err != nil {
			n = math.MaxInt32
			if strings.HasPrefix(power, "-") {
				n = math.MinInt32
			}
		}
		exponent = int(n)
	}
	whole, fraction, _ := strings.Cut(literal, ".")
	exponent -= len(fraction)
	digits = strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(trimmed)
	if trimmed == "" {
		return "", 0, false
	}
	return trimmed, exponent, negative
}

func cutExponent(literal string) (mantissa, power string, ok bool) {
	i := strings.IndexAny(literal, "eE")
	if i < 0 {
		return literal, "", false
	}
	return literal[:i], literal[i+1:], true
}

// equalNumber reports whether two JSON numbers denote the same value, however they are written.
func equalNumber(a, b string) bool {
	if a == b {
		return true
	}
	da, ea, na := normalForm(a)
	db, eb, nb := normalForm(b)
	return da == db && ea == eb && na == nb
}

// lessNumber reports whether a < b, exactly.
func lessNumber(a, b string) bool {
	da, ea, na := normalForm(a)
	db, eb, nb := normalForm(b)
	switch {
	case da == "" && db == "":
		return false
	case da == "":
		return !nb
	case db == "":
		return na
	case na != nb:
		return na
	case na:
		da, ea, db, eb = db, eb, da, ea
	}
	if magnitude := (len(da) + ea) - (len(db) + eb); magnitude != 0 {
		return magnitude < 0
	}
	return da < db // same magnitude: digits compare as text, the shorter prefix being the smaller
}
