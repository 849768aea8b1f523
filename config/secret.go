package config

import (
	"fmt"
	"io"
	"log/slog"
)

// Secret is a text that no way of printing shows: not fmt with any verb, not slog, not JSON or YAML.
// Only Reveal gives it away.
type Secret string

const hidden = "(hidden)"

// Reveal is the text itself, for the one place that needs it.
func (s Secret) Reveal() string { return string(s) }

// String tells only whether the secret is set.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// Format answers every verb: with a Stringer alone, %d would still print the text.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
