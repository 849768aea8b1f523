package lrs

import (
	"bytes"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Activities lists the IRIs of the activities that a statement mentions, each once.
func Activities(s *Statement) []string {
	iris := make([]string, 0, len(s.places.activities))
	for _, a := range s.places.activities {
		iris = append(iris, a.ID)
	}
	slices.Sort(iris)
	return slices.Compact(iris)
}

// AttachmentDigests lists the SHA-2, in lower case, of the attachments of a statement and its
// SubStatement, each once.
func AttachmentDigests(s *Statement) []string {
	var digests []string
	for _, a := range attachmentsOf(s) {
		digests = append(digests, strings.ToLower(a.SHA2))
	}
	slices.Sort(digests)
	return slices.Compact(digests)
}

// attachmentsOf lists the attachments of a statement and its SubStatement.
func attachmentsOf(s *Statement) []Attachment {
	if s.Object.Kind != ObjectSubStatement {
		return s.Attachments
	}
	return slices.Concat(s.Attachments, s.Object.SubStatement.Attachments)
}

// MergeDefinition lays an activity definition over the canonical one (Data 2.4.4.1, Communication
// 2.5): each language of name and description and each extension is replaced on its own, every
// other property as a whole. It returns current itself when that changes nothing.
func MergeDefinition(current, update RawJSON) (RawJSON, error) {
	if len(current) == 0 {
		compact := jsontext.Value(bytes.Clone(update))
		if err := compact.Compact(); err != nil {
			return nil, err
		}
		return RawJSON(compact), nil
	}
	merged, changed, err := mergeObjects(current, update, func(name string) bool {
		return name == "name" || name == "description" || name == "extensions"
	})
	if err != nil || !changed {
		return current, err
	}
	return merged, nil
}

// MergeJSON lays the top-level properties of update over those of current, both JSON objects, as
// the document resources merge (Communication 2.2).
func MergeJSON(current, update []byte) ([]byte, error) {
	merged, _, err := mergeObjects(current, update, func(string) bool { return false })
	return merged, err
}

// member is a property of a JSON object, its value as it was written.
type member struct {
	name  string
	value RawJSON
}

// readMembers lists the properties of a JSON object in order.
func readMembers(object []byte) ([]member, error) {
	r := newReader(object)
	defer r.release()
	var members []member
	_, ok := r.object("a JSON object", "Communication 2.2", func(name []byte) {
		members = append(members, member{string(name), bytes.Clone(r.value())})
	})
	if ok && r.err == nil {
		if _, err := r.dec.ReadToken(); !isEOF(err) {
			r.failAt("", "json", "", "something follows after the JSON object")
		}
	}
	if len(r.violations) > 0 {
		return nil, &Error{Kind: KindInvalid, Detail: "the content is not one JSON object", Violations: r.violations}
	}
	return members, nil
}

func writeMembers(members []member) []byte {
	b := []byte{'{'}
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendQuoted(b, m.name), ':')
		b = append(b, m.value...)
	}
	return append(b, '}')
}

// mergeObjects replaces properties of current by those of update; those that deep names, when both
// are objects, are merged one level further.
func mergeObjects(current, update []byte, deep func(name string) bool) (merged []byte, changed bool, err error) {
	members, err := readMembers(current)
	if err != nil {
		return nil, false, err
	}
	updates, err := readMembers(update)
	if err != nil {
		return nil, false, err
	}
	at := make(map[string]int, len(members))
	for i, m := range members {
		at[m.name] = i
	}
	for _, m := range updates {
		i, known := at[m.name]
		switch {
		case !known:
			members, changed = append(members, m), true
		case deep(m.name) && isObject(members[i].value) && isObject(m.value):
			inner, innerChanged, err := mergeObjects(members[i].value, m.value, func(string) bool { return false })
			if err != nil {
				return nil, false, err
			}
			if innerChanged {
				members[i].value, changed = inner, true
			}
		case !equalJSON(members[i].value, m.value):
			members[i].value, changed = m.value, true
		}
	}
	if !changed {
		return current, false, nil
	}
	return writeMembers(members), true, nil
}

func isObject(v RawJSON) bool { return len(v) > 0 && v[0] == '{' }
