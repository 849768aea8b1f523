package campus_test

import (
	"testing"

	"acquis/internal/campus"
	"acquis/schemas"
)

func TestStatementsConformToTheSpecification(t *testing.T) {
	c := campus.New(1)
	demo, load := c.Demo(), make([]campus.Statement, 500)
	for i := range load {
		load[i] = campus.Statement{JSON: c.Bench(i*97, 0), Version: campus.Version103}
	}
	for name, statements := range map[string][]campus.Statement{"the demo": demo, "the load": load} {
		t.Run(name+" breaks no rule of its version", func(t *testing.T) {
			for i, stmt := range statements {
				schema, err := schemas.Statement(stmt.Version)
				if err != nil {
					t.Fatal(err)
				}
				violations, err := schema.Check(stmt.JSON)
				if err != nil || len(violations) > 0 {
					t.Fatalf("statement %d: %v %v\n%s", i, violations, err, stmt.JSON)
				}
			}
		})
	}
}
