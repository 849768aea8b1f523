package lrs

import (
	"slices"
	"strings"
)

// Role is a set of parts that a person or a service account plays in running the house. Sources
// have none: what they may do is said by scopes.
type Role uint8

// The roles.
const (
	RoleAdministrator  Role = 1 << iota // everything, accounts and their roles included
	RoleOperator                        // sources, their credentials and schemas
	RoleLicenceManager                  // seats of the organisations in its subtrees
	RoleBIReader                        // feeds of the organisations in its subtrees
	RoleAuditor                         // the audit log, and reading what is administered
)

var roleNames = []string{"administrator", "operator", "licence-manager", "bi-reader", "auditor"}

// ParseRoles reads roles by their names, separated by spaces.
func ParseRoles(names string) (Role, error) {
	var roles Role
	for name := range strings.FieldsSeq(names) {
		i := slices.Index(roleNames, name)
		if i < 0 {
			return 0, Errorf(KindInvalid, "%.60q is not a role: use %s", name, strings.Join(roleNames, ", "))
		}
		roles |= 1 << i
	}
	return roles, nil
}

// String names the roles, separated by spaces.
func (r Role) String() string {
	var names []string
	for i, name := range roleNames {
		if r&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// MarshalText implements encoding.TextMarshaler.
func (r Role) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Role) UnmarshalText(text []byte) (err error) {
	*r, err = ParseRoles(string(text))
	return err
}

// Has refuses, with KindForbidden, unless the principal plays one of the roles.
func (p Principal) Has(roles Role, action string) error {
	if p.Roles&roles == 0 {
		return Errorf(KindForbidden, "this credential may not %s: it needs the role %s", action, strings.ReplaceAll(roles.String(), " ", " or "))
	}
	return nil
}

// Reaches reports whether an organisation is in what the principal's roles are about: path names the
// organisation and those above it, in any order. Without subtrees the roles are about all.
func (p Principal) Reaches(path ...string) bool {
	return len(p.Subtrees) == 0 || slices.ContainsFunc(path, func(id string) bool { return slices.Contains(p.Subtrees, id) })
}
