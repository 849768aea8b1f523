package config

import (
	"strings"
	"testing"
	"time"
)

func TestEveryKey(t *testing.T) {
	seen := map[string]string{}
	for _, k := range keys(&Config{}) {
		t.Run(k.Name, func(t *testing.T) {
			if !strings.HasSuffix(k.Meaning, ".") {
				t.Error("has no meaning that is a sentence")
			}
			if err := k.set(k.Default); err != nil {
				t.Errorf("the default is refused: %v", err)
			}
			byDefault := k.shown()
			if err := k.set(k.Example); err != nil {
				t.Errorf("the example is refused: %v", err)
			}
			if k.shown() == byDefault {
				t.Error("the example shows nothing that the default does not")
			}
			switch k.into.(type) {
			case *int, *Bytes, *time.Duration:
				if k.Min == "" || k.Max == "" || k.bound(k.Min) >= k.bound(k.Max) {
					t.Errorf("the bounds %q and %q are not two bounds", k.Min, k.Max)
				}
			}
			if !newLoader().isSection(k.Section()) && k.Section() != "" {
				t.Errorf("the section %q is not declared", k.Section())
			}
		})
		for _, name := range []string{k.Name, k.Variable(), k.FileVariable()} {
			if other, taken := seen[name]; taken && name != "" {
				t.Errorf("%s and %s share the name %s", k.Name, other, name)
			}
			seen[name] = k.Name
		}
	}
}

// shown is the value as text, secrets included.
func (k key) shown() string {
	if secret, ok := k.into.(*Secret); ok {
		return secret.Reveal()
	}
	return k.text()
}

func TestEverySectionHasKeys(t *testing.T) {
	eachSection(func(s section, keys []key) {
		if len(keys) == 0 {
			t.Errorf("section %q is empty", s.name)
		}
		if s.title == "" || s.meaning == "" {
			t.Errorf("section %q lacks a title or a meaning", s.name)
		}
	})
}

func TestDefaultIsValid(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
}
