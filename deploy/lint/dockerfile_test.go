package lint

import (
	"os"
	"slices"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

func TestDockerfile(t *testing.T) {
	file, err := os.Open("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	tree, err := parser.Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, warning := range tree.Warnings {
		t.Errorf("%s", warning.Short)
	}
	complaints := linter.New(&linter.Config{Warn: func(rule, _, _, message string, at []parser.Range) {
		t.Errorf("%s: %s %v", rule, message, at)
	}})
	stages, _, err := instructions.Parse(tree.AST, complaints)
	if err != nil {
		t.Fatal(err)
	}
	image := stages[len(stages)-1]
	if image.BaseName != "scratch" {
		t.Errorf("the image is built upon %s", image.BaseName)
	}
	var user, entry, health []string
	for _, command := range image.Commands {
		switch c := command.(type) {
		case *instructions.UserCommand:
			user = append(user, c.User)
		case *instructions.EntrypointCommand:
			entry = c.CmdLine
			if c.PrependShell {
				t.Error("the entry point needs a shell, which the image does not have")
			}
		case *instructions.HealthCheckCommand:
			health = c.Health.Test
		}
	}
	if !slices.Equal(user, []string{"65532:65532"}) { // a name cannot be looked up without /etc/passwd
		t.Errorf("it runs as %v", user)
	}
	if !slices.Equal(entry, []string{"/acquis"}) || !slices.Equal(health, []string{"CMD", "/acquis", "health"}) {
		t.Errorf("entry point %v, health check %v", entry, health)
	}
}
