package main

import (
	"errors"
	"slices"

	"acquis/access"
	"acquis/lrs"
	"acquis/schemas"
)

// contract lets a partner's JSON Schema speak to access, which must not know schemas.
type contract struct{ *schemas.Contract }

// Judge implements access.SchemaJudge.
func (c contract) Judge(statement []byte) []lrs.Violation {
	return toViolations("", c.Contract.Judge(statement))
}

// compileContract is the access.Compiler. A refusal points into the member "schema" of a registration.
func compileContract(document []byte) (access.SchemaJudge, error) {
	compiled, err := schemas.NewContract(document)
	var refused *schemas.Refusal
	if errors.As(err, &refused) {
		return nil, &lrs.Error{Kind: lrs.KindInvalid, Detail: "the schema cannot be taken", Violations: toViolations("/schema", refused.Violations)}
	}
	if err != nil {
		return nil, err
	}
	return contract{compiled}, nil
}

// shippedContracts are the schemas that the product brings.
func shippedContracts() ([]access.Schema, error) {
	contracts, err := schemas.Sources()
	if err != nil {
		return nil, err
	}
	shipped := make([]access.Schema, len(contracts))
	for i, c := range contracts {
		shipped[i] = access.Schema{Name: c.Name, Version: c.Version, Body: c.Document()}
	}
	return shipped, nil
}

func toViolations(below string, found []schemas.Violation) []lrs.Violation {
	violations := slices.Grow([]lrs.Violation(nil), len(found))
	for _, v := range found {
		v.Pointer = below + v.Pointer
		violations = append(violations, lrs.Violation(v))
	}
	return violations
}
