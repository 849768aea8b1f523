package lrs

import (
	"errors"

	"github.com/google/uuid"
)

var (
	errUUIDForm = errors.New("is not a UUID in standard form, such as 6690e6c9-3ef0-4ed3-8b37-7f3964730bee")
	errUUIDNil  = errors.New("is the nil UUID, which identifies nothing: make a new one")
)

// ParseUUID reads a UUID in its standard string form: 36 characters, hexadecimal in either case, four
// hyphens (Data 2.4.1, 4.4). Braces, "urn:uuid:" and plain hexadecimal are refused. Variant and
// version are not judged, as 4.4 only recommends one; the nil UUID is refused, as it cannot tell one
// thing from another.
func ParseUUID(s string) (uuid.UUID, error) {
	if len(s) != len("6690e6c9-3ef0-4ed3-8b37-7f3964730bee") {
		return uuid.Nil, errUUIDForm
	}
	id, err := uuid.Parse(s)
	switch {
	case err != nil:
		return uuid.Nil, errUUIDForm
	case id == uuid.Nil:
		return uuid.Nil, errUUIDNil
	}
	return id, nil
}
