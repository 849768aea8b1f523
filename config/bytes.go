package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is a size. It is written as a whole number with a binary unit, such as 512KiB, 16MiB or 1GiB, or
// as a bare number of bytes.
type Bytes int64

// The units of a size, each 1024 times the one before.
const (
	KiB Bytes = 1 << 10
	MiB Bytes = 1 << 20
	GiB Bytes = 1 << 30
	TiB Bytes = 1 << 40
)

type byteUnit struct {
	name string
	size Bytes
}

func byteUnits() []byteUnit {
	return []byteUnit{{"TiB", TiB}, {"GiB", GiB}, {"MiB", MiB}, {"KiB", KiB}}
}

// ParseBytes reads a size. Decimal units (kB, MB) are refused rather than taken for their binary
// neighbours.
func ParseBytes(text string) (Bytes, error) {
	digits, factor := text, Bytes(1)
	for _, unit := range byteUnits() {
		if number, found := strings.CutSuffix(text, unit.name); found {
			digits, factor = number, unit.size
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%q is not a size: write a whole number and KiB, MiB, GiB or TiB, such as 16MiB", text)
	}
	if Bytes(n) > math.MaxInt64/factor {
		return 0, fmt.Errorf("%q is more than a size can be", text)
	}
	return Bytes(n) * factor, nil
}

// String writes the size in the largest unit that divides it; ParseBytes reads it back.
func (b Bytes) String() string {
	for _, unit := range byteUnits() {
		if b != 0 && b%unit.size == 0 {
			return strconv.FormatInt(int64(b/unit.size), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}
