package lrs

import "strings"

// Version is a version of xAPI that the store speaks.
type Version string

// The versions spoken, as they are announced in X-Experience-API-Version.
const (
	V103 Version = "1.0.3" // adlnet/xAPI-Spec, 1.0.x
	V200 Version = "2.0.0" // IEEE 9274.1.1
)

// ParseVersion reads the X-Experience-API-Version header: "1.0" and every "1.0.x" mean V103,
// "2.0" and every "2.0.x" mean V200 (Communication 3.3; 2.0: 4.1.7). ok is false for the rest.
func ParseVersion(header string) (v Version, ok bool) {
	minor := header[:min(len(header), len("1.0"))]
	if rest := header[len(minor):]; rest != "" {
		patch, dotted := strings.CutPrefix(rest, ".")
		if !dotted || patch == "" || strings.Trim(patch, "0123456789") != "" {
			return "", false
		}
	}
	switch minor {
	case "1.0":
		return V103, true
	case "2.0":
		return V200, true
	default:
		return "", false
	}
}
