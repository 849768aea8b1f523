package connectors_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"acquis/connectors"
)

func TestVault(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"pix": "from the file\n", "empty": " \n", "outside": "unreachable"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inner := filepath.Join(dir, "secrets")
	if err := os.Mkdir(inner, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pix", "empty"} {
		if err := os.Rename(filepath.Join(dir, name), filepath.Join(inner, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../outside", filepath.Join(inner, "link")); err != nil {
		t.Fatal(err)
	}
	vault := connectors.Vault{Dir: inner, Lookup: func(name string) (string, bool) {
		return map[string]string{"CONNECT_PIX": "from the environment", "ACQUIS_ROOT_SECRET": "another"}[name], name != "CONNECT_NONE"
	}}
	for ref, want := range map[connectors.SecretRef]string{"env:CONNECT_PIX": "from the environment", "file:pix": "from the file"} {
		if got, err := vault.Secret(ref); err != nil || got != want {
			t.Errorf("%s gives %q: %v", ref, got, err)
		}
	}
	for _, ref := range []connectors.SecretRef{
		"", "s3cret-value", "env:ACQUIS_ROOT_SECRET", "env:CONNECT_NONE", "env:PATH",
		"file:", "file:none", "file:empty", "file:link", "file:../outside", "file:/etc/hostname", "file:.hidden",
	} {
		t.Run(string(ref)+" gives nothing, and needs a person", func(t *testing.T) {
			got, err := vault.Secret(ref)
			if err == nil || got != "" || connectors.FaultOf(err).Class != connectors.NeedsPerson {
				t.Fatalf("%q: %v", got, err)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Fatalf("the refusal quotes it: %v", err)
			}
		})
	}
}
